package kernel

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// pty is a pseudo-terminal: what is written to one side is read from the other, with a line discipline in between.
// Source: drivers/tty/pty.c and n_tty.c.
type pty struct {
	k               *Kernel
	number          uint32
	locked          bool // the slave cannot be opened
	node            *inode
	t               posix.Termios
	size            posix.Winsize
	gone            bool   // the master has been closed
	slaves          int    // descriptions of the slave
	left            bool   // the last of them has been closed
	out             []byte // what the master can read
	lines           []ptyLine
	edit            []byte // the line that is being typed
	literal         bool   // the next character is not special
	stopped         bool
	session, group  posix.PID // whose terminal it is, and who is in the foreground
	masterq, slaveq waitq
}

// ptyLine is what one read of the slave takes at most. Without canonical mode there is one for all.
type ptyLine struct {
	data []byte
	end  bool // it is complete: a read stops behind it
}

// What is waiting at most. Linux counts buffers, so that its numbers depend on how the bytes were written.
const (
	ptyInput  = 13584
	ptyOutput = 22048
	ptyLength = 4095 // of a line, and of what the master reads at once
	ptyMajor  = 136
)

// The settings of a new terminal. Source: drivers/tty/tty_io.c, tty_std_termios.
var newTermios = posix.Termios{
	Iflag: unix.ICRNL | unix.IXON,
	Oflag: unix.OPOST | unix.ONLCR,
	Cflag: unix.B38400 | unix.CS8 | unix.CREAD,
	Lflag: unix.ISIG | unix.ICANON | unix.ECHO | unix.ECHOE | unix.ECHOK | unix.ECHOCTL | unix.ECHOKE | unix.IEXTEN,
	Cc: [19]uint8{
		unix.VINTR: 3, unix.VQUIT: 28, unix.VERASE: 127, unix.VKILL: 21, unix.VEOF: 4, unix.VMIN: 1, unix.VSTART: 17, unix.VSTOP: 19,
		unix.VSUSP: 26, unix.VREPRINT: 18, unix.VDISCARD: 15, unix.VWERASE: 23, unix.VLNEXT: 22,
	},
}

func (t *pty) local(flag uint32) bool { return t.t.Lflag&flag != 0 }

// ptyMaster and ptySlave are the objects of the two sides.
type ptyMaster struct{ *pty }

type ptySlave struct{ *pty }

// openPtmx makes a pair of pseudo-terminals.
func (p *Process) openPtmx(*inode, *file) (object, posix.Errno) {
	t := &pty{k: p.k, number: p.k.io.ptyNumber(), locked: true, t: newTermios}
	t.node = p.k.io.devpts.newNode(unix.S_IFCHR|0o620, p.cred.uids.Effective, p.cred.gids.Effective, p.k.timestamp())
	t.node.rdev = unix.Mkdev(ptyMajor, t.number)
	return ptyMaster{t}, 0
}

// openTTY opens the terminal that controls the process. ENXIO: it has none.
func (p *Process) openTTY(*inode, *file) (object, posix.Errno) {
	t := p.k.io.terminals[p.session]
	if t == nil || t.gone {
		return nil, enxio
	}
	t.slaves++
	t.left = false
	return ptySlave{t}, 0
}

// leaveTerminal is what setsid does: the process has no controlling terminal any more. The new session has none, since terminals belong to sessions.
func (p *Process) leaveTerminal() {}

// ptyNumber takes the lowest number that no terminal has.
func (o *io) ptyNumber() uint32 {
	at := slices.Index(o.ptys, false)
	if at < 0 {
		at = len(o.ptys)
		o.ptys = append(o.ptys, false)
	}
	o.ptys[at] = true
	return uint32(at)
}

// closed gives the number back when both sides have been closed.
func (t *pty) closed() {
	if t.gone && t.slaves == 0 {
		t.k.io.ptys[t.number] = false
	}
}

// setTerminal makes a terminal the one that controls the caller's session (TIOCSCTTY). Source: ioctl_tty(2).
func (p *Process) setTerminal(f *file, steal bool) posix.Errno {
	s, ok := f.object.(ptySlave)
	switch {
	case !ok:
		return enotty
	case s.session == p.session && p.session == p.pid:
		return 0
	case p.session != p.pid, p.k.io.terminals[p.session] != nil:
		return eperm
	case s.session != 0 && (!steal || !p.cred.has(capSysAdmin)):
		return eperm
	}
	delete(p.k.io.terminals, s.session)
	s.session, s.group = p.session, p.group
	if p.k.io.terminals == nil {
		p.k.io.terminals = map[posix.PID]*pty{}
	}
	p.k.io.terminals[p.session] = s.pty
	return 0
}

func (m ptyMaster) pollable() bool             { return true }
func (m ptyMaster) changes() uint64            { return 0 }
func (m ptyMaster) gradual()                   {}
func (m ptyMaster) queues(*file) (a, b *waitq) { return &m.masterq, nil }
func (m ptyMaster) stat(f *file, st *posix.Stat) posix.Errno {
	f.place.entry.inode.fill(st) // that of the name which led to it, as /dev/ptmx
	return 0
}

func (m ptyMaster) read(_ *Process, _ *file, b []byte) (int, posix.Errno) {
	if len(m.out) == 0 {
		if m.left {
			return 0, eio
		}
		if len(b) == 0 {
			return 0, 0
		}
		return 0, eagain
	}
	n := copy(b[:min(len(b), ptyLength)], m.out)
	m.out = append(m.out[:0], m.out[n:]...)
	m.slaveq.notify(writeSpace)
	return n, 0
}

func (m ptyMaster) write(_ *Process, _ *file, b []byte) (int, posix.Errno) {
	n := 0
	for n < len(b) && m.room() {
		m.input(b[n])
		n++
	}
	if n == 0 && len(b) > 0 {
		return 0, eagain
	}
	return n, 0
}

func (m ptyMaster) events(*file) uint32 {
	var mask uint32
	if len(m.out) > 0 {
		mask |= readMask
	}
	if m.left {
		mask |= unix.EPOLLHUP
	}
	if m.room() {
		mask |= unix.EPOLLOUT | unix.EPOLLWRNORM
	}
	return mask
}

func (m ptyMaster) release(*file) {
	m.gone = true
	m.node.nlink = 0 // the name in devpts goes with the master
	m.closed()
	m.lines, m.edit = nil, nil
	m.slaveq.notify(0)
	if m.session != 0 {
		delete(m.k.io.terminals, m.session)
		m.hangUp()
	}
}

// hangUp tells the leader of the session; the others hear of it when the leader ends. Source: drivers/tty/tty_jobctrl.c, tty_signal_session_leader.
func (t *pty) hangUp() {
	leader := t.k.procs.byPID[t.session]
	if leader == nil || leader.state != alive {
		return
	}
	leader.hungUp = t.group
	for _, sig := range []posix.Signal{unix.SIGHUP, unix.SIGCONT} {
		t.k.send(leader, posix.SignalInfo{Signal: sig, Code: siKernel}, true)
	}
}

// takeTerminal is what opening a terminal does for the leader of a session that has none. Source: drivers/tty/tty_jobctrl.c, tty_open_proc_set_tty.
func (p *Process) takeTerminal(f *file) {
	if s, ok := f.object.(ptySlave); ok && f.readable() && s.session == 0 && p.leads() && p.k.io.terminals[p.session] == nil {
		_ = p.setTerminal(f, false)
	}
}

func (s ptySlave) pollable() bool             { return true }
func (s ptySlave) changes() uint64            { return 0 }
func (s ptySlave) gradual()                   {}
func (s ptySlave) queues(*file) (a, b *waitq) { return &s.slaveq, nil }
func (s ptySlave) stat(f *file, st *posix.Stat) posix.Errno {
	if f.place != nil { // opened as /dev/tty
		f.place.entry.inode.fill(st)
		return 0
	}
	fillStat(s.node, st)
	return 0
}

func (s ptySlave) read(_ *Process, _ *file, b []byte) (int, posix.Errno) {
	switch {
	case s.gone, len(b) == 0:
		return 0, 0
	case len(s.lines) == 0 || !s.local(unix.ICANON) && len(s.lines[0].data) < min(int(s.t.Cc[unix.VMIN]), len(b)):
		if !s.local(unix.ICANON) && s.t.Cc[unix.VMIN] == 0 {
			return 0, 0
		}
		return 0, eagain
	}
	line := &s.lines[0]
	n := copy(b, line.data)
	line.data = line.data[n:]
	if len(line.data) == 0 {
		s.lines = append(s.lines[:0], s.lines[1:]...)
	}
	s.masterq.notify(writeSpace)
	return n, 0
}

func (s ptySlave) write(_ *Process, _ *file, b []byte) (int, posix.Errno) {
	if s.gone {
		return 0, eio
	}
	n := 0
	for n < len(b) && !s.stopped && len(s.out) < ptyOutput {
		s.output(b[n])
		n++
	}
	if n == 0 && len(b) > 0 {
		return 0, eagain
	}
	s.masterq.notify(readMask)
	return n, 0
}

func (s ptySlave) events(*file) uint32 {
	if s.gone {
		return readMask | unix.EPOLLOUT | unix.EPOLLWRNORM | unix.EPOLLHUP | unix.EPOLLERR
	}
	var mask uint32
	if len(s.lines) > 0 {
		mask |= readMask
	}
	if !s.stopped && len(s.out) < ptyOutput {
		mask |= unix.EPOLLOUT | unix.EPOLLWRNORM
	}
	return mask
}

func (s ptySlave) release(*file) {
	s.slaves--
	s.closed()
	if s.slaves == 0 {
		s.left = true
		s.masterq.notify(0)
	}
}
