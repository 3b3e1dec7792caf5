package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Reaper is a program for the init of a pid namespace, as small ones are: it blocks SIGCHLD, reaps whoever ends, and never ends by itself. Beside
// rt_sigprocmask(2) it makes wait4(2) and rt_sigtimedwait(2), which posix.Core does not have and which its filters are asked about.
func Reaper(p *Process, _, _ []string) int {
	chld := posix.Sigbit(unix.SIGCHLD)
	if err := p.RtSigprocmask(unix.SIG_BLOCK, &chld, nil); err != nil {
		return 1
	}
	for {
		var err error
		for ended := true; ended && err == nil; {
			ended, err = p.wait4()
		}
		if err != nil && err != echild {
			return 1
		}
		if err := p.sigtimedwait(chld); err != nil && err != eintr {
			return 1
		}
	}
}

// enterAs is enter for a system call that no method stands for.
func (p *Process) enterAs(number uint32, op posix.Op, args ...uint64) (call, posix.Errno) {
	p.k.mu.Lock()
	p.mayEnter()
	p.calls++
	var errno posix.Errno
	if p.box.filters != nil {
		errno = p.askFilters(number, args)
	}
	return call{p, op}, errno
}

// wait4 is wait4(-1, NULL, WNOHANG|__WALL, NULL). In the trace it is waitid. Errors: ECHILD.
func (p *Process) wait4() (bool, error) {
	const options = unix.WNOHANG | wAll
	c, errno := p.enterAs(unix.SYS_WAIT4, posix.OpWaitid, ^uint64(0), 0, options, 0)
	var info posix.WaitInfo
	if errno == 0 {
		errno = p.waitFor(waiting{options: options | unix.WEXITED, any: true}, &info, echild)
	}
	return info.PID != 0, c.leave(errno)
}

// sigtimedwait is rt_sigtimedwait(set, NULL, NULL, 8). In the trace it is signalfd4. Errors: EINTR.
func (p *Process) sigtimedwait(set posix.Sigset) error {
	c, errno := p.enterAs(unix.SYS_RT_SIGTIMEDWAIT, posix.OpSignalfd4, somewhere, 0, 0, 8)
	if errno == 0 {
		errno = p.blocking(false, "rt_sigtimedwait", func() posix.Errno {
			if _, ok := p.dequeue(set); !ok {
				return eagain
			}
			return 0
		})
	}
	return c.leave(errno)
}
