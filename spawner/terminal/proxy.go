package terminal

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Kernel is what a Proxy needs.
type Kernel interface {
	posix.Files
	posix.Polling
	posix.Terminals
}

// Proxy connects a real terminal with a pseudo-terminal. It is for one goroutine at a time.
type Proxy struct {
	kernel  Kernel
	real    posix.FD // the real terminal; not ours
	in, out posix.FD // where it is read and written
	own     []posix.FD
	master  posix.FD // our side of the pseudo-terminal
	slave   posix.FD // the command's side
	wake    posix.FD // an eventfd: a signal has arrived, or the command has ended
	stdio   [3]posix.FD
	saved   posix.Termios
	raw     bool
}

// Open makes a pseudo-terminal with the settings and the size of the real one, stdin, which it puts into raw mode. stdin stays the caller's.
// The caller closes the Proxy. An error leaves the real terminal as it was; ENOTTY says that stdin is none.
func Open(k Kernel, stdin posix.FD) (*Proxy, error) {
	return open(k, [3]posix.FD{stdin, 1, 2})
}

func open(k Kernel, std [3]posix.FD) (*Proxy, error) {
	p := &Proxy{kernel: k, real: std[0], stdio: std, master: -1, slave: -1, wake: -1}
	if err := p.open(); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

func (p *Proxy) open() (err error) {
	k := p.kernel
	if err := k.Tcgetattr(p.real, &p.saved); err != nil {
		return fmt.Errorf("read the settings of the terminal: %w", posix.Answer(err))
	}
	if p.master, err = k.PosixOpenpt(unix.O_RDWR | unix.O_NOCTTY | unix.O_CLOEXEC | unix.O_NONBLOCK); err != nil {
		return fmt.Errorf("make a pseudo-terminal: %w%s", posix.Answer(err), openptAdvice(err))
	}
	if err := k.Unlockpt(p.master); err != nil {
		return fmt.Errorf("unlock the pseudo-terminal: %w", posix.Answer(err))
	}
	if p.slave, err = k.OpenPeer(p.master, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC); err != nil {
		return fmt.Errorf("open the other side of the pseudo-terminal: %w", posix.Answer(err))
	}
	if p.wake, err = k.Eventfd2(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return fmt.Errorf("make an eventfd: %w", posix.Answer(err))
	}
	if err := k.Tcsetattr(p.slave, tcsanow, &p.saved); err != nil {
		return fmt.Errorf("give the pseudo-terminal the settings of the real one: %w", posix.Answer(err))
	}
	if err := p.resize(); err != nil {
		return err
	}
	p.connect()
	raw := rawMode(p.saved)
	if err := p.set(&raw); err != nil {
		return fmt.Errorf("put the terminal into raw mode: %w", posix.Answer(err))
	}
	p.raw = true
	return nil
}

func openptAdvice(err error) string {
	switch {
	case errors.Is(err, posix.Errno(unix.ENOENT)):
		return " (there is no /dev/ptmx: mount devpts, or run the command with its input from a file, such as </dev/null)"
	case errors.Is(err, posix.Errno(unix.ENOSPC)):
		return " (all are in use: see /proc/sys/kernel/pty/max)"
	}
	return ""
}

// set sets the real terminal when it has shown what was written. What was typed ahead is kept, for the command or for the shell.
func (p *Proxy) set(t *posix.Termios) error { return p.kernel.Tcsetattr(p.real, tcsadrain, t) }

// connect says what the command's streams are, and where the real terminal is read and written.
func (p *Proxy) connect() {
	p.in, p.out = p.real, p.real
	for fd := len(p.stdio) - 1; fd > 0; fd-- {
		var t posix.Termios
		if p.kernel.Tcgetattr(p.stdio[fd], &t) == nil {
			p.out, p.stdio[fd] = p.stdio[fd], p.slave
		}
	}
	p.stdio[0] = p.slave
	p.in, p.out = p.reopen(p.in, unix.O_RDONLY), p.reopen(p.out, unix.O_WRONLY)
}

// reopen opens a terminal once more, without blocking. O_NONBLOCK on the inherited descriptor would be seen by the shell and everybody
// else who shares it. When this user may not open the terminal, the inherited descriptor is used: poll says when it is ready.
func (p *Proxy) reopen(fd posix.FD, flags uint64) posix.FD {
	how := posix.OpenHow{Flags: flags | unix.O_NOCTTY | unix.O_NONBLOCK | unix.O_CLOEXEC}
	opened, err := p.kernel.Openat2(posix.AtFDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), how)
	if err != nil {
		return fd
	}
	p.own = append(p.own, opened)
	return opened
}

// Stdio returns what the standard streams of the command are to be. They stay the Proxy's and the caller's: the launch copies them.
func (p *Proxy) Stdio() [3]posix.FD { return p.stdio }

// resize gives the pseudo-terminal the size of the real one; the command gets SIGWINCH.
func (p *Proxy) resize() error {
	var size posix.Winsize
	if err := p.kernel.Tcgetwinsize(p.real, &size); err != nil {
		return fmt.Errorf("read the size of the terminal: %w", posix.Answer(err))
	}
	if err := p.kernel.Tcsetwinsize(p.master, size); err != nil {
		return fmt.Errorf("give the pseudo-terminal the size of the real one: %w", posix.Answer(err))
	}
	return nil
}

// closePair closes the pseudo-terminal. The command, if it still has it, gets SIGHUP.
func (p *Proxy) closePair() error {
	var errs []error
	for _, fd := range []*posix.FD{&p.slave, &p.master} {
		if *fd >= 0 {
			errs = append(errs, p.kernel.Close(*fd))
			*fd = -1
		}
	}
	return errors.Join(errs...)
}

// Close restores the real terminal and closes the pseudo-terminal. Run must have returned or never been called. A second call does nothing.
func (p *Proxy) Close() error {
	var errs []error
	if p.raw {
		p.raw = false
		err := p.set(&p.saved)
		// A terminal that hung up has nothing left to restore.
		if err != nil && !errors.Is(err, posix.Errno(unix.EIO)) {
			errs = append(errs, fmt.Errorf("restore the settings of the terminal: %w (`stty sane` does it by hand)", posix.Answer(err)))
		}
	}
	errs = append(errs, p.closePair())
	for _, fd := range p.own {
		errs = append(errs, p.kernel.Close(fd))
	}
	p.own = nil
	if p.wake >= 0 {
		errs = append(errs, p.kernel.Close(p.wake))
		p.wake = -1
	}
	return errors.Join(errs...)
}
