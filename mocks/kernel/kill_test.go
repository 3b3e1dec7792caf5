package kernel_test

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
)

// TestKillMany: signals to groups, and to everybody but process 1 and the sender.
func TestKillMany(t *testing.T) {
	k := machine(t, kernel.Config{})
	p := k.Init()
	first := fork(t, p, forever)
	must(t, "setpgid", p.Setpgid(first, first))
	second := fork(t, p, forever)
	must(t, "setpgid", p.Setpgid(second, first))
	k.Settle()
	must(t, "kill of a group", p.Kill(-first, unix.SIGTERM))
	for range 2 {
		var info posix.WaitInfo
		must(t, "waitid", p.Waitid(posix.PPgid, int(first), &info, unix.WEXITED))
		if info.Status != int(unix.SIGTERM) {
			t.Errorf("ended with %+v", info)
		}
	}
	wantErrno(t, "kill of a group that is not", p.Kill(-first, 0), unix.ESRCH)

	other := fork(t, p, forever)
	killer := fork(t, p, func(p *kernel.Process) {
		must(t, "kill of all", p.Kill(-1, unix.SIGTERM))
		p.Exit(5)
	})
	if got := reap(t, p, killer); got.Status != 5 {
		t.Errorf("who sends to all ended with %+v", got)
	}
	if got := reap(t, p, other); got.Status != int(unix.SIGTERM) {
		t.Errorf("the other one ended with %+v", got)
	}
	wantErrno(t, "kill of all when there is nobody", p.Kill(-1, 0), unix.ESRCH)
	own := fork(t, p, func(p *kernel.Process) {
		must(t, "setpgid", p.Setpgid(0, 0))
		must(t, "kill of its own group", p.Kill(0, unix.SIGUSR1))
		p.Exit(6)
	})
	if got := reap(t, p, own); got.Status != int(unix.SIGUSR1) {
		t.Errorf("who sends to its group ended with %+v", got)
	}
}

// TestPendingSignals: those that are blocked wait, those that are ignored are forgotten, and SIGCONT and the stopping ones forget each other.
func TestPendingSignals(t *testing.T) {
	k := machine(t, kernel.Config{})
	pid := fork(t, k.Init(), func(p *kernel.Process) {
		all := posix.Sigbit(unix.SIGUSR1) | posix.Sigbit(unix.SIGTSTP) | posix.Sigbit(unix.SIGCONT)
		must(t, "sigprocmask", p.RtSigprocmask(unix.SIG_BLOCK, &all, nil))
		pending := func(what string, want posix.Sigset) {
			text, err := readText(p, "/proc/self/status")
			if line := fmt.Sprintf("\nShdPnd:\t%016x\n", want); !strings.Contains(text, line) {
				t.Errorf("%s: status %q, %v, want %q in it", what, text, err, line)
			}
		}
		for range 2 {
			must(t, "kill", p.Kill(p.Getpid(), unix.SIGUSR1))
		}
		pending("blocked", posix.Sigbit(unix.SIGUSR1))
		must(t, "kill", p.Kill(p.Getpid(), unix.SIGTSTP))
		pending("and one that stops", posix.Sigbit(unix.SIGUSR1)|posix.Sigbit(unix.SIGTSTP))
		must(t, "kill", p.Kill(p.Getpid(), unix.SIGCONT))
		pending("and SIGCONT", posix.Sigbit(unix.SIGUSR1)|posix.Sigbit(unix.SIGCONT))
		must(t, "sigaction", p.Sigaction(unix.SIGUSR1, kernel.Action{Ignore: true}))
		pending("ignored", posix.Sigbit(unix.SIGCONT))
		wantErrno(t, "an action of SIGKILL", p.Sigaction(unix.SIGKILL, kernel.Action{}), unix.EINVAL)
		wantErrno(t, "an action of nothing", p.Sigaction(65, kernel.Action{}), unix.EINVAL)
		p.Exit(3)
	})
	if got := reap(t, k.Init(), pid); got.Status != 3 {
		t.Errorf("ended with %+v", got)
	}
}
