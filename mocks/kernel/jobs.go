package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// jobNews is what a parent may ask with WSTOPPED and WCONTINUED.
type jobNews struct {
	stopped   posix.Signal // the process has been stopped by it, and the parent does not know; 0: no
	continued bool         // it has been continued, and the parent does not know
}

// stop stops the process, as the default action of sig does. Source: kernel/signal.c, do_signal_stop.
func (p *Process) stop(sig posix.Signal) {
	if sig != unix.SIGSTOP && p.k.orphan(p.group) {
		return
	}
	p.stopped = true
	p.jobs = jobNews{stopped: sig}
	p.tellJob(cldStopped, int(sig))
}

// resume lets a stopped process go on.
func (p *Process) resume() {
	if !p.stopped {
		return
	}
	p.stopped = false
	p.jobs = jobNews{continued: true}
	p.tellJob(cldContinued, int(unix.SIGCONT))
}

// cldStopped and cldContinued are codes of SIGCHLD. Source: sigaction(2).
const (
	cldStopped   = 5
	cldContinued = 6
)

func (p *Process) tellJob(code, status int) {
	if p.parent == nil || p.parent.sig.actions[unix.SIGCHLD].NoChildStop || p.parent.sig.actions[unix.SIGCHLD].Ignore {
		return
	}
	p.k.send(p.parent, p.childInfo(p.parent, unix.SIGCHLD, code, status), false)
}

// pause waits until a stopped process may go on.
func (p *Process) pause() {
	w := &wait{process: p, what: "nothing", until: never, paused: true, ready: func() bool { return !p.stopped }}
	p.k.park(w)
	if w.why > interrupted {
		p.k.abandon(w)
	}
}

// endSession hangs up on the foreground of the terminal of a session whose leader ends. The terminal belongs to nobody afterwards. When it had been closed
// before, those who were in the foreground are told now. Source: drivers/tty/tty_jobctrl.c, disassociate_ctty.
func (p *Process) endSession() {
	if !p.leads() {
		return
	}
	if t := p.k.io.terminals[p.session]; t != nil {
		p.k.sendGroup(t.group, unix.SIGHUP)
		delete(p.k.io.terminals, p.session)
		t.session, t.group = 0, 0
		return
	}
	p.k.sendGroup(p.hungUp, unix.SIGHUP)
	p.k.sendGroup(p.hungUp, unix.SIGCONT)
}

// orphan tells whether nobody in the session but outside of the group is the parent of a member: then nobody would continue it.
// Source: kernel/exit.c, will_become_orphaned_pgrp.
func (k *Kernel) orphan(group posix.PID) bool {
	for _, p := range k.procs.byPID {
		if p.group == group && p.holdsUp() {
			return false
		}
	}
	return true
}

// holdsUp tells whether a process keeps its group from being an orphan.
func (p *Process) holdsUp() bool {
	return p.state == alive && p.parent != nil && p.parent != p.k.init && p.parent.group != p.group && p.parent.session == p.session
}

// orphans returns the groups that become orphans with the end of p: its own, and those of its children.
func (p *Process) orphans() []posix.PID {
	var groups []posix.PID
	if p.parent != nil && p.parent.group != p.group && p.parent.session == p.session && p.k.orphan(p.group) {
		groups = append(groups, p.group)
	}
	for _, c := range p.children {
		if c.group != p.group && c.session == p.session {
			groups = append(groups, c.group)
		}
	}
	return groups
}

// hangUpOrphans sends SIGHUP and SIGCONT to a group that is an orphan now, if one of it is stopped. Source: setpgid(2).
func (k *Kernel) hangUpOrphans(group posix.PID) {
	if !k.orphan(group) {
		return
	}
	var members []*Process
	stopped := false
	for _, p := range k.procs.all() {
		if p.group == group && p.state == alive {
			members = append(members, p)
			stopped = stopped || p.stopped
		}
	}
	if !stopped {
		return
	}
	for _, p := range members {
		k.send(p, posix.SignalInfo{Signal: unix.SIGHUP, Code: siKernel}, true)
		k.send(p, posix.SignalInfo{Signal: unix.SIGCONT, Code: siKernel}, true)
	}
}
