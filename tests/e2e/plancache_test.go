package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// kept is a command that is run again and again under a policy of its own.
type kept struct {
	t          *testing.T
	supervisor string
	policy     string
	cache      string // where plans are kept; root's place is fixed
	flags      []string
}

// newKept copies the shipped policy for any command, with a further entry in the list of paths.
func newKept(t *testing.T, entry string) *kept {
	t.Helper()
	text, err := os.ReadFile(shipped("examples/locked"))
	if err != nil {
		t.Fatal(err)
	}
	if entry != "" {
		text = []byte(strings.Replace(string(text), "    filesystem:\n", "    filesystem:\n      - "+entry+"\n", 1))
	}
	k := &kept{t: t, supervisor: place.supervisor, policy: writePolicy(t, string(text)), cache: filepath.Join(t.TempDir(), "runtime")}
	if err := os.Mkdir(k.cache, 0o700); err != nil {
		t.Fatal(err)
	}
	return k
}

// confinement is what the kernel says of a process, for comparison.
const confinement = `grep -E "^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp:)" /proc/self/status; cut -d" " -f 4- /proc/self/mountinfo | cut -d- -f1 | sed 's/master:[0-9]*//'; ls / /tmp; ulimit -n; echo "$0"`

// cloned is a process that was made. Waits are no measure: a signal interrupts one, and it is begun again.
var cloned = regexp.MustCompile(`op=clone3 duration=`)

var entryName = regexp.MustCompile(`plan taken from the cache" entry=([0-9a-f]{64})`)

// run runs the command, which has to do what it does, and compares where its plan came from: the cache when why is empty. It returns what
// the command wrote, how many processes the supervisor made, and the file of the entry when it was used.
func (k *kept) run(why string) (stdout string, children int, entry string) {
	k.t.Helper()
	args := append([]string{"exec", "--log-level", "debug", "--policy", k.policy}, k.flags...)
	p := command(k.t, k.supervisor, append(args, "--", "/bin/sh", "-c", confinement)...)
	p.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+k.cache)
	r := p.run(k.t)
	r.wants(k.t, 0)
	if !strings.Contains(r.stdout, "Seccomp:\t2") || !strings.Contains(r.stdout, "CapEff:\t0000000000000000") {
		k.t.Errorf("the command is not confined:\n%s", r.stdout)
	}
	found := entryName.FindStringSubmatch(r.stderr)
	compiled := regexp.MustCompile(`msg="plan compiled" why="?([^\n]*)`).FindString(r.stderr)
	switch {
	case why == "" && (found == nil || compiled != ""):
		k.t.Fatalf("the plan was not taken from the cache: %s", compiled)
	case why != "" && (found != nil || !strings.Contains(compiled, why)):
		k.t.Fatalf("the plan was not compiled because of %q: %v %s", why, found, compiled)
	}
	if found != nil {
		entry = filepath.Join(k.plans(), found[1])
	}
	return r.stdout, len(cloned.FindAllString(r.stderr, -1)), entry
}

// plans is the directory of the entries.
func (k *kept) plans() string {
	if isRoot() {
		return "/run/bulkhead/plans"
	}
	return filepath.Join(k.cache, "bulkhead", "plans")
}

// TestExecUsesAPlanAgain: the second run makes no compile process, and the command is confined as in the first.
func TestExecUsesAPlanAgain(t *testing.T) {
	t.Parallel()
	k := newKept(t, "")
	first, compiling, _ := k.run("no entry")
	for range 3 {
		again, children, entry := k.run("")
		if again != first {
			t.Errorf("the command found another place:\n%s\nthe first time:\n%s", again, first)
		}
		if children != compiling-1 {
			t.Errorf("the supervisor made %d processes, with the compile process %d", children, compiling)
		}
		if st, err := os.Stat(entry); err != nil || st.Mode() != 0o600 {
			t.Errorf("entry %s: %v %v", entry, st, err)
		}
	}
	k.flags = []string{"--no-plan-cache"}
	if again, _, _ := k.run("there is no cache"); again != first {
		t.Errorf("without the cache the command found another place:\n%s\nwant\n%s", again, first)
	}
}

// TestExecCompilesAgain changes what a plan depends on.
func TestExecCompilesAgain(t *testing.T) {
	t.Parallel()
	rewrite := func(k *kept, old, changed string) {
		text, err := os.ReadFile(k.policy)
		if err != nil || !strings.Contains(string(text), old) {
			k.t.Fatalf("no %q in the policy (%v)", old, err)
		}
		writeFile(k.t, k.policy, strings.Replace(string(text), old, changed, 1), 0o644)
	}
	must := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name   string
		change func(t *testing.T, k *kept, source, entry string)
		why    string
	}{
		{"a byte of the policy", func(_ *testing.T, k *kept, _, _ string) { rewrite(k, "# Any command", "# any command") }, "no entry"},
		{"a bind source becomes a link", func(t *testing.T, _ *kept, source, _ string) {
			must(t, os.Rename(source, source+"-moved"))
			must(t, os.Symlink(source+"-moved", source))
		}, "an answer about the host changed"},
		{"the mode of a bind source", func(t *testing.T, _ *kept, source, _ string) { must(t, os.Chmod(source, 0o711)) }, "an answer about the host changed"},
		{"the program", func(t *testing.T, k *kept, _, _ string) { must(t, os.Chtimes(k.supervisor, time.Now(), time.Now())) }, "no entry"},
		{"the program is another one", func(t *testing.T, k *kept, _, _ string) {
			must(t, os.Rename(k.supervisor, k.supervisor+"-old"))
			copyProgram(t, k.supervisor+"-old", k.supervisor)
		}, "no entry"},
		{"the entry is cut", func(t *testing.T, _ *kept, _, entry string) { must(t, os.Truncate(entry, 1000)) }, "damaged"},
		{"the entry is empty", func(t *testing.T, _ *kept, _, entry string) { must(t, os.Truncate(entry, 0)) }, "damaged"},
		{"the entry can be written by others", func(t *testing.T, _ *kept, _, entry string) { must(t, os.Chmod(entry, 0o666)) }, "not trusted"},
		{"the entry is a link", func(t *testing.T, k *kept, _, entry string) {
			text, err := os.ReadFile(entry) // which may lie in another file system
			must(t, errors.Join(err, os.WriteFile(filepath.Join(k.cache, "entry"), text, 0o600), os.Remove(entry)))
			must(t, os.Symlink(filepath.Join(k.cache, "entry"), entry))
		}, "read the entry"},
		{"the entry is somebody else's", func(t *testing.T, _ *kept, _, entry string) {
			giveAway(t, entry, 65534)
		}, "not trusted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			source := filepath.Join(openDir(t), "source")
			must(t, os.Mkdir(source, 0o755))
			k := newKept(t, "{path: "+source+", access: r}")
			k.supervisor = filepath.Join(openDir(t), "supervisor")
			copyProgram(t, place.supervisor, k.supervisor)
			k.run("no entry")
			_, _, entry := k.run("")
			t.Cleanup(func() { _ = os.Remove(entry) }) // root's directory is not the test's; most changes leave nothing there
			c.change(t, k, source, entry)
			k.run(c.why)
			k.run("")
		})
	}
}

// copyProgram copies in another process: a program that is open for writing here could be inherited by a child of another test, and could
// not be executed until that is gone.
func copyProgram(t *testing.T, from, to string) {
	t.Helper()
	command(t, "cp", from, to).run(t).wants(t, 0)
}

// TestExecKeepsNoBadPlan: what is wrong with a policy is said every time.
func TestExecKeepsNoBadPlan(t *testing.T) {
	t.Parallel()
	k := newKept(t, "{path: /no/such/place, access: r}")
	for range 2 {
		p := command(t, k.supervisor, "exec", "--policy", k.policy, "--", "/bin/true")
		p.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+k.cache)
		p.run(t).wants(t, 2, "/no/such/place")
	}
	if _, err := os.Stat(filepath.Join(k.cache, "bulkhead")); !os.IsNotExist(err) {
		t.Errorf("something was kept: %v", err)
	}
}
