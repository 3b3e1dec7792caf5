package kernel_test

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
)

// TestFailStep: the call of a launch program that is chosen is not made, and the step is named.
func TestFailStep(t *testing.T) {
	at := 0
	k := machine(t, kernel.Config{FailStep: func(s kernel.Step) posix.Errno {
		if s.Index == at && s.Number == unix.SYS_UMASK {
			return posix.Errno(unix.ENOMEM)
		}
		return 0
	}})
	umask := posix.Step{Number: unix.SYS_UMASK}
	may := umask
	may.MayFail = true
	for _, tt := range []struct {
		name  string
		at    int
		steps []posix.Step
		want  *posix.StepFailure
	}{
		{"the second", 1, []posix.Step{umask, umask}, &posix.StepFailure{Step: 1, Errno: unix.ENOMEM}},
		{"none", 2, []posix.Step{umask, umask}, nil},
		{"one that may fail", 0, []posix.Step{may, umask}, nil},
	} {
		at = tt.at
		child, err := k.Init().Clone3(&posix.CloneArgs{ExitSignal: unix.SIGCHLD, Program: &posix.Program{Steps: tt.steps}})
		must(t, tt.name, err)
		switch {
		case tt.want == nil && child.Failed != nil, tt.want != nil && (child.Failed == nil || *child.Failed != *tt.want):
			t.Errorf("%s: %+v, want %+v", tt.name, child.Failed, tt.want)
		}
		reap(t, k.Init(), child.PID)
		must(t, "close", k.Init().Close(child.Pidfd))
	}
}

func TestInventory(t *testing.T) {
	k := machine(t, kernel.Config{})
	before := k.Inventory()
	p := k.Init()
	r, w, err := p.Pipe2(0)
	must(t, "pipe", err)
	child, err := p.Child()
	must(t, "child", err)
	must(t, "mkdir", p.Mkdirat(posix.AtFDCWD, "/sys/fs/cgroup/bulkhead", 0o755))
	must(t, "unshare", child.Unshare(unix.CLONE_NEWNS))
	var news []string
	for _, line := range k.Inventory() {
		if !slices.Contains(before, line) {
			news = append(news, line)
		}
	}
	text := strings.Join(news, "\n")
	for _, want := range []string{"process 2 (init)", "control group /bulkhead",
		"descriptor 0 of process 1: pipe:[", "descriptor 1 of process 2: pipe:[",
		"mount of tmpfs on / in namespace ", "2 open files"} {
		if !strings.Contains(text, want) {
			t.Errorf("no line %q in\n%s", want, text)
		}
	}
	child.Exit(0)
	if !slices.Contains(k.Inventory(), "process 2 (init), a zombie") {
		t.Errorf("no zombie in\n%s", strings.Join(k.Inventory(), "\n"))
	}
	reap(t, p, 2)
	must(t, "rmdir", p.Unlinkat(posix.AtFDCWD, "/sys/fs/cgroup/bulkhead", unix.AT_REMOVEDIR))
	for _, fd := range []posix.FD{r, w} {
		must(t, "close", p.Close(fd))
	}
	if after := k.Inventory(); !slices.Equal(before, after) {
		t.Errorf("afterwards\n%s\nbefore\n%s", strings.Join(after, "\n"), strings.Join(before, "\n"))
	}
}
