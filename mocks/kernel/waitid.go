package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Options of waitid(2) that x/sys has no name for, or that are of clone.
const (
	wNothread = 0x20000000
	wAll      = 0x40000000
	wClone    = 0x80000000

	waitOptions = unix.WNOHANG | unix.WNOWAIT | unix.WEXITED | unix.WSTOPPED | unix.WCONTINUED | wNothread | wAll | wClone
)

// Waitid implements [posix.Processes].
func (p *Process) Waitid(idtype posix.IDType, id int, info *posix.WaitInfo, options int) error {
	c, errno := p.enter(posix.OpWaitid, uint64(idtype), uint64(id), somewhere, uint64(options), 0)
	if errno == 0 {
		errno = p.waitid(idtype, id, info, options)
	}
	return c.leave(errno)
}

// waiting is what waitid asks for.
type waiting struct {
	options int
	who     *Process  // this one
	group   posix.PID // or those of this group; 0: any
	any     bool
}

func (p *Process) waitid(idtype posix.IDType, id int, info *posix.WaitInfo, options int) posix.Errno {
	const states = unix.WEXITED | unix.WSTOPPED | unix.WCONTINUED
	if options&^waitOptions != 0 || options&states == 0 {
		return einval
	}
	w := waiting{options: options}
	again := echild // what is answered when a wait would be needed that a nonblocking pidfd does not want
	switch pid := int32(id); idtype {
	case posix.PAll:
		w.any = true
	case posix.PPid:
		if pid <= 0 {
			return einval
		}
		w.who = p.findPID(posix.PID(pid))
	case posix.PPgid:
		switch {
		case pid < 0:
			return einval
		case pid == 0:
			w.group = p.group
		default:
			w.group = p.first(posix.PID(pid))
		}
	case posix.PPidfd:
		if pid < 0 {
			return einval
		}
		of, f, errno := p.pidfd(posix.FD(pid))
		if errno != 0 {
			return errno
		}
		w.who = of
		if f.nonblocking() && options&unix.WNOHANG == 0 {
			w.options |= unix.WNOHANG
			again = eagain
		}
	default:
		return einval
	}
	return p.waitFor(w, info, again)
}

// waitFor waits for one that has news. Source: kernel/exit.c, do_wait.
func (p *Process) waitFor(w waiting, info *posix.WaitInfo, again posix.Errno) posix.Errno {
	var got posix.WaitInfo
	errno := p.blocking(w.options&unix.WNOHANG != 0, "waitid", func() posix.Errno {
		some := false
		for _, child := range p.children {
			if !w.wants(child) {
				continue
			}
			some = true
			if p.news(child, w.options, &got) {
				return 0
			}
		}
		if !some {
			return echild
		}
		return eagain
	})
	if errno == eagain {
		if again == eagain {
			return eagain
		}
		errno = 0 // WNOHANG: nothing to tell
	}
	if errno == 0 {
		*info = got
	}
	return errno
}

// wants tells whether a child is among those that are waited for.
func (w *waiting) wants(child *Process) bool {
	switch {
	case !w.any && child != w.who && (w.group == 0 || child.group != w.group):
		return false
	case w.options&wAll != 0:
		return true
	}
	return (child.exitSignal != unix.SIGCHLD) == (w.options&wClone != 0)
}

// news tells whether there is something to tell of a child, and takes it unless WNOWAIT is set.
func (p *Process) news(child *Process, options int, got *posix.WaitInfo) bool {
	keep := options&unix.WNOWAIT != 0
	info := posix.WaitInfo{PID: p.number(child), UID: p.cred.user.uidOf(child.cred.uids.Real)}
	switch {
	case child.state == ended:
		if options&unix.WEXITED == 0 || child.delayed() {
			return false
		}
		info.Code, info.Status = child.ending.code, child.ending.status
		if !keep {
			child.reap()
		}
	case child.jobs.stopped != 0 && options&unix.WSTOPPED != 0:
		info.Code, info.Status = cldStopped, int(child.jobs.stopped)
		if !keep {
			child.jobs.stopped = 0
		}
	case child.jobs.continued && options&unix.WCONTINUED != 0:
		info.Code, info.Status = cldContinued, int(unix.SIGCONT)
		if !keep {
			child.jobs.continued = false
		}
	default:
		return false
	}
	*got = info
	return true
}

// delayed tells whether the end of a process is not to be known yet: it was process 1 of a pid namespace, and others of it have not ended.
func (p *Process) delayed() bool { return p.ns.pid.init == p && p.ns.pid.population > 1 }
