package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// badInput is a policy with something in it that cannot be meant.
type badInput struct {
	name string
	text string
	says []string
	host bool // only this host tells: policy check, which does not look at it, finds nothing
	code int  // the exit status; 2 when it is 0
}

// changed returns the policy that everything is right in, with one text replaced.
func changed(old, new string) string {
	text := strings.Replace(fine(), old, new, 1)
	if text == fine() {
		panic("nothing was changed: " + old)
	}
	return text
}

// entered is the policy with one more entry in its file-system list.
func entered(entry string) string {
	return policyText(module{command: []string{place.victim, said}, files: []string{entry}})
}

func badInputs() []badInput {
	size := func(text string) string { return entered(fmt.Sprintf("{path: /x, tmpfs: %s}", text)) }
	user := func(text string) string { return changed("user: nobody", "user: "+text) }
	deep := strings.Repeat("/a", 1500)
	return []badInput{
		// Paths.
		{name: "a path with a newline", text: entered(`{path: "/usr/a\nb", access: r}`), says: []string{"E505", "U+000A"}},
		{name: "a path with a zero byte", text: entered(`{path: "/usr\0", access: r}`), says: []string{"E509"}},
		{name: "a path that is not UTF-8", text: entered("{path: \"/usr/\xff\", access: r}"), says: []string{"E103", "0xff is not UTF-8"}},
		{name: "a path of 4096 bytes", text: entered(fmt.Sprintf("{path: \"%s\\\n        %s\", access: r}", strings.Repeat("/abcdefg", 256), strings.Repeat("/abcdefg", 256))),
			says: []string{"E505", "the path has 4096 bytes; the kernel takes at most 4095"}},
		{name: "a name of 256 bytes", text: entered("{path: /" + strings.Repeat("n", 256) + ", access: r}"), says: []string{"E505", "256 bytes", "at most 255"}},
		{name: "an empty path", text: entered(`{path: "", access: r}`), says: []string{"E505", "the path is empty"}},
		{name: "a working directory that is not listed", text: strings.Replace(entered("{path: /usr, access: r}"), "    filesystem:", "    working_dir: /nowhere\n    filesystem:", 1),
			says: []string{"E632", "working_dir /nowhere is not in the filesystem list"}, host: true},
		{name: "a path that leads up to the root", text: entered("{path: /usr/../.., access: r}"), says: []string{"E506"}},
		{name: "a path twice, written in two ways", text: entered("{path: /usr, access: r}\n      - {path: /opt/..//usr/., access: rw}"), says: []string{"E415", "/usr is listed twice"}},
		{name: "a path that is not there", text: entered("{path: /no/such/../path, access: r}"), says: []string{"E601", "/no/path", "if_exists"}, host: true},
		{name: "a path that is very deep", text: entered("{path: " + deep + ", tmpfs: 1M}"), says: []string{"E609", "none that is so deep"}, host: true},
		{name: "a path through a file", text: entered("{path: /etc/passwd/x, access: r}"), says: []string{"E601", "/etc/passwd/x", "not a directory"}, host: true},

		// Sizes.
		{name: "size -1", text: size("-1"), says: []string{"E501", "tmpfs is negative: -1"}},
		{name: "size -1M", text: size("-1M"), says: []string{"E501", "tmpfs is negative: -1M"}},
		{name: "size ' -1'", text: size(`" -1"`), says: []string{"E501", "tmpfs is negative: -1"}},
		{name: "size 12x", text: size("12x"), says: []string{"E503", `"12x"`, "K, M, G, T"}},
		{name: "size 1.5G", text: size("1.5G"), says: []string{"E503", `"1.5G"`}},
		{name: "size 2^63", text: size("9223372036854775808"), says: []string{"E502", "no unit"}},
		{name: "size 2^63 in units", text: size("8388608T"), says: []string{"E501", "more than can be counted"}},
		{name: "size 0", text: size("0"), says: []string{"E501", "no limit"}},
		{name: "no size", text: size(`""`), says: []string{"E503"}},

		// Users.
		{name: "user 1:", text: user(`"1:"`), says: []string{"E211", `"1:" lacks a part`, "write user: NAME"}},
		{name: "user :", text: user(`":"`), says: []string{"E211", `":" lacks a part`}},
		{name: "no user", text: user(`""`), says: []string{"E211", `"" cannot be the name of a user`}},
		{name: "user and group", text: user(`"1:2"`), says: []string{"E211", "write user: 1 and group: 2"}},
		{name: "user -1", text: user(`"-1"`), says: []string{"E211", `"-1" cannot be`}},
		{name: "user 2^32-1", text: user("4294967295"), says: []string{"E501", "more than 4294967294"}},
		{name: "user 2^32", text: user("4294967296"), says: []string{"E501", "more than 4294967294"}},
		{name: "user 1e3", text: user(`"1e3"`), says: []string{"E613", `user "1e3" does not exist`}, host: true},

		// What the list hides of the command itself.
		{name: "the loader is hidden", text: policyText(module{command: []string{"/usr/bin/true"}, files: []string{"{path: /usr/bin, access: rx}"}}), host: true, code: 126,
			says: []string{"E631", "ld-linux", "not in the filesystem list"}},
		{name: "the command is hidden under a tmpfs", text: policyText(module{command: []string{"/usr/bin/true"}, files: []string{"{path: /usr, access: rx}",
			"{path: /lib, access: rx}", "{path: /lib64, access: rx, if_exists: true}", "{path: /usr/bin, tmpfs: 1M}"}}), host: true, code: 126,
			says: []string{"E631", "/usr/bin/true", "filesystem has something new at /usr/bin, which hides"}},

		// Rules that contradict each other.
		{name: "no mount namespace", text: changed("[mount, pid,", "[pid,"), says: []string{"E411", `add "mount" to namespaces`}},
		{name: "the host's network in a namespace", text: changed("mode: none", "mode: host"), says: []string{"E410", "contradicts"}},
		{name: "a group of a dynamic user", text: user("{dynamic: true}\n    group: nogroup"), says: []string{"E416", "group has no effect"}},
		{name: "an offset without its namespace", text: user("nobody\n    time_offsets: {monotonic: 1s}"), says: []string{"E425", `add "time" to namespaces`}},
		{name: "all that is allowed is denied", text: policyText(module{command: []string{place.victim, said}, allow: []string{"read"}, deny: []string{"read"}}),
			says: []string{"E305", "no system call is allowed"}},
		{name: "a condition that never holds", text: policyText(module{command: []string{place.victim, said},
			allow: []string{`"@system-service"`, `{call: socket, when: "family == 1 && family == 2"}`}}), says: []string{"E314", "never holds"}},
		{name: "proc and tmpfs at once", text: entered("{path: /p, proc: all, tmpfs: 1M}"), says: []string{"E415", "an entry is one of"}},
		{name: "a tmpfs with a source", text: entered("{path: /x, source: /usr, tmpfs: 1M}"), says: []string{"E416", "source has no effect"}},
		{name: "a tmpfs inside of proc", text: entered("{path: /proc/sys, tmpfs: 1M}"), says: []string{"E603", "nothing fit to mount /proc/sys on"}, host: true},
		{name: "denied allows", text: changed("denied: errno EPERM", "denied: allow"), says: []string{"E302", "restricts nothing"}},
	}
}

// TestBadInput: what cannot be meant is refused by whatever reads it, and nothing is started.
func TestBadInput(t *testing.T) {
	t.Parallel()
	for _, c := range badInputs() {
		t.Run(c.name, func(t *testing.T) {
			file, code := writePolicy(t, c.text), max(c.code, 2)
			check := supervisor(t, "policy", "check", file).run(t)
			if c.host {
				check.wants(t, 0)
			} else {
				c.heard(t, check, 2)
			}
			for _, args := range [][]string{{"exec", "--policy", file}, {"--check", "--policy", file}} {
				p := supervisor(t, args...).start(t)
				r := p.ended(t)
				c.heard(t, r, code)
				if strings.Contains(r.stdout, "started") {
					t.Errorf("%s started something: %s", p, r.stdout)
				}
				p.leavesNothing(t)
			}
		})
	}
}

// heard wants the message, with a place, and few others.
func (c badInput) heard(t testing.TB, r result, code int) {
	t.Helper()
	all := r.stdout + r.stderr
	if r.status != code {
		t.Errorf("status %d, want %d:\n%s", r.status, code, excerpt(all))
	}
	for _, want := range append([]string{"policy.yaml:"}, c.says...) {
		if !strings.Contains(all, want) {
			t.Errorf("it does not say %q:\n%s", want, excerpt(all))
		}
	}
	for _, word := range []string{"malformed message", "panic", "role:", "supervisor: compile"} {
		if strings.Contains(all, word) {
			t.Errorf("%q is nothing that a user knows:\n%s", word, excerpt(all))
		}
	}
	if n := strings.Count(all, "error["); n > 2 {
		t.Errorf("%d messages about one mistake:\n%s", n, excerpt(all))
	}
}

// TestOddPaths: paths that are odd and legal work: the module reads the file in such a directory, and writes to such a tmpfs.
func TestOddPaths(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	for _, c := range []struct {
		name, dir string
		quoted    string // as YAML has it; the path when empty
		as        string // what the module calls it; the same when empty
	}{
		{name: "a colon", dir: "a:b"},
		{name: "two colons and a number", dir: "a:1:rw"},
		{name: "a backslash", dir: `a\b`},
		{name: "an escape of mountinfo", dir: `a\040b`},
		{name: "a backslash at the end", dir: `a\`},
		{name: "an equals sign and options", dir: "a=b size=1k"},
		{name: "a quote", dir: `a"b'c`},
		{name: "a blank", dir: "a b"},
		{name: "letters of others", dir: "Füße-日本"},
		{name: "a star", dir: "*?[a]"},
		{name: "a dash", dir: "-rw"},
		{name: "an emphasis", dir: "!tag &a *b #c"},
		{name: "a long name", dir: strings.Repeat("n", 255)},
		{name: "two slashes", dir: "plain", quoted: dir + "//plain///"},
		{name: "two dots", dir: "dots", quoted: dir + "/none/../dots/."},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(dir, c.dir)
			if err := os.Mkdir(path, 0o755); err != nil {
				t.Fatal(err)
			}
			writeFile(t, filepath.Join(path, "file"), "text", 0o644)
			if c.quoted == "" {
				c.quoted = path
			}
			p := policy(t, "", module{files: []string{
				"{path: '" + strings.ReplaceAll(c.quoted, "'", "''") + "', access: r}",
				"{path: '" + strings.ReplaceAll("/odd/"+c.dir, "'", "''") + "', tmpfs: 64K, access: rw}",
				"{path: '" + strings.ReplaceAll("/shown/"+c.dir, "'", "''") + "', source: '" + strings.ReplaceAll(path, "'", "''") + "', access: r}",
			}})
			tries := []string{"read:" + path + "/file", "create:/odd/" + c.dir + "/new", "fill:/odd/" + c.dir + "/big,200000", "read:/shown/" + c.dir + "/file",
				"create:/shown/" + c.dir + "/new"}
			got := inside(t, p, tries...)
			for i, want := range []string{"ok", "ok", "ENOSPC", "ok", "EROFS"} {
				if is := got[tries[i]]; is.result != want {
					t.Errorf("%s: %s %s, want %s", tries[i], is.result, is.detail, want)
				}
			}
		})
	}
	// The victim separates what it is told by commas, so another program reads here.
	t.Run("a comma", func(t *testing.T) {
		path := filepath.Join(dir, "a,b,size=1k")
		if err := os.Mkdir(path, 0o755); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(path, "file"), "text", 0o644)
		p := policy(t, "", module{files: []string{"{path: /usr, access: rx}", "{path: /lib, access: rx}", "{path: /lib64, access: rx, if_exists: true}",
			"{path: '" + path + "', access: r}"}})
		r := supervisor(t, "exec", "--policy", p, "--", "/usr/bin/cat", path+"/file").run(t)
		if r.wants(t, 0); r.stdout != "text" {
			t.Errorf("it read %q", r.stdout)
		}
	})
}
