package link

import (
	"errors"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/spawner/wire"
	"github.com/bulkhead/bulkhead/tests/leak"
)

// recorder keeps what was handled, and closes descriptors after it has looked at them.
type recorder struct {
	t       testing.TB
	kernel  posix.Core
	got     chan any
	hellos  int
	silence []bool
}

func (r *recorder) Hello(h Hello) {
	r.hellos++
	r.closing(h.Control, h.Metrics)
	r.got <- h
}

func (r *recorder) Attach(a Attached) {
	if err := a.Close(r.kernel); err != nil {
		r.t.Errorf("the descriptors of an instance: %v", err)
	}
	r.got <- a.Instance
}

func (r *recorder) Reply(p Replied) {
	if p.Instance != nil {
		if err := p.Instance.Close(r.kernel); err != nil {
			r.t.Errorf("the descriptors of a reply: %v", err)
		}
	}
	r.got <- p
}

func (r *recorder) Exited(x wire.ExitedEvent) { r.got <- x }

func (r *recorder) Asked(w wire.Wish) { r.got <- w }

func (r *recorder) Notice(n wire.Notice) { r.got <- n }

func (r *recorder) Silent(s bool) { r.got <- s }

func (r *recorder) closing(fds ...posix.FD) {
	for _, fd := range fds {
		if fd >= 0 {
			if err := r.kernel.Close(fd); err != nil {
				r.t.Errorf("a descriptor that was handed over: %v", err)
			}
		}
	}
}

// peer is the spawner's end of a link that runs.
type peer struct {
	t      testing.TB
	kernel posix.Core
	fd     posix.FD
	link   *Link
	rec    *recorder
	done   chan error
	before leak.Stock
	ended  bool
}

// connect runs a link. Its end is checked for descriptors that were left open.
func connect(t testing.TB) *peer {
	t.Helper()
	p := &peer{t: t, kernel: linux.New(), done: make(chan error, 1), before: leak.Take()}
	ours, theirs, err := p.kernel.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	p.fd = ours
	if p.link, err = New(p.kernel, theirs); err != nil {
		t.Fatal(err)
	}
	p.rec = &recorder{t: t, kernel: p.kernel, got: make(chan any, 4096)}
	go func() { p.done <- p.link.Run(p.rec) }()
	t.Cleanup(func() {
		if !p.ended {
			p.close()
			if err := p.end(); !errors.Is(err, ErrClosed) {
				t.Errorf("the link has ended with %v", err)
			}
		}
	})
	return p
}

func (p *peer) close() {
	if p.fd >= 0 {
		_ = p.kernel.Close(p.fd)
		p.fd = -1
	}
}

// end waits for the end of the link, and looks for descriptors that it left open.
func (p *peer) end() error {
	p.t.Helper()
	select {
	case err := <-p.done:
		p.ended = true
		p.close()
		if left := p.before.Left(); left != "" {
			p.t.Error(left)
		}
		return err
	case <-time.After(10 * time.Second):
		p.t.Fatal("the link does not end")
		return nil
	}
}

// send sends a datagram with descriptors, which it closes.
func (p *peer) send(datagram []byte, fds ...posix.FD) {
	p.t.Helper()
	_, err := p.kernel.Sendmsg(p.fd, &posix.Msg{Data: datagram, Control: posix.Rights(fds...)}, unix.MSG_NOSIGNAL)
	for _, fd := range fds {
		_ = p.kernel.Close(fd)
	}
	if err != nil && !errors.Is(err, posix.Errno(unix.EPIPE)) {
		p.t.Fatal(err)
	}
}

func (p *peer) frame(kind wire.Kind, id uint64, body []byte, fds ...posix.FD) {
	p.t.Helper()
	p.send(wire.Frame{Kind: kind, ID: id, Body: body}.Encode(), fds...)
}

// receive takes the next frame that the link sent, which is not a ping.
func (p *peer) receive() wire.Frame {
	p.t.Helper()
	buf := make([]byte, wire.MaxFrame)
	for {
		n, err := p.kernel.Recvmsg(p.fd, &posix.Msg{Data: buf}, 0)
		if err != nil || n == 0 {
			p.t.Fatalf("receive from the link: %d, %v", n, err)
		}
		f, err := wire.DecodeFrame(buf[:n])
		if err != nil {
			p.t.Fatal(err)
		}
		if f.Kind != wire.KindPing {
			f.Body = slices.Clone(f.Body)
			return f
		}
	}
}

// next is what was handled next.
func next[T any](p *peer) T {
	p.t.Helper()
	select {
	case v := <-p.rec.got:
		got, ok := v.(T)
		if !ok {
			p.t.Fatalf("handled %#v, not a %T", v, got)
		}
		return got
	case err := <-p.done:
		p.t.Fatalf("the link has ended: %v", err)
	case <-time.After(10 * time.Second):
		p.t.Fatal("nothing was handled")
	}
	panic("not reached")
}

const allSeals = unix.F_SEAL_SEAL | seals

// memfd is a file in memory, with seals.
func (p *peer) memfd(message []byte, seals int) posix.FD {
	p.t.Helper()
	fd, err := p.kernel.MemfdCreate("test", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		p.t.Fatal(err)
	}
	for n := 0; n < len(message); {
		m, err := p.kernel.Write(fd, message[n:])
		if err != nil {
			p.t.Fatal(err)
		}
		n += m
	}
	if _, err := p.kernel.Fcntl(fd, unix.F_ADD_SEALS, seals); err != nil {
		p.t.Fatal(err)
	}
	return fd
}

// sockets are n descriptors to pass on.
func (p *peer) sockets(n int) []posix.FD {
	p.t.Helper()
	var fds []posix.FD
	for range n {
		fd, err := p.kernel.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			p.t.Fatal(err)
		}
		fds = append(fds, fd)
	}
	return fds
}

var snapshot = wire.Snapshot{PID: 17, ManagerStarts: 1, Current: wire.Outline{Generation: 1, Files: []string{"web.yaml"}}}

// greet sends a hello, and waits until it was handled.
func (p *peer) greet() {
	p.t.Helper()
	p.frame(wire.KindHello, 0, nil, append([]posix.FD{p.memfd(snapshot.Encode(), allSeals)}, p.sockets(1)...)...)
	next[Hello](p)
}
