package terminal

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// news is what the copying loop is woken up for. A goroutine writes it, the loop reads it.
type news struct{ resized, continued, ended atomic.Bool }

// Run copies until done is closed and all that the command wrote before has been passed on. It is called once, after the command was
// started. When the real terminal hangs up, so does the command's, and Run still waits for done.
func (p *Proxy) Run(done <-chan struct{}) error {
	var n news
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, unix.SIGWINCH, unix.SIGCONT)
	defer signal.Stop(signals)
	stop := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() { p.watch(&n, done, signals, stop) })
	defer watch.Wait()
	defer close(stop)

	err := p.copy(&n)
	if errors.Is(err, errHangup) {
		err = p.closePair()
		<-done
	}
	if err != nil {
		return fmt.Errorf("pass the terminal through: %w", err)
	}
	return nil
}

// watch wakes the loop up for signals, and when the command has ended.
func (p *Proxy) watch(n *news, done <-chan struct{}, signals <-chan os.Signal, stop <-chan struct{}) {
	one := []byte{1, 0, 0, 0, 0, 0, 0, 0}
	for {
		select {
		case <-stop:
			return
		case s := <-signals:
			if s == unix.SIGCONT {
				n.continued.Store(true)
			}
			n.resized.Store(true) // also while it was stopped
		case <-done:
			n.ended.Store(true)
			done = nil
		}
		_, _ = p.kernel.Write(p.wake, one) // EAGAIN: the counter is full, so the loop is going to wake up
	}
}

// chunk is how much is held in each direction.
const chunk = 16 << 10

// lastWords bounds what is passed on after the command has ended: far more than a pseudo-terminal holds. Without it a
// process that was left behind could go on for ever.
const lastWords = 1 << 20

// errHangup says that the real terminal is gone.
var errHangup = errors.New("the terminal hung up")

// pipe is one direction: what was read and is not yet written.
type pipe struct {
	buf  []byte
	held []byte
}

// copy moves bytes until the command has ended. It waits for neither side alone: ^C gets through to a command whose output is not taken.
func (p *Proxy) copy(n *news) error {
	typed, printed := pipe{buf: make([]byte, chunk)}, pipe{buf: make([]byte, chunk)}
	closed := false // somebody hung up the command's side for everybody, our copy included: vhangup(2)
	for !n.ended.Load() {
		// A negative descriptor is left out; one without events still tells that it hung up. Source: poll(2).
		fds := [4]posix.PollFD{{FD: p.wake, Events: unix.POLLIN}, {FD: p.in}, {FD: p.master}, {FD: -1}}
		if len(typed.held) == 0 {
			fds[1].Events = unix.POLLIN
		} else {
			fds[2].Events = unix.POLLOUT
		}
		if len(printed.held) == 0 {
			fds[2].Events |= unix.POLLIN
		} else {
			fds[3] = posix.PollFD{FD: p.out, Events: unix.POLLOUT}
		}
		if closed {
			fds[2].FD = -1
		}
		if _, err := p.kernel.Ppoll(fds[:], nil); err != nil {
			if errors.Is(err, posix.Errno(unix.EINTR)) {
				continue
			}
			return err
		}
		if fds[0].Revents != 0 {
			p.news(n)
		}
		if fds[1].Revents != 0 {
			if len(typed.held) > 0 {
				return errHangup
			}
			if _, err := p.read(p.in, &typed); err != nil {
				return err
			}
		}
		if fds[2].Revents&unix.POLLOUT != 0 {
			if err := p.write(p.master, &typed); err != nil {
				return err
			}
		}
		if fds[2].Revents&^unix.POLLOUT != 0 && len(printed.held) == 0 {
			end, err := p.read(p.master, &printed)
			if err != nil {
				return err
			}
			closed = end
		}
		if fds[3].Revents != 0 {
			if err := p.write(p.out, &printed); err != nil {
				return err
			}
		}
	}
	return p.drain(&printed)
}

// news deals with what the loop was woken up for.
func (p *Proxy) news(n *news) {
	var count [8]byte
	_, _ = p.kernel.Read(p.wake, count[:]) // only empties the counter
	if n.continued.Swap(false) {
		// The shell has set the terminal to what it likes for itself.
		raw := rawMode(p.saved)
		_ = p.set(&raw) // if it is gone, reading says so
	}
	if n.resized.Swap(false) {
		_ = p.resize() // likewise
	}
}

// drain passes on what the command wrote before it ended. Our copy of its side has kept the pseudo-terminal alive until now, so that a
// command could close its streams and open /dev/tty later. A read that finds nothing has looked for everything: n_tty_read
// waits for what is under way in the kernel before it says EAGAIN, or EIO when nobody has the other side open.
func (p *Proxy) drain(printed *pipe) error {
	err := p.kernel.Close(p.slave)
	p.slave = -1
	if err != nil {
		return err
	}
	for total := 0; ; total += len(printed.held) {
		for len(printed.held) > 0 {
			fds := [1]posix.PollFD{{FD: p.out, Events: unix.POLLOUT}}
			if _, err := p.kernel.Ppoll(fds[:], nil); err != nil && !errors.Is(err, posix.Errno(unix.EINTR)) {
				return err
			}
			if err := p.write(p.out, printed); err != nil {
				return err
			}
		}
		if total > lastWords {
			return nil
		}
		if _, err := p.read(p.master, printed); err != nil || len(printed.held) == 0 {
			return err
		}
	}
}

// read fills the pipe, if there is something. The end of the real terminal is errHangup.
func (p *Proxy) read(fd posix.FD, to *pipe) (end bool, err error) {
	n, err := p.kernel.Read(fd, to.buf)
	switch {
	case err == nil && n > 0:
		to.held = to.buf[:n]
		return false, nil
	case err == nil, errors.Is(err, posix.Errno(unix.EIO)):
		if fd == p.master {
			return true, nil
		}
		return true, errHangup
	case errors.Is(err, posix.Errno(unix.EAGAIN)):
		return false, nil
	}
	return false, err
}

// write takes from the pipe what can be written.
func (p *Proxy) write(fd posix.FD, from *pipe) error {
	n, err := p.kernel.Write(fd, from.held)
	switch {
	case errors.Is(err, posix.Errno(unix.EAGAIN)):
		return nil
	case errors.Is(err, posix.Errno(unix.EIO)) && fd != p.master:
		return errHangup
	case err != nil:
		return err
	}
	from.held = from.held[n:]
	return nil
}
