package terminal

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Kernel is what a Proxy needs.
type Kernel interface {
	posix.Files
	posix.Polling
	posix.Terminals
}

// Proxy connects a real terminal with a pseudo-terminal.
type Proxy struct {
	kernel Kernel
	real   posix.FD // the real terminal; not ours
	master posix.FD
	slave  posix.FD // -1 once the command has it
	wake   posix.FD // an eventfd: the window has changed its size, or the command has ended
	stdio  [3]posix.FD
	saved  posix.Termios
	raw    bool

	mu    sync.Mutex // guards ended
	ended bool
}

// Open makes a pseudo-terminal with the settings and the size of a real one, which it puts into raw mode. The caller closes the Proxy, and
// does so on every way out: the real terminal is unusable until then.
func Open(k Kernel, real posix.FD) (*Proxy, error) {
	p := &Proxy{kernel: k, real: real, master: -1, slave: -1, wake: -1}
	if err := p.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("make a pseudo-terminal: %w", err), p.Close())
	}
	return p, nil
}

func (p *Proxy) open() (err error) {
	k := p.kernel
	if err := k.Tcgetattr(p.real, &p.saved); err != nil {
		return err
	}
	if p.master, err = k.PosixOpenpt(unix.O_RDWR | unix.O_NOCTTY | unix.O_CLOEXEC | unix.O_NONBLOCK); err != nil {
		return err
	}
	if err := k.Unlockpt(p.master); err != nil {
		return err
	}
	if p.slave, err = k.OpenPeer(p.master, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC); err != nil {
		return err
	}
	if p.wake, err = k.Eventfd2(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return err
	}
	settings := p.saved
	if err := k.Tcsetattr(p.slave, 0, &settings); err != nil {
		return err
	}
	if err := p.resize(); err != nil {
		return err
	}
	for fd := range p.stdio {
		p.stdio[fd] = posix.FD(fd)
		var size posix.Winsize
		if k.Tcgetwinsize(posix.FD(fd), &size) == nil {
			p.stdio[fd] = p.slave
		}
	}
	p.stdio[0] = p.slave
	raw := rawMode(p.saved)
	if err := k.Tcsetattr(p.real, 1, &raw); err != nil {
		return err
	}
	p.raw = true
	return nil
}

// rawMode returns settings in which every byte passes unchanged. Source: termios(3), cfmakeraw.
func rawMode(t posix.Termios) posix.Termios {
	t.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	t.Oflag &^= unix.OPOST
	t.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	t.Cflag = t.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	return t
}

// Stdio returns what the command's standard streams are to be. They belong to the Proxy.
func (p *Proxy) Stdio() [3]posix.FD { return p.stdio }

// resize gives the pseudo-terminal the size of the real one.
func (p *Proxy) resize() error {
	var size posix.Winsize
	if err := p.kernel.Tcgetwinsize(p.real, &size); err != nil {
		return err
	}
	return p.kernel.Tcsetwinsize(p.master, size)
}

// Run copies until done is closed and all that the command wrote has been passed on. It is called once, after the
// command has been started.
func (p *Proxy) Run(done <-chan struct{}) error {
	if err := p.kernel.Close(p.slave); err != nil {
		return err
	}
	p.slave = -1
	winch := make(chan os.Signal, 1)
	signal.Notify(winch, unix.SIGWINCH)
	defer signal.Stop(winch)
	stop := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() { p.watch(done, winch, stop) })
	defer func() { close(stop); watch.Wait() }()

	c := &copier{proxy: p, input: true}
	for {
		more, err := c.turn()
		if err != nil {
			return fmt.Errorf("pass the terminal through: %w", err)
		}
		if !more {
			return nil
		}
	}
}

// watch wakes the copier up when the command has ended, and follows the size of the window.
func (p *Proxy) watch(done <-chan struct{}, winch <-chan os.Signal, stop <-chan struct{}) {
	one := []byte{1, 0, 0, 0, 0, 0, 0, 0}
	for {
		select {
		case <-stop:
			return
		case <-winch:
			_ = p.resize() // the command keeps the old size; there is nobody to tell
		case <-done:
			p.mu.Lock()
			p.ended = true
			p.mu.Unlock()
			_, _ = p.kernel.Write(p.wake, one) // a full counter wakes it up as well
			done = nil
		}
	}
}

func (p *Proxy) hasEnded() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended
}

// Close sets the real terminal back and closes the pseudo-terminal.
func (p *Proxy) Close() error {
	var errs []error
	if p.raw {
		errs = append(errs, p.kernel.Tcsetattr(p.real, 1, &p.saved))
		p.raw = false
	}
	for _, fd := range []*posix.FD{&p.slave, &p.master, &p.wake} {
		if *fd >= 0 {
			errs = append(errs, p.kernel.Close(*fd))
			*fd = -1
		}
	}
	return errors.Join(errs...)
}
