package e2e

import (
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// needJoined skips a test of the program of exec that `make build` links into the supervisor's file.
func needJoined(t *testing.T) {
	t.Helper()
	f, err := elf.Open(place.supervisor)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if f.Section(".exec0") == nil {
		t.Skipf("%s was not built by `make build` on x86-64: the program of exec is not in it", place.supervisor)
	}
}

// TestProgramOfExec: exec has nothing initialised that only the other commands use; what it leaves to the whole program works as ever.
func TestProgramOfExec(t *testing.T) {
	needJoined(t)
	trace := func(argv ...string) string {
		cmd := exec.Command(place.supervisor, argv...)
		cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
		out, _ := cmd.CombinedOutput() // the status is looked at elsewhere
		return string(out)
	}
	heavy := []string{"init github.com/spf13/cobra @", "init google.golang.org/protobuf/proto @", "init net/http @"}
	for _, c := range []struct {
		name  string
		argv  []string
		says  string
		whole bool
	}{
		{"a command", []string{"exec", "--policy", "embedded:none"}, `policy "none"`, false},
		{"one that lacks something", []string{"exec"}, "exec needs --policy FILE", false},
		{"in a user namespace", []string{"role:inside-userns:-1:000", "exec"}, "exec needs --policy FILE", false},
		{"help", []string{"exec", "--help"}, "Run one command under a policy", true},
		{"a mistake", []string{"exec", "--polizy", "x"}, "unknown flag: --polizy", true},
		{"what only begins like it", []string{"execute"}, "unknown command", true},
		{"another command", []string{"version"}, "supervisor ", true},
		{"nothing at all", nil, "Usage:", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := trace(c.argv...)
			if !strings.Contains(out, c.says) {
				t.Errorf("it does not say %q:\n%s", c.says, out)
			}
			if !strings.Contains(out, "init runtime @") {
				t.Fatalf("the runtime does not say what it initialises:\n%s", out)
			}
			for _, name := range heavy {
				if strings.Contains(out, name) != c.whole {
					t.Errorf("%q is there: %v, want %v", name, !c.whole, c.whole)
				}
			}
		})
	}
}

// TestRestWithoutProc: exec leaves a mistake in its flags to the rest of the program, which is found through /proc.
func TestRestWithoutProc(t *testing.T) {
	needJoined(t)
	if !isRoot() {
		t.Skip("mounting needs root (mount(2)): the run as root has it")
	}
	lack{around: apart("mount -t tmpfs none /proc")}.run(t, "exec", "--polizy", "x").run(t).wants(t, 125, "/proc is not mounted here", "mount -t proc proc /proc")
}

// TestSlackOfTheProcess: what a process set for its timers before it became exec is what its command has.
func TestSlackOfTheProcess(t *testing.T) {
	if _, err := exec.LookPath("perl"); err != nil {
		t.Skip("there is no perl here, which sets the slack of its timers and becomes the supervisor")
	}
	script := fmt.Sprintf("syscall(%d, %d, 234567, 0, 0, 0); exec @ARGV", unix.SYS_PRCTL, unix.PR_SET_TIMERSLACK)
	out, err := exec.Command("perl", "-e", script, place.supervisor, "exec", "--policy", shipped("examples/locked"), "--",
		"/bin/cat", "/proc/self/timerslack_ns").CombinedOutput()
	if err != nil || string(out) != "234567\n" {
		t.Errorf("%v, %q", err, out)
	}
}
