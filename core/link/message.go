package link

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// ErrGarbage is the error of something that the spawner must not send.
var ErrGarbage = errors.New("garbage from the spawner")

func garbage(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrGarbage, fmt.Sprintf(format, args...))
}

// Hello is the first message. Whoever handles it owns the descriptors.
type Hello struct {
	Snapshot wire.Snapshot
	Control  posix.FD // listening
	Metrics  posix.FD // listening; -1 without
}

// Attached is an instance with its descriptors, which whoever handles it owns; -1 is none.
type Attached struct {
	wire.Instance
	Stdout, Stderr, Notify, Control posix.FD
}

// Close gives the descriptors back.
func (a *Attached) Close(k posix.Files) error {
	var errs []error
	for _, fd := range []*posix.FD{&a.Stdout, &a.Stderr, &a.Notify, &a.Control} {
		if *fd >= 0 {
			errs = append(errs, k.Close(*fd))
			*fd = -1
		}
	}
	return errors.Join(errs...)
}

// Replied is the answer to a request.
type Replied struct {
	Request uint64
	Kind    wire.Kind // of the request
	Reply   wire.Reply
	// What the request asked for, when it was done: Start, Prepare, Stats.
	Instance *Attached
	Outline  *wire.Outline
	Stats    *wire.Stats
}

// Handler takes messages, in order, from the goroutine that runs the link. A function that blocks stops the link.
type Handler interface {
	Hello(Hello)
	Attach(Attached)
	Reply(Replied)
	Exited(wire.ExitedEvent)
	Asked(wire.Wish)
	Notice(wire.Notice)
	// Silent tells that nothing was heard of the spawner for a while, or, with false, that it is there again.
	Silent(bool)
}

// parcel is a frame and what came with it.
type parcel struct {
	wire.Frame
	fds []posix.FD
}

// take hands the descriptors over, which must be as many as are wanted.
func (p *parcel) take(want int) ([]posix.FD, error) {
	if len(p.fds) != want {
		return nil, garbage("a frame of kind %s with %d descriptors instead of %d", p.Kind, len(p.fds), want)
	}
	fds := p.fds
	p.fds = nil
	return fds, nil
}

// close gives back what nobody took.
func (p *parcel) close(k posix.Files) error {
	var errs []error
	for _, fd := range p.fds {
		errs = append(errs, k.Close(fd))
	}
	p.fds = nil
	return errors.Join(errs...)
}

// split returns the descriptors of an instance, which are in the order of wire.Instance.Notify.
func split(i wire.Instance, fds []posix.FD) Attached {
	a := Attached{Instance: i, Stdout: fds[0], Stderr: fds[1], Notify: -1, Control: -1}
	fds = fds[2:]
	if i.Notify {
		a.Notify, fds = fds[0], fds[1:]
	}
	if i.Control {
		a.Control = fds[0]
	}
	return a
}

// attached reads an instance with its descriptors.
func attached(p *parcel, payload []byte) (Attached, error) {
	i, err := wire.DecodeInstance(payload)
	if err != nil {
		return Attached{}, fmt.Errorf("%w: an instance: %w", ErrGarbage, err)
	}
	fds, err := p.take(i.Descriptors())
	if err != nil {
		return Attached{}, err
	}
	return split(i, fds), nil
}

// seals are those that a file must have: nobody can change it any more.
const seals = unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE

// contents reads a sealed file in memory and closes it.
func contents(k posix.Files, fd posix.FD) ([]byte, error) {
	defer func() { _ = k.Close(fd) }() // what was read is read
	have, err := k.Fcntl(fd, unix.F_GET_SEALS, 0)
	if err != nil && !errors.Is(err, posix.Errno(unix.EINVAL)) { // that is what a file has that cannot be sealed: fcntl(2)
		return nil, fmt.Errorf("read the seals of a file of the spawner: %w", err)
	}
	if err != nil || have&seals != seals {
		return nil, garbage("a file that is not a sealed one in memory (seals %#x, %v)", have, err)
	}
	var st posix.Stat
	if err := k.Fstat(fd, &st); err != nil {
		return nil, fmt.Errorf("read a file of the spawner: %w", err)
	}
	if st.Size > wire.MaxMessage {
		return nil, garbage("a file of %d bytes; there can be %d", st.Size, wire.MaxMessage)
	}
	message := make([]byte, st.Size)
	for n := 0; n < len(message); {
		m, err := k.Pread(fd, message[n:], int64(n))
		if err != nil {
			return nil, fmt.Errorf("read a file of the spawner: %w", err)
		}
		if m == 0 {
			return nil, garbage("a file that ends after %d of %d bytes", n, len(message))
		}
		n += m
	}
	return message, nil
}

// file reads the one file that came with a frame.
func file[T any](k posix.Files, p *parcel, what string, decode func([]byte) (T, error)) (*T, error) {
	fds, err := p.take(1)
	if err != nil {
		return nil, err
	}
	message, err := contents(k, fds[0])
	if err != nil {
		return nil, err
	}
	v, err := decode(message)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrGarbage, what, err)
	}
	return &v, nil
}
