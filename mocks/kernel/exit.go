package kernel

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// ending is how a process ended. Source: waitid(2).
type ending struct {
	code   int // posix.CldExited, posix.CldKilled, posix.CldDumped
	status int // exit status, or signal
}

// Exit ends the process with a status, of which the lower eight bits count. In a program it does not return; in a process that the test drives it does, and no
// call may follow.
func (p *Process) Exit(status int) {
	k := p.k
	k.mu.Lock()
	if p.state == alive {
		p.terminate(ending{posix.CldExited, status & 0xff})
	}
	p.perish()
	if p.programmed || p.box.launching {
		k.unwind(p)
	}
	if k.config.Concurrent {
		k.reschedule()
	}
	k.mu.Unlock()
}

// terminate makes the process end: at once, or when the call that it makes is over.
func (p *Process) terminate(e ending) {
	if p.state != alive {
		return
	}
	p.state, p.ending, p.stopped = killed, e, false
	p.perish()
}

// die is terminate by a signal, with a core dump where limits allow one.
func (p *Process) die(sig posix.Signal) {
	e := ending{posix.CldKilled, int(sig)}
	if dumpsCore(sig) && p.limits[unix.RLIMIT_CORE].Soft > 0 && p.attrs.dumpable == 1 {
		e.code = posix.CldDumped
	}
	p.terminate(e)
}

// perish ends a process that is to end, unless it makes a call. Source: kernel/exit.c, do_exit.
func (p *Process) perish() {
	if p.state != killed || p.calls > 0 {
		return
	}
	k := p.k
	p.state = ended
	p.fds.leave()
	p.release()
	for _, place := range []*place{p.cwd, p.root} {
		if place != nil {
			place.drop()
		}
	}
	p.runFile(nil)
	k.discharge(p)
	if p.ns.pid.init == p {
		p.endNamespace()
	}
	p.endSession()
	orphaned := p.orphans()
	if p.ns.pid.init != p { // those of process 1 are about to end, or have
		for _, child := range slices.Clone(p.children) {
			k.reparent(child)
		}
	}
	for _, pgid := range orphaned {
		k.hangUpOrphans(pgid)
	}
	if !p.delayed() {
		p.tellParent()
	}
	if p.state == ended {
		k.lastOf(p)
	}
}

// release gives back what a process has besides descriptors: each part of the package that adds something to a process does so here.
func (p *Process) release() {
	p.unmapAll()
	p.ns.mnt.leave()
}

// tellParent tells the parent of the end, or has nobody wait for it when the parent said that it does not want to know. Source: kernel/signal.c, do_notify_parent.
func (p *Process) tellParent() {
	parent := p.parent
	if parent == nil {
		return
	}
	reap := false
	if p.exitSignal == unix.SIGCHLD {
		a := &parent.sig.actions[unix.SIGCHLD]
		reap = a.Ignore || a.NoChildWait
	}
	if p.exitSignal != 0 {
		p.k.send(parent, p.childInfo(parent, p.exitSignal, p.ending.code, p.ending.status), false)
	}
	if reap {
		p.reap()
	}
}

// childInfo is what a parent is told of a child.
func (p *Process) childInfo(parent *Process, sig posix.Signal, code, status int) posix.SignalInfo {
	return posix.SignalInfo{Signal: sig, Code: code, PID: parent.number(p), UID: p.cred.uids.Real, Status: status}
}

// reap takes a zombie away.
func (p *Process) reap() {
	p.state = reaped
	if p.parent != nil {
		p.parent.disown(p)
	}
	p.k.user(p.cred.uids.Real).processes--
	p.k.uncharge(p)
	p.k.procs.remove(p)
	p.k.lastOf(p)
}

// reparent gives a child of a process that has ended another parent: the nearest ancestor that is a subreaper, in its pid namespace, or process 1 of that.
// Source: kernel/exit.c, find_new_reaper.
func (k *Kernel) reparent(child *Process) {
	old := child.parent
	if s := child.attrs.deathSignal; s != 0 && child.state != ended {
		k.send(child, posix.SignalInfo{Signal: s, Code: siUser, PID: child.number(old), UID: old.cred.uids.Real}, false)
	}
	heir := old.ns.pid.init
	if old.attrs.underReaper {
		for p := old.parent; p != nil && p.ns.pid == old.ns.pid && p != heir; p = p.parent {
			if p.attrs.subreaper && p.state == alive {
				heir = p
				break
			}
		}
	}
	old.disown(child)
	child.parent = heir
	child.exitSignal = unix.SIGCHLD
	heir.children = append(heir.children, child)
	if child.state == ended {
		child.tellParent()
		k.lastOf(child)
	}
}

// endNamespace ends all that are in the pid namespace of p, or below it, when p, its process 1, ends. Source: kernel/pid_namespace.c, zap_pid_ns_processes.
func (p *Process) endNamespace() {
	p.ns.pid.ending = true
	for _, other := range p.k.procs.all() {
		if other != p && p.sees(other) {
			other.terminate(ending{posix.CldKilled, int(unix.SIGKILL)})
			if other.state == ended && other.parent == p {
				other.reap()
			}
		}
	}
}

// lastOf is called when p has ended or has been reaped. When its pid namespace is ending, it has nobody left to wait for it there; and with the last process but the
// first, the end of that is known.
func (k *Kernel) lastOf(p *Process) {
	ns := p.ns.pid
	switch {
	case !ns.ending || ns.init == p:
	case p.state == ended && p.parent == ns.init:
		p.reap() // calls lastOf again
	case p.state == reaped && ns.init.state == ended && ns.population == 1:
		ns.init.tellParent()
	}
}

// siUser and siKernel are who sent a signal: a process, the kernel. Source: sigaction(2).
const (
	siUser   = 0
	siKernel = 0x80
	siTkill  = -6
)
