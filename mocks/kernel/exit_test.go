package kernel_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
)

func TestReparenting(t *testing.T) {
	for _, subreaper := range []bool{false, true} {
		k := machine(t, kernel.Config{})
		init := k.Init()
		var orphan, above posix.PID
		top := fork(t, init, func(p *kernel.Process) {
			if subreaper {
				_, err := p.Prctl(posix.PrctlArgs{Op: unix.PR_SET_CHILD_SUBREAPER, Arg2: 1})
				must(t, "prctl", err)
			}
			middle := fork(t, p, func(p *kernel.Process) {
				orphan = fork(t, p, func(p *kernel.Process) {
					for parent := p.Getppid(); parent == p.Getppid(); {
						_ = sleep(p, 1000)
					}
					above = p.Getppid()
				})
				_ = sleep(p, 5000)
			})
			reap(t, p, middle)
			var info posix.WaitInfo
			err := p.Waitid(posix.PPid, int(orphan), &info, unix.WEXITED)
			if subreaper && (err != nil || info.PID != orphan) || !subreaper && err != unix.ECHILD {
				t.Errorf("subreaper %v: waitid for the orphan: %+v, %v", subreaper, info, err)
			}
		})
		reap(t, init, top)
		want := posix.PID(1)
		if subreaper {
			want = top
		} else {
			reap(t, init, orphan)
		}
		if above != want {
			t.Errorf("subreaper %v: the orphan is %d's, want %d", subreaper, above, want)
		}
	}
}

func TestParentDeathSignal(t *testing.T) {
	k := machine(t, kernel.Config{})
	init := k.Init()
	var with, without posix.PID
	parent := fork(t, init, func(p *kernel.Process) {
		with = fork(t, p, func(p *kernel.Process) {
			_, err := p.Prctl(posix.PrctlArgs{Op: unix.PR_SET_PDEATHSIG, Arg2: uint64(unix.SIGUSR2)})
			must(t, "prctl", err)
			forever(p)
		})
		without = fork(t, p, func(p *kernel.Process) { // a change of users takes it away
			_, err := p.Prctl(posix.PrctlArgs{Op: unix.PR_SET_PDEATHSIG, Arg2: uint64(unix.SIGUSR2)})
			must(t, "prctl", err)
			must(t, "setresuid", p.Setresuid(posix.Uids{Real: 5, Effective: 5, Saved: 5}))
			forever(p)
		})
		forever(p)
	})
	k.Settle()
	must(t, "kill", init.Kill(parent, unix.SIGKILL))
	reap(t, init, parent)
	if info := reap(t, init, with); info.Status != int(unix.SIGUSR2) || info.Code != posix.CldKilled {
		t.Errorf("%+v, want SIGUSR2", info)
	}
	k.Settle()
	must(t, "it lives", init.Kill(without, 0))
	must(t, "kill", init.Kill(without, unix.SIGKILL))
	if info := reap(t, init, without); info.Status != int(unix.SIGKILL) {
		t.Errorf("%+v, want SIGKILL", info)
	}
}

// With process 1 of a pid namespace all of the namespace end, before its own end is known. Source: pid_namespaces(7).
func TestEndOfAPIDNamespace(t *testing.T) {
	k := machine(t, kernel.Config{})
	init := k.Init()
	var seen []posix.PID
	var first posix.PID
	outer := fork(t, init, func(p *kernel.Process) {
		must(t, "unshare", p.Unshare(unix.CLONE_NEWPID))
		first = fork(t, p, func(p *kernel.Process) {
			seen = append(seen, p.Getpid(), p.Getppid())
			for range 3 {
				fork(t, p, func(p *kernel.Process) {
					fork(t, p, forever)
					seen = append(seen, p.Getppid())
					if err := p.Kill(1, unix.SIGKILL); err != nil { // sent, and ignored
						t.Errorf("kill process 1: %v", err)
					}
					forever(p)
				})
			}
			_ = sleep(p, 1000)
		})
		if info := reap(t, p, first); info.Code != posix.CldExited {
			t.Errorf("process 1 ended with %+v", info)
		}
		if _, err := p.Fork(forever); err != unix.ENOMEM {
			t.Errorf("fork into a namespace that has ended: %v, want ENOMEM", err)
		}
	})
	reap(t, init, outer)
	if len(seen) != 5 || seen[0] != 1 || seen[1] != 0 || seen[2] != 1 {
		t.Errorf("seen from inside: %v, want process 1, its parent 0, and children of 1", seen)
	}
	for pid := posix.PID(2); pid < 20; pid++ {
		if err := init.Kill(pid, 0); err != unix.ESRCH {
			t.Errorf("process %d is left: %v", pid, err)
		}
	}
}

func TestLimitOfProcesses(t *testing.T) {
	k := machine(t, kernel.Config{})
	init := k.Init()
	user := fork(t, init, func(p *kernel.Process) {
		must(t, "prlimit", p.Prlimit(0, unix.RLIMIT_NPROC, &posix.Rlimit{Soft: 3, Hard: 3}, nil))
		pid := fork(t, p, func(*kernel.Process) {})
		reap(t, p, pid) // user 0 is not limited
		must(t, "setresuid", p.Setresuid(posix.Uids{Real: 9, Effective: 9, Saved: 9}))
		var children []posix.PID
		for range 2 {
			children = append(children, fork(t, p, func(*kernel.Process) {}))
		}
		for range 2 { // a zombie counts
			if _, err := p.Fork(forever); err != unix.EAGAIN {
				t.Errorf("the fourth process: %v, want EAGAIN", err)
			}
			_ = sleep(p, 1000)
		}
		reap(t, p, children[0])
		reap(t, p, fork(t, p, func(*kernel.Process) {}))
		reap(t, p, children[1])
	})
	reap(t, init, user)
}
