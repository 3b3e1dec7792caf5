package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// said is what the modules of these tests would say if one were started.
const said = "say:started"

// refused runs a policy in both ways that carry it out, and wants both to refuse it in the same words.
func refused(t *testing.T, file string, status int, says ...string) {
	t.Helper()
	for _, args := range [][]string{{"exec", "--policy", file}, {"--policy", file}} {
		p := supervisor(t, args...).start(t)
		r := p.ended(t)
		r.wants(t, status, says...)
		if strings.Contains(r.stdout, "started") || strings.Contains(r.stderr, "event=instance.started") {
			t.Errorf("%s started something:\n%s%s", p, r.stdout, r.stderr)
		}
		if len(r.stderr) > 20<<10 || strings.Count(r.stderr, "\n") > 300 {
			t.Errorf("the message has %d bytes", len(r.stderr))
		}
		p.leavesNothing(t)
	}
}

func fine() string { return policyText(module{command: []string{place.victim, said}}) }

// accepted is the control: the same, but for what is wrong, is carried out.
func accepted(t *testing.T, file string) {
	t.Helper()
	r := supervisor(t, "exec", "--policy", file).run(t)
	r.wants(t, 0)
	if answers(t, r.stdout)[said].result != "ok" {
		t.Errorf("output %q", r.stdout)
	}
}

// TestUntrustedFiles: whoever can write to a policy decides what a privileged process does.
func TestUntrustedFiles(t *testing.T) {
	t.Parallel()
	chmod := func(t *testing.T, path string, mode os.FileMode) {
		t.Helper()
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name    string
		arrange func(t *testing.T, dir, file string) string // returns the path to use
		says    []string                                    // nothing when it is accepted
	}{
		{"nobody else may write", func(_ *testing.T, _, file string) string { return file }, nil},
		{"the group may write to it", func(t *testing.T, _, file string) string { chmod(t, file, 0o664); return file }, []string{"policy.yaml", "can be written by"}},
		{"others may write to it", func(t *testing.T, _, file string) string { chmod(t, file, 0o646); return file }, []string{"policy.yaml", "can be written by"}},
		{"the group may write to its directory", func(t *testing.T, dir, file string) string { chmod(t, dir, 0o775); return file }, []string{"sub", "can be written by"}},
		{"others may write to its directory", func(t *testing.T, dir, file string) string { chmod(t, dir, 0o757); return file }, []string{"sub", "can be written by"}},
		{"its directory is sticky", func(t *testing.T, dir, file string) string { chmod(t, dir, 0o777|os.ModeSticky); return file }, nil},
		{"others may write above its directory", func(t *testing.T, dir, file string) string { chmod(t, filepath.Dir(dir), 0o777); return file }, []string{"can be written by"}},
		{"a symbolic link to it", func(t *testing.T, dir, file string) string {
			return symlink(t, file, filepath.Join(filepath.Dir(dir), "link"))
		}, nil},
		{"a symbolic link that others can replace", func(t *testing.T, _, file string) string {
			open := t.TempDir()
			chmod(t, open, 0o777)
			return symlink(t, file, filepath.Join(open, "link"))
		}, []string{"can be written by"}},
		{"a symbolic link to one that others may write to", func(t *testing.T, dir, file string) string {
			chmod(t, file, 0o666)
			return symlink(t, file, filepath.Join(filepath.Dir(dir), "link"))
		}, []string{"can be written by"}},
		{"relative, from a directory above", func(t *testing.T, _, file string) string {
			wd, err := os.Getwd()
			if err != nil {
				t.Fatal(err)
			}
			rel, err := filepath.Rel(wd, file)
			if err != nil {
				t.Fatal(err)
			}
			return rel
		}, nil},
		{"it belongs to somebody else", func(t *testing.T, _, file string) string {
			giveAway(t, file, 12345)
			return file
		}, []string{"policy.yaml", "12345"}},
		{"it is not there", func(_ *testing.T, dir, _ string) string { return filepath.Join(dir, "other.yaml") }, []string{"other.yaml", "no such file"}},
		{"an empty directory", func(t *testing.T, dir, file string) string {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			return dir
		}, []string{"sub"}},
		{"a named pipe", func(t *testing.T, dir, _ string) string {
			path := filepath.Join(dir, "pipe.yaml")
			if err := unix.Mkfifo(path, 0o600); err != nil {
				t.Fatal(err)
			}
			return path
		}, []string{"pipe.yaml", "regular file"}},
		{"a device", func(*testing.T, string, string) string { return "/dev/zero" }, []string{"/dev/zero"}},
		{"not readable", func(t *testing.T, _, file string) string {
			chmod(t, file, 0)
			if unix.Access(file, unix.R_OK) == nil {
				t.Skipf("user %d may read a file of mode 0 (access(2); CAP_DAC_OVERRIDE): the run as an ordinary user has it", os.Geteuid())
			}
			return file
		}, []string{"policy.yaml", "permission denied"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "sub")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			path := c.arrange(t, dir, writeFile(t, filepath.Join(dir, "policy.yaml"), fine(), 0o644))
			if c.says == nil {
				accepted(t, path)
				return
			}
			refused(t, path, 2, c.says...)
		})
	}
}

// giveAway makes somebody else the owner of a file.
func giveAway(t testing.TB, path string, uid int) {
	t.Helper()
	err := os.Chown(path, uid, -1)
	if errors.Is(err, fs.ErrPermission) && !isRoot() {
		t.Skipf("user %d may not give a file away (%v): the run as root has it", os.Geteuid(), err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func symlink(t testing.TB, to, path string) string {
	t.Helper()
	if err := os.Symlink(to, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestBadPolicies: what is wrong is said with its place, whatever it is.
func TestBadPolicies(t *testing.T) {
	t.Parallel()
	junk := make([]byte, 100<<10)
	for i := range junk {
		junk[i] = byte(i*i>>3 ^ i)
	}
	swap := func(old, new string) string {
		text := strings.Replace(fine(), old, new, 1)
		if text == fine() {
			panic("nothing was changed: " + old)
		}
		return text
	}
	for _, c := range []struct {
		name   string
		text   string
		status int
		says   []string
	}{
		{"empty", "", 2, []string{"E101", "empty"}},
		{"only comments", "# nothing\n\n", 2, []string{"E101"}},
		{"10 MB", "version: 1\nmodules:\n" + strings.Repeat("# a line of a comment that goes on and on and on and on and on\n", 160_000), 2, []string{"10", "bytes; a policy has at most"}},
		{"10 MB in one line", "version: 1 #" + strings.Repeat("x", 10_000_000), 2, []string{"10", "bytes; a policy has at most"}},
		{"deep nesting", "version: 1\nmodules: " + strings.Repeat("[\n  ", 10_000), 2, []string{"E105"}},
		{"deep nesting of maps", "version: 1\n" + strings.Repeat("{a:\n", 10_000), 2, []string{"E105"}},
		{"deep nesting in one line", "version: 1\nmodules: " + strings.Repeat("[", 50_000), 2, []string{"E106"}},
		{"deep indentation", deepIndentation(300), 2, []string{"E105"}},
		{"binary junk", string(junk), 2, []string{"E103"}},
		{"zero bytes", "version: 1\n\x00\x00", 2, []string{"E103"}},
		{"not UTF-8", "version: 1\n# \xff\xfe\n", 2, []string{"E103"}},
		{"not YAML", "version: 1\nmodules: {a: [}", 2, []string{"E107", "policy.yaml:2:"}},
		{"a program", "#!/bin/sh\nrm -rf /tmp/x\n", 2, []string{"policy.yaml:2:1"}},
		{"anchors that multiply", "version: 1\na: &a [x, x]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]\n", 2, []string{"E108"}},
		{"an unknown key", swap("user: nobody", "usr: nobody"), 2, []string{"E111", `"usr"`, `did you mean "user"?`, "policy.yaml:5:5"}},
		{"another version", swap("version: 1", "version: 2"), 2, []string{"E508", "policy.yaml:1:10"}},
		{"no modules", "version: 1\nmodules: {}\n", 2, []string{"modules"}},
		{"a user that does not exist", swap("user: nobody", "user: no-such-user"), 2, []string{"E613", `user "no-such-user" does not exist`, "policy.yaml:5:11"}},
		{"a group that does not exist", swap("user: nobody", "user: nobody\n    group: no-such-group"), 2, []string{"E614", `group "no-such-group" does not exist`}},
		{"an unknown system call", swap(`"@system-service"`, `"@system-service", wirte`), 2, []string{"E201", `did you mean "write"?`}},
		{"two listeners on one descriptor", "listeners:\n  a: {address: \"127.0.0.1:1\"}\n  b: {address: \"127.0.0.1:2\"}\n" +
			swap("    user: nobody", "    user: nobody\n    listeners: {a: 3, b: 3}"), 2, []string{"E408", "policy.yaml:9:"}},
		{"a descriptor left out", "listeners:\n  a: {address: \"127.0.0.1:1\"}\n" +
			swap("    user: nobody", "    user: nobody\n    listeners: {a: 4}"), 2, []string{"E409"}},
		{"a command that is a directory", policyText(module{command: []string{"/usr/bin"}}), 126, []string{"E631", "/usr/bin is a directory"}},
		{"a command that is not there", policyText(module{command: []string{"/no/such/command"}}), 127, []string{"E630", "/no/such/command"}},
		{"a command that the list hides", policyText(module{command: []string{"/usr/bin/true"}}), 126, []string{"E631", "/usr/bin/true", "not in the filesystem list"}},
		{"a loader that the list hides", policyText(module{command: []string{"/usr/bin/true"}, files: []string{"{path: /usr/bin, access: rx}"}}), 126,
			[]string{"E631", "ld-linux", "not in the filesystem list"}},
		{"a loader that may not be executed", policyText(module{command: []string{"/usr/bin/true"}, files: []string{"{path: /usr/bin, access: rx}", "{path: /lib, access: r}",
			"{path: /lib64, access: r, if_exists: true}"}}), 126, []string{"E631", "ld-linux", "without execute access"}},
		{"a path that is not there", policyText(module{files: []string{"{path: /no/such/path, access: r}"}}), 2, []string{"E601", "/no/such/path"}},
		{"the host's root", policyText(module{files: []string{"{path: /, access: r}"}}), 2, []string{"E506"}},
		{"too few descriptors for the listeners", "listeners: {a: {address: \"127.0.0.1:1\"}}\n" +
			swap("    user: nobody", "    user: nobody\n    listeners: {a: 3}\n    rlimits: {nofile: 3}"), 2, []string{"E414", "nofile"}},
		{"too few descriptors", swap("    user: nobody", "    user: nobody\n    rlimits: {nofile: 3}"), 2, []string{"E414", "nofile 3 is too small"}},
		{"a newer kernel", "kernel: \">=99.0\"\n" + fine(), 2, []string{"E611", "99.0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			refused(t, writePolicy(t, c.text), c.status, c.says...)
		})
	}
	t.Run("no user", func(t *testing.T) {
		file := writePolicy(t, swap("    user: nobody\n", ""))
		if isRoot() {
			refused(t, file, 2, "E612", "user is required")
		} else {
			accepted(t, file) // it has one user only
		}
	})
	t.Run("nothing wrong", func(t *testing.T) { accepted(t, writePolicy(t, fine())) })
	t.Run("a directory of policies", func(t *testing.T) {
		dir := openDir(t)
		text := policyText(module{name: "twin", command: []string{place.victim, said}})
		writeFile(t, filepath.Join(dir, "a.yaml"), text, 0o644)
		writeFile(t, filepath.Join(dir, "b.yaml"), text, 0o644)
		p := supervisor(t, "--policy", dir).start(t)
		p.ended(t).wants(t, 2, "E641", `"twin"`)
	})
}

func deepIndentation(levels int) string {
	var b strings.Builder
	b.WriteString("version: 1\n")
	for i := range levels {
		fmt.Fprintf(&b, "%s- \n", strings.Repeat(" ", i))
	}
	return b.String()
}
