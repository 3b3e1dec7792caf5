package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// PosixOpenpt implements [posix.Terminals].
func (p *Process) PosixOpenpt(flags int) (posix.FD, error) {
	c, errno := p.enter(posix.OpPosixOpenpt, uint64(0xffffffffffffff9c), 1, uint64(flags)) // openat(AT_FDCWD, "/dev/ptmx", …)
	fd := posix.FD(-1)
	if errno == 0 {
		fd, errno = p.openpt(uint32(flags))
	}
	return fd, c.leave(errno)
}

func (p *Process) openpt(flags uint32) (posix.FD, posix.Errno) {
	if errno := p.spare(); errno != 0 {
		return -1, errno
	}
	f, errno := p.openPath(posix.AtFDCWD, "/dev/ptmx", flags|oLargefile, 0, 0)
	if errno != 0 {
		return -1, errno
	}
	return p.install(f, 0, flags&oCloexec != 0)
}

// terminal returns the pair that a descriptor is a side of. ENOTTY, or EINVAL: it is none.
func (p *Process) terminal(fd posix.FD) (t *pty, master bool, errno posix.Errno) {
	f, errno := p.file(fd)
	if errno != 0 {
		return nil, false, errno
	}
	switch o := f.object.(type) {
	case ptyMaster:
		return o.pty, true, 0
	case ptySlave:
		if o.gone {
			return nil, false, eio
		}
		return o.pty, false, 0
	case *epoll: // its own ioctl knows none of these
		return nil, false, einval
	}
	return nil, false, enotty
}

// Unlockpt implements [posix.Terminals].
func (p *Process) Unlockpt(master posix.FD) error {
	c, errno := p.enter(posix.OpUnlockpt, uint64(master), unix.TIOCSPTLCK, 1)
	if errno == 0 {
		var t *pty
		var is bool
		t, is, errno = p.terminal(master)
		switch {
		case errno != 0:
		case !is:
			errno = enotty
		default:
			t.locked = false
		}
	}
	return c.leave(errno)
}

// OpenPeer implements [posix.Terminals].
func (p *Process) OpenPeer(master posix.FD, flags int) (posix.FD, error) {
	c, errno := p.enter(posix.OpOpenPeer, uint64(master), unix.TIOCGPTPEER, uint64(flags))
	fd := posix.FD(-1)
	if errno == 0 {
		fd, errno = p.openPeer(master, uint32(flags))
	}
	return fd, c.leave(errno)
}

func (p *Process) openPeer(master posix.FD, flags uint32) (posix.FD, posix.Errno) {
	t, is, errno := p.terminal(master)
	switch {
	case errno != 0:
		return -1, errno
	case !is:
		return -1, eio // ioctl of a slave that only a master knows
	case !p.room(1):
		return -1, emfile
	}
	// The slave is somewhere below the directory in which the master was found.
	at := p.fds.get(master).place
	slave := spot{at.mount, &entry{parent: at.entry.parent, inode: t.node}}
	if _, errno := p.landlockOpen(slave, flags); errno != 0 {
		return -1, errno
	}
	if t.locked {
		return -1, eio
	}
	t.slaves++
	t.left = false
	// O_CREAT and the like mean nothing to what is opened without a path.
	fd, errno := p.makeFD(ptySlave{t}, flags&(oAccmode|oNonblock|oCloexec|unix.O_APPEND))
	if errno != 0 {
		return -1, errno
	}
	f := p.fds.get(fd)
	f.flags |= flags & oCloexec // as Linux leaves it: F_GETFL returns it
	if flags&unix.O_NOCTTY == 0 {
		p.takeTerminal(f)
	}
	return fd, 0
}

// Tcgetattr implements [posix.Terminals].
func (p *Process) Tcgetattr(fd posix.FD, to *posix.Termios) error {
	c, errno := p.enter(posix.OpTcgetattr, uint64(fd), unix.TCGETS, 1)
	if errno == 0 {
		var t *pty
		if t, _, errno = p.terminal(fd); errno == 0 {
			*to = t.t
		}
	}
	return c.leave(errno)
}

// Tcsetattr implements [posix.Terminals]. Output never has to drain: the master has it at once. Both sides set the slave's settings.
func (p *Process) Tcsetattr(fd posix.FD, actions int, from *posix.Termios) error {
	if actions < 0 || actions > 1 {
		return einval
	}
	c, errno := p.enter(posix.OpTcsetattr, uint64(fd), uint64(unix.TCSETS+actions), 1)
	if errno == 0 {
		var t *pty
		var master bool
		if t, master, errno = p.terminal(fd); errno == 0 {
			if !master && t.background(p) {
				errno = p.stopForTerminal(t)
			}
		}
		if errno == 0 {
			t.set(*from)
		}
	}
	return c.leave(errno)
}

// background tells whether a process has the terminal and is not in its foreground.
func (t *pty) background(p *Process) bool {
	return t.session != 0 && t.session == p.session && t.group != p.group
}

// stopForTerminal is what happens to a process in the background that wants to set its terminal. Source: __tty_check_change.
func (p *Process) stopForTerminal(t *pty) posix.Errno {
	if p.sig.blocked&posix.Sigbit(unix.SIGTTOU) != 0 || p.ignores(unix.SIGTTOU, true) {
		return 0
	}
	if p.k.orphan(p.group) {
		return eio
	}
	p.k.sendGroup(p.group, unix.SIGTTOU)
	return eintr
}

// Tcgetwinsize implements [posix.Terminals].
func (p *Process) Tcgetwinsize(fd posix.FD, w *posix.Winsize) error {
	c, errno := p.enter(posix.OpTcgetwinsize, uint64(fd), unix.TIOCGWINSZ, 1)
	if errno == 0 {
		var t *pty
		if t, _, errno = p.terminal(fd); errno == 0 {
			*w = t.size
		}
	}
	return c.leave(errno)
}

// Tcsetwinsize implements [posix.Terminals].
func (p *Process) Tcsetwinsize(fd posix.FD, w posix.Winsize) error {
	c, errno := p.enter(posix.OpTcsetwinsize, uint64(fd), unix.TIOCSWINSZ, 1)
	if errno == 0 {
		var t *pty
		if t, _, errno = p.terminal(fd); errno == 0 && t.size != w {
			t.size = w
			p.k.sendGroup(t.group, unix.SIGWINCH)
		}
	}
	return c.leave(errno)
}
