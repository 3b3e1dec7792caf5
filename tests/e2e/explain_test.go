package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// step is a system call of a child: its name, and what of the arguments reads the same everywhere.
type step struct {
	name    string
	details string
}

var (
	call     = regexp.MustCompile(`^([a-z0-9_]+)\((.*)$`)
	literals = regexp.MustCompile(`"[^"]*"`)
	constant = regexp.MustCompile(`^[A-Z_]+(, CAP_[A-Z_]+)?`)
)

// readStep takes a call apart as strace and explain print it.
func readStep(text string) (step, bool) {
	m := call.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return step{}, false
	}
	s := step{name: m[1]}
	switch s.name {
	case "prctl":
		s.details = constant.FindString(m[2])
	case "seccomp", "unshare", "setresuid", "setresgid": // numbers and flags, which the two write in another order or base
	case "read": // what was read
	default:
		s.details = strings.Join(literals.FindAllString(m[2], -1), " ")
	}
	return s, true
}

// explained returns what policy explain says that the children do: the init's steps and the module's.
func explained(t testing.TB, file string) [][]step {
	t.Helper()
	r := supervisor(t, "policy", "explain", "--launch", file).run(t)
	r.wants(t, 0)
	var out [][]step
	for line := range strings.Lines(r.stdout) {
		if strings.HasSuffix(line, ": the child does\n") {
			out = append(out, nil)
			continue
		}
		_, text, _ := strings.Cut(strings.TrimLeft(line, " "), " ")
		if s, ok := readStep(text); ok && strings.HasPrefix(line, "  ") && len(out) > 0 {
			out[len(out)-1] = append(out[len(out)-1], s)
		}
	}
	return out
}

// traced returns what strace sees of every process that ends a sequence of calls with a successful execveat: those calls.
func traced(t testing.TB, trace string) [][]step {
	t.Helper()
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	calls := map[string][]step{}
	over := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		pid, rest, _ := strings.Cut(line, " ")
		s, ok := readStep(strings.TrimLeft(rest, " "))
		if !ok || over[pid] {
			continue
		}
		if calls[pid] == nil {
			order = append(order, pid)
		}
		calls[pid] = append(calls[pid], s)
		over[pid] = s.name == "execveat"
	}
	var out [][]step
	for _, pid := range order {
		if over[pid] {
			out = append(out, calls[pid])
		}
	}
	return out
}

// TestExplainIsWhatHappens compares the printed launch program with the calls that the children really make.
func TestExplainIsWhatHappens(t *testing.T) {
	t.Parallel()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skipf("strace is not installed: %v", err)
	}
	for _, c := range []struct{ name, file string }{
		{"locked", shipped("examples/locked")},
		{"noexec", noexecPolicy(t)},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := explained(t, c.file)
			if len(want) != 2 || len(want[0]) < 20 || len(want[1]) < 50 {
				t.Fatalf("explain prints %d programs, want init and the module", len(want))
			}
			trace := filepath.Join(t.TempDir(), "trace")
			// Both commands end at once, and so does the supervisor then.
			command(t, strace, "-f", "-s", "4096", "-o", trace, place.supervisor, "--policy", c.file,
				"--control", filepath.Join(t.TempDir(), "control.sock")).run(t).wants(t, 0)
			got := traced(t, trace)
			init := slices.IndexFunc(got, func(calls []step) bool { return strings.Contains(calls[len(calls)-1].details, "bulkhead-init") })
			if init < 0 || len(got) < init+2 { // before them are the supervisor's own processes, after them what it makes ahead
				t.Fatalf("strace sees %d children, want init and the module among them", len(got))
			}
			for i, name := range []string{"init", "module"} {
				compare(t, name, got[init+i], want[i])
			}
		})
	}
}

func compare(t *testing.T, name string, got, want []step) {
	t.Helper()
	// On version 1 the child first joins its control groups, which belong to this launch and not to the program.
	for len(got) > 0 && got[0] == (step{"write", `"0"`}) {
		got = got[1:]
	}
	// Which signals are ignored, and so set back, depends on which of the supervisor's processes asks.
	ofSignals := func(s step) bool { return s.name == "rt_sigaction" }
	got, want = slices.DeleteFunc(slices.Clone(got), ofSignals), slices.DeleteFunc(slices.Clone(want), ofSignals)
	// As explain says: what the thread of the supervisor that launches has dropped the child does not drop again.
	dropped := func(s step) bool { return s.name == "prctl" && strings.HasPrefix(s.details, "PR_CAPBSET_DROP") }
	if !slices.ContainsFunc(want, dropped) {
		t.Errorf("%s: explain has no step that takes something from the bounding set", name)
	}
	if !slices.ContainsFunc(got, dropped) {
		want = slices.DeleteFunc(want, dropped)
	}
	if slices.Equal(got, want) {
		return
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Errorf("%s: step %d differs; the child does %v, explained is %v", name, i+1, got[min(i, len(got)):min(i+3, len(got))], want[min(i, len(want)):min(i+3, len(want))])
			return
		}
	}
}
