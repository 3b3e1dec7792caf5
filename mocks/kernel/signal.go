package kernel

import (
	"math/bits"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Action is what a process does when it gets a signal. The zero value is the default action. Source: sigaction(2).
type Action struct {
	Ignore bool
	// Handler is called, by the goroutine that makes the process's calls, when a call begins or ends or is interrupted. It may make calls.
	Handler func(posix.SignalInfo)
	Mask    posix.Sigset // blocked while Handler runs, besides the signal itself
	Restart bool         // SA_RESTART: the calls that can go on after Handler do so
	// NoChildWait and NoChildStop are of SIGCHLD: children that end are not to be waited for; those that stop are not reported.
	NoChildWait, NoChildStop bool
}

// signals is what a process has to do with signals.
type signals struct {
	blocked posix.Sigset
	pending posix.Sigset
	queue   []posix.SignalInfo // of those that are pending, by age
	actions [65]Action
	arrived uint64 // how many signals have been queued
	handled uint64 // how many handlers have run
	// unkillable: it is process 1 of a pid namespace, and gets no signal that it does not handle from inside.
	unkillable bool
}

// The signals by what the default action is. Source: signal(7).
const (
	stopSignals   = 1<<(unix.SIGSTOP-1) | 1<<(unix.SIGTSTP-1) | 1<<(unix.SIGTTIN-1) | 1<<(unix.SIGTTOU-1)
	dumpSignals   = 1<<(unix.SIGQUIT-1) | 1<<(unix.SIGILL-1) | 1<<(unix.SIGTRAP-1) | 1<<(unix.SIGABRT-1) | 1<<(unix.SIGFPE-1) | 1<<(unix.SIGSEGV-1) | 1<<(unix.SIGBUS-1) | 1<<(unix.SIGSYS-1) | 1<<(unix.SIGXCPU-1) | 1<<(unix.SIGXFSZ-1)
	ignoreSignals = 1<<(unix.SIGCHLD-1) | 1<<(unix.SIGCONT-1) | 1<<(unix.SIGURG-1) | 1<<(unix.SIGWINCH-1)
	// neverBlocked and never handled either.
	neverBlocked = 1<<(unix.SIGKILL-1) | 1<<(unix.SIGSTOP-1)
)

func dumpsCore(sig posix.Signal) bool { return posix.Sigbit(sig)&dumpSignals != 0 }

// child returns what a child has of it: all but what is pending.
func (s *signals) child() signals {
	return signals{blocked: s.blocked, actions: s.actions}
}

// clearHandlers is what exec does, and CLONE_CLEAR_SIGHAND: what is ignored stays ignored.
func (s *signals) clearHandlers() {
	for i := range s.actions {
		s.actions[i] = Action{Ignore: s.actions[i].Ignore}
	}
}

// interrupted tells whether a signal arrived that ends a wait.
func (p *Process) interrupted() bool { return p.sig.pending&^p.sig.blocked != 0 }

// ignores tells whether a signal would do nothing. Source: kernel/signal.c, sig_ignored.
func (p *Process) ignores(sig posix.Signal, forced bool) bool {
	a, bit := &p.sig.actions[sig], posix.Sigbit(sig)
	switch {
	case p.sig.blocked&bit != 0:
		return false // it may be handled when it is unblocked
	case a.Ignore:
		return true
	case a.Handler != nil:
		return false
	case p.sig.unkillable && !(forced && bit&neverBlocked != 0):
		return true
	}
	return bit&ignoreSignals != 0
}

// send sends a signal, whoever asked for it having been allowed to. forced: from the kernel or from outside of the target's pid namespace.
// Source: kernel/signal.c, __send_signal_locked.
func (k *Kernel) send(p *Process, info posix.SignalInfo, forced bool) {
	sig := info.Signal
	bit := posix.Sigbit(sig)
	if p.state != alive || bit == 0 {
		return
	}
	switch {
	case bit&stopSignals != 0:
		p.discard(1 << (unix.SIGCONT - 1))
	case sig == unix.SIGCONT:
		p.discard(stopSignals)
		p.resume()
	}
	if p.ignores(sig, forced) || sig < firstRealtime && p.sig.pending&bit != 0 {
		return
	}
	p.sig.pending |= bit
	p.sig.arrived++
	p.sig.queue = append(p.sig.queue, info)
	// A process that makes no call takes now what it does not handle.
	if p.calls == 0 && p.sig.blocked&bit == 0 && p.sig.actions[sig].Handler == nil {
		p.stopped = p.stopped && sig != unix.SIGKILL
		for !p.stopped && p.state == alive {
			info, ok := p.dequeue(^p.sig.blocked & bit)
			if !ok {
				break
			}
			p.act(info)
		}
	} else if sig == unix.SIGKILL {
		p.die(sig)
	}
}

// firstRealtime is the first signal of which several can be pending.
const firstRealtime = 32

// discard forgets pending signals.
func (p *Process) discard(set posix.Sigset) {
	if p.sig.pending&set == 0 {
		return
	}
	p.sig.pending &^= set
	kept := p.sig.queue[:0]
	for _, info := range p.sig.queue {
		if posix.Sigbit(info.Signal)&set == 0 {
			kept = append(kept, info)
		}
	}
	p.sig.queue = kept
}

// dequeue takes the pending signal of a set with the lowest number, of several the oldest. It is also how a signalfd reads.
func (p *Process) dequeue(set posix.Sigset) (posix.SignalInfo, bool) {
	set &= p.sig.pending
	if set == 0 {
		return posix.SignalInfo{}, false
	}
	sig := posix.Signal(bits.TrailingZeros64(uint64(set)) + 1)
	var info posix.SignalInfo
	at, more := -1, false
	for i := range p.sig.queue {
		if p.sig.queue[i].Signal != sig {
			continue
		}
		if at >= 0 {
			more = true
			break
		}
		at, info = i, p.sig.queue[i]
	}
	p.sig.queue = append(p.sig.queue[:at], p.sig.queue[at+1:]...)
	if !more {
		p.sig.pending &^= posix.Sigbit(sig)
	}
	return info, true
}

// attend takes the signals that are not blocked, and waits while the process is stopped. The kernel is locked before and after, but not while a handler runs, and no call of the process is under
// way. It tells whether a handler ran after which calls do not go on.
func (p *Process) attend() (interrupted bool) {
	for p.state == alive {
		if p.stopped {
			p.pause()
			continue
		}
		info, ok := p.dequeue(^p.sig.blocked)
		if !ok {
			break
		}
		interrupted = p.act(info) || interrupted
	}
	return interrupted
}

// act does what the process does with a signal that has been taken.
func (p *Process) act(info posix.SignalInfo) (interrupted bool) {
	sig := info.Signal
	a, bit := p.sig.actions[sig], posix.Sigbit(sig)
	switch {
	case a.Ignore:
	case a.Handler != nil:
		old := p.sig.blocked
		p.sig.handled++
		p.sig.blocked = (old | bit | a.Mask) &^ neverBlocked
		p.k.mu.Unlock()
		a.Handler(info)
		p.k.mu.Lock()
		p.sig.blocked = old
		return !a.Restart
	case bit&ignoreSignals != 0:
	case p.sig.unkillable && bit&neverBlocked == 0:
	case bit&stopSignals != 0:
		p.stop(sig)
	default:
		p.die(sig)
	}
	return false
}

// attendWithin is attend in the middle of a call that can go on afterwards.
func (p *Process) attendWithin() (interrupted bool) {
	p.calls--
	interrupted = p.attend()
	p.calls++
	return interrupted || p.dying()
}
