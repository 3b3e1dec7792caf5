package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// parts is a policy in three files: one includes the next.
type parts struct {
	dir, main, base, deep string // paths
}

// newParts writes them: main has a module that prints what the profiles of the other two say.
func newParts(t testing.TB) parts {
	t.Helper()
	dir, err := filepath.EvalSymlinks(openDir(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "parts"), 0o755); err != nil {
		t.Fatal(err)
	}
	text := policyText(module{command: []string{"/bin/sh", "-c", "echo $$WORD $$AT $$DEEP"}, lines: []string{"extends: [base, deep]"},
		files: []string{"{path: /usr, access: rx}", "{path: /lib, access: rx}", "{path: /lib64, access: rx, if_exists: true}"}})
	return parts{
		dir: dir, main: writeFile(t, filepath.Join(dir, "main.yaml"), "version: 1\ninclude: [parts/base.yaml]\n"+strings.TrimPrefix(text, "version: 1\n"), 0o644),
		base: writeFile(t, filepath.Join(dir, "parts/base.yaml"), baseText("one"), 0o644),
		deep: writeFile(t, filepath.Join(dir, "deep.yaml"), "version: 1\nprofiles:\n  deep: {environment: {DEEP: deep}}\n", 0o644),
	}
}

func baseText(word string) string {
	return "version: 1\ninclude: ../deep.yaml\nprofiles:\n  base:\n    environment: {WORD: " + word + ", AT: \"${POLICY_DIR}\"}\n"
}

// exec runs the module and wants what it prints; how is what the log says about the plan.
func (p parts) exec(t *testing.T, cache, prints, how string) {
	t.Helper()
	c := command(t, place.supervisor, "exec", "--log-level", "debug", "--policy", p.main)
	c.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+cache)
	r := c.run(t)
	r.wants(t, 0)
	if r.stdout != prints+"\n" || !strings.Contains(r.stderr, how) {
		at := strings.Index(r.stderr, `msg="plan`)
		t.Errorf("output %q, want %q; the log says %s", r.stdout, prints, excerpt(r.stderr[max(at, 0):]))
	}
}

// TestInclude: a policy in three files is one policy, and a change in any of them counts at the next start, whatever is kept of the last one.
func TestInclude(t *testing.T) {
	t.Parallel()
	p := newParts(t)
	cache := filepath.Join(t.TempDir(), "runtime")
	if err := os.Mkdir(cache, 0o700); err != nil {
		t.Fatal(err)
	}
	const compiled, kept = `msg="plan compiled"`, `msg="plan taken from the cache"`
	at := filepath.Join(p.dir, "parts")
	p.exec(t, cache, "one "+at+" deep", compiled)
	p.exec(t, cache, "one "+at+" deep", kept)
	rewrite(t, p.base, baseText("two"))
	p.exec(t, cache, "two "+at+" deep", `why="an answer about the host changed`)
	p.exec(t, cache, "two "+at+" deep", kept)
	rewrite(t, p.deep, "version: 1\nprofiles:\n  deep: {environment: {DEEP: deeper}}\n")
	p.exec(t, cache, "two "+at+" deeper", `why="an answer about the host changed`)
	// With what is kept, too, nobody else may write to a part.
	if err := os.Chmod(p.deep, 0o666); err != nil {
		t.Fatal(err)
	}
	c := command(t, place.supervisor, "exec", "--policy", p.main)
	c.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+cache)
	c.run(t).wants(t, 2, "E423", p.base+":2:10", p.deep+" can be written by anybody", "help: chmod go-w "+p.deep)
}

// TestIncludedElsewhere: an ordinary user's policy may include a file of root's. In a user namespace root's files cannot be told from anybody's, so
// it was read before.
func TestIncludedElsewhere(t *testing.T) {
	t.Parallel()
	const roots = "/usr/share/zoneinfo/tzdata.zi" // any file of root's in a directory of root's
	if st, err := os.Stat(roots); err != nil || !st.Mode().IsRegular() {
		t.Skipf("%s is not there: %v", roots, err)
	}
	p := newParts(t)
	rewrite(t, p.deep, "version: 1\ninclude: "+roots+"\nprofiles:\n  deep: {environment: {DEEP: deep}}\n")
	// It is read, as it is no policy: whose it is was no reason to refuse it.
	refused(t, p.main, 2, roots+":", "E113")
}

// TestRefusedIncludes: what a policy includes is trusted as the policy is.
func TestRefusedIncludes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		arrange func(p parts) error
		says    []string // nothing when it is accepted; {dir} is the directory
	}{
		{"nothing is wrong", func(parts) error { return nil }, nil},
		{"the group may write to it", func(p parts) error { return os.Chmod(p.base, 0o664) },
			[]string{"E423", "main.yaml:2:11", "{dir}/parts/base.yaml can be written by its group",
				"help: chmod g-w {dir}/parts/base.yaml", "^^^^^^^^^^^^^^^"}},
		{"others may write to its directory", func(p parts) error { return os.Chmod(filepath.Dir(p.base), 0o777) },
			[]string{"E423", "{dir}/parts can be written by anybody"}},
		{"others may write to one that an included one includes", func(p parts) error { return os.Chmod(p.deep, 0o646) },
			[]string{"E423", "{dir}/parts/base.yaml:2:10", "{dir}/deep.yaml can be written by anybody"}},
		{"a symbolic link", func(p parts) error { return relink(p.base, filepath.Join(p.dir, "real.yaml")) },
			[]string{`"../deep.yaml" cannot be included`, "no such file"}},
		{"a symbolic link beside it", func(p parts) error { return relink(p.base, filepath.Join(p.dir, "parts/real.yaml")) }, nil},
		{"a cycle", func(p parts) error {
			return os.WriteFile(p.deep, []byte("version: 1\ninclude: parts/base.yaml\n"), 0o644)
		},
			[]string{"E424", "{dir}/deep.yaml:2:10", `"parts/base.yaml" includes itself`}},
		{"a cycle through the policy", func(p parts) error { return os.WriteFile(p.deep, []byte("version: 1\ninclude: main.yaml\n"), 0o644) },
			[]string{"E424", "{dir}/deep.yaml:2:10", `"main.yaml" includes itself`}},
		{"no file", func(p parts) error { return os.Remove(p.deep) },
			[]string{"E423", "{dir}/deep.yaml: no such file or directory", "a relative name starts from the directory"}},
		{"a pipe", func(p parts) error { return replaced(p.deep, func() error { return unix.Mkfifo(p.deep, 0o644) }) },
			[]string{"E423", "{dir}/deep.yaml is a pipe"}},
		{"a directory", func(p parts) error { return replaced(p.deep, func() error { return os.Mkdir(p.deep, 0o755) }) },
			[]string{"E423", "{dir}/deep.yaml is a directory"}},
		{"a device", func(p parts) error { return os.WriteFile(p.base, []byte("version: 1\ninclude: /dev/zero\n"), 0o644) },
			[]string{"E423", "/dev/zero is a device and not a regular file"}},
		{"10 MB", func(p parts) error { return os.WriteFile(p.deep, []byte(strings.Repeat("# comment\n", 1<<20)), 0o644) },
			[]string{"E423", "{dir}/deep.yaml has 10485760 bytes; a policy has at most 1048576"}},
		{"a file of /proc", func(p parts) error {
			return os.WriteFile(p.base, []byte("version: 1\ninclude: /proc/self/maps\n"), 0o644)
		},
			[]string{"E423", "/proc/"}},
		{"a zero byte in the name", func(p parts) error {
			return os.WriteFile(p.base, []byte("version: 1\ninclude: \"a\\0b\"\n"), 0o644)
		}, []string{"{dir}/parts/base.yaml:2:10", "NUL"}},
		{"an error in it", func(p parts) error { return os.WriteFile(p.base, []byte(baseText("one")+"    usr: x\n"), 0o644) },
			[]string{"{dir}/parts/base.yaml:6:5", "    6 |     usr: x\n", `^^^ did you mean "user"?`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newParts(t)
			if err := c.arrange(p); err != nil {
				t.Fatal(err)
			}
			if c.says == nil {
				supervisor(t, "exec", "--policy", p.main).run(t).wants(t, 0)
				return
			}
			for i := range c.says {
				c.says[i] = strings.ReplaceAll(c.says[i], "{dir}", p.dir)
			}
			refused(t, p.main, 2, c.says...)
		})
	}
}

// replaced makes something else of a file.
func replaced(path string, make func() error) error {
	if err := os.Remove(path); err != nil {
		return err
	}
	return make()
}

// relink moves a file and leaves a link to it.
func relink(path, to string) error {
	if err := os.Rename(path, to); err != nil {
		return err
	}
	return os.Symlink(to, path)
}

// TestReloadOfAnInclude: a reload sees a change in an included file only, and refuses one that is wrong, with its place.
func TestReloadOfAnInclude(t *testing.T) {
	t.Parallel()
	w := newWeb(t)
	dir := openDir(t)
	base := func(version int) string {
		return fmt.Sprintf("version: 1\nprofiles:\n  base: {environment: {SERVICE_VERSION: \"%d\"}}\n", version)
	}
	part := writeFile(t, filepath.Join(dir, "base.yaml"), base(1), 0o644)
	text := strings.Replace(w.text(), "    environment: {SERVICE_VERSION: \"0\"}\n", "    extends: base\n", 1)
	if text == w.text() {
		t.Fatal("nothing was changed")
	}
	main := writeFile(t, filepath.Join(dir, "web.yaml"), strings.Replace(text, "version: 1\n", "version: 1\ninclude: base.yaml\n", 1), 0o644)
	p := ready(t, main)
	first := visit(t, w.address)
	if first.version != "1" {
		t.Errorf("version %s", first.version)
	}
	r := p.reload(t)
	r.wants(t, 0)
	if visit(t, w.address).pid != first.pid {
		t.Errorf("without a change something was done:\n%s", r.stdout)
	}
	rewrite(t, part, base(2))
	p.reload(t).wants(t, 0)
	waitFor(t, "the new version", func() bool { return visit(t, w.address).version == "2" })

	rewrite(t, part, base(3)+"  other: {usr: x}\n")
	p.reload(t).wants(t, 2, part+":4:11", `did you mean "user"?`, "    4 |   other: {usr: x}")
	rewrite(t, part, base(3))
	if err := os.Chmod(part, 0o664); err != nil {
		t.Fatal(err)
	}
	p.reload(t).wants(t, 2, main+":2:10", part+" can be written by its group")
	if now := visit(t, w.address); now.version != "2" {
		t.Errorf("version %s serves", now.version)
	}
	if err := os.Chmod(part, 0o644); err != nil {
		t.Fatal(err)
	}
	p.reload(t).wants(t, 0)
	waitFor(t, "the third version", func() bool { return visit(t, w.address).version == "3" })
	p.stop(t, unix.SIGTERM)
}
