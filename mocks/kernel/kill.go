package kernel

import (
	"math"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Kill implements [posix.Signals].
func (p *Process) Kill(pid posix.PID, sig posix.Signal) error {
	c, errno := p.enter(posix.OpKill, uint64(pid), uint64(sig))
	if errno == 0 {
		errno = p.kill(pid, sig)
	}
	return c.leave(errno)
}

// kill is kill(2). Source: kernel/signal.c, kill_something_info.
func (p *Process) kill(pid posix.PID, sig posix.Signal) posix.Errno {
	switch {
	case pid > 0:
		target := p.findPID(pid)
		if target == nil {
			return esrch
		}
		return p.signal(target, sig)
	case pid == math.MinInt32:
		return esrch
	case pid == -1:
		return p.killAll(sig)
	case pid == 0:
		return p.killGroup(p.group, sig)
	}
	return p.killGroup(p.first(-pid), sig)
}

// killAll sends a signal to all that p sees but itself and process 1.
func (p *Process) killAll(sig posix.Signal) posix.Errno {
	answer := esrch
	for _, target := range p.k.procs.all() {
		if target == p || !p.sees(target) || p.number(target) == 1 {
			continue
		}
		if answer == esrch {
			answer = 0
		}
		if errno := p.signal(target, sig); errno != eperm && errno != 0 {
			answer = errno
		}
	}
	return answer
}

// killGroup sends a signal to a process group: that one got it is enough.
func (p *Process) killGroup(group posix.PID, sig posix.Signal) posix.Errno {
	if group == 0 {
		return esrch
	}
	answer, sent := esrch, false
	self := false
	for _, target := range p.k.procs.all() {
		switch {
		case target.group != group:
		case target == p:
			self = true // last, since it may be the end
		default:
			if errno := p.signal(target, sig); errno == 0 {
				sent = true
			} else if answer == esrch {
				answer = errno
			}
		}
	}
	if self {
		if errno := p.signal(p, sig); errno == 0 {
			sent = true
		} else if answer == esrch {
			answer = errno
		}
	}
	if sent {
		return 0
	}
	return answer
}

// signal sends a signal to a process that was found. Source: kernel/signal.c, group_send_sig_info.
func (p *Process) signal(target *Process, sig posix.Signal) posix.Errno {
	if sig < 0 || sig > 64 {
		return einval
	}
	if !p.maySignal(target, sig) {
		return eperm
	}
	if sig != 0 {
		info := posix.SignalInfo{Signal: sig, Code: siUser, PID: target.number(p), UID: target.cred.user.uidOf(p.cred.uids.Real)}
		p.k.send(target, info, info.PID == 0)
	}
	return 0
}

// scopeSignal is LANDLOCK_SCOPE_SIGNAL. Source: include/uapi/linux/landlock.h.
const scopeSignal = 1 << 1

// maySignal is the permission to send a signal. Source: kernel/signal.c, check_kill_permission.
func (p *Process) maySignal(target *Process, sig posix.Signal) bool {
	mine, its := &p.cred.uids, &target.cred.uids
	switch {
	case p.landlockScope(target, scopeSignal):
		return false
	case p == target,
		mine.Effective == its.Saved, mine.Effective == its.Real, mine.Real == its.Saved, mine.Real == its.Real,
		p.capableIn(target.cred.user, unix.CAP_KILL):
		return true
	}
	return sig == unix.SIGCONT && p.session == target.session
}

// PidfdSendSignal implements [posix.Processes].
func (p *Process) PidfdSendSignal(pidfd posix.FD, sig posix.Signal) error {
	c, errno := p.enter(posix.OpPidfdSendSignal, uint64(pidfd), uint64(sig), 0, 0)
	if errno == 0 {
		errno = p.pidfdSendSignal(pidfd, sig)
	}
	return c.leave(errno)
}

func (p *Process) pidfdSendSignal(fd posix.FD, sig posix.Signal) posix.Errno {
	target, _, errno := p.pidfd(fd)
	switch {
	case errno != 0:
		return errno
	case !p.sees(target):
		return einval
	case target.state == reaped:
		return esrch
	}
	return p.signal(target, sig)
}

// RtSigprocmask implements [posix.Signals].
func (p *Process) RtSigprocmask(how int, set, old *posix.Sigset) error {
	c, errno := p.enter(posix.OpRtSigprocmask, uint64(how), pointer(set != nil), pointer(old != nil), 8)
	if errno == 0 {
		errno = p.sigprocmask(how, set, old)
	}
	return c.leave(errno)
}

func (p *Process) sigprocmask(how int, set, old *posix.Sigset) posix.Errno {
	before := p.sig.blocked
	if set != nil {
		switch how {
		case unix.SIG_BLOCK:
			p.sig.blocked |= *set &^ neverBlocked
		case unix.SIG_UNBLOCK:
			p.sig.blocked &^= *set
		case unix.SIG_SETMASK:
			p.sig.blocked = *set &^ neverBlocked
		default:
			return einval
		}
	}
	if old != nil {
		*old = before
	}
	return 0
}

// Sigaction sets what the process does with a signal. Errors: EINVAL (SIGKILL, SIGSTOP, no signal). It is not a call: posix.Core has none for it. Source: sigaction(2).
func (p *Process) Sigaction(sig posix.Signal, a Action) error {
	p.k.mu.Lock()
	defer p.k.mu.Unlock()
	if errno := p.sigaction(sig, a); errno != 0 {
		return errno
	}
	return nil
}

func (p *Process) sigaction(sig posix.Signal, a Action) posix.Errno {
	bit := posix.Sigbit(sig)
	if bit == 0 || bit&neverBlocked != 0 {
		return einval
	}
	p.sig.actions[sig] = a
	if a.Ignore || a.Handler == nil && bit&ignoreSignals != 0 {
		p.discard(bit)
	}
	return 0
}
