package kernel_test

import (
	"bytes"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
)

// TestCallsThatWait: a child makes a call that cannot go on until its parent has done something.
func TestCallsThatWait(t *testing.T) {
	pair := func(t *testing.T, p *kernel.Process, typ int) (a, b posix.FD) {
		t.Helper()
		a, b, err := p.Socketpair(unix.AF_UNIX, typ|unix.SOCK_CLOEXEC, 0)
		must(t, "socketpair", err)
		return a, b
	}
	much := bytes.Repeat([]byte("much"), 100_000)
	drain := func(t *testing.T, p *kernel.Process, fd posix.FD, n int) {
		t.Helper()
		var got []byte
		for b := make([]byte, 4096); len(got) < n; {
			part, err := p.Read(fd, b)
			must(t, "read", err)
			got = append(got, b[:part]...)
		}
		if !bytes.Equal(got, much[:n]) {
			t.Error("other bytes came out")
		}
	}
	for _, c := range []struct {
		name string
		run  func(t *testing.T, p *kernel.Process) (child func(p *kernel.Process) (int, error), parent func())
		want int
	}{
		{"write to a pipe", func(t *testing.T, p *kernel.Process) (func(p *kernel.Process) (int, error), func()) {
			r, w, err := p.Pipe2(unix.O_CLOEXEC)
			must(t, "pipe2", err)
			return func(p *kernel.Process) (int, error) { return p.Write(w, much) }, func() { drain(t, p, r, len(much)) }
		}, len(much)},
		{"write to a stream", func(t *testing.T, p *kernel.Process) (func(p *kernel.Process) (int, error), func()) {
			a, b := pair(t, p, unix.SOCK_STREAM)
			return func(p *kernel.Process) (int, error) { return p.Write(a, much) }, func() { drain(t, p, b, len(much)) }
		}, len(much)},
		{"sendmsg to a stream", func(t *testing.T, p *kernel.Process) (func(p *kernel.Process) (int, error), func()) {
			a, b := pair(t, p, unix.SOCK_STREAM)
			return func(p *kernel.Process) (int, error) { return p.Sendmsg(a, &posix.Msg{Data: much}, 0) }, func() { drain(t, p, b, len(much)) }
		}, len(much)},
		{"recvmsg with MSG_WAITALL", func(t *testing.T, p *kernel.Process) (func(p *kernel.Process) (int, error), func()) {
			a, b := pair(t, p, unix.SOCK_STREAM)
			return func(p *kernel.Process) (int, error) {
					return p.Recvmsg(a, &posix.Msg{Data: make([]byte, 10)}, unix.MSG_WAITALL)
				}, func() {
					for range 5 {
						_, err := p.Write(b, []byte("ab"))
						must(t, "write", err)
					}
				}
		}, 10},
		{"recvmsg until the end", func(t *testing.T, p *kernel.Process) (func(p *kernel.Process) (int, error), func()) {
			a, b := pair(t, p, unix.SOCK_STREAM)
			return func(p *kernel.Process) (int, error) {
					return p.Recvmsg(a, &posix.Msg{Data: make([]byte, 10)}, unix.MSG_WAITALL)
				}, func() {
					_, err := p.Write(b, []byte("abc"))
					must(t, "write", err)
					must(t, "shutdown", p.Shutdown(b, unix.SHUT_WR))
				}
		}, 3},
		{"a datagram to a full socket", func(t *testing.T, p *kernel.Process) (func(p *kernel.Process) (int, error), func()) {
			a, b := pair(t, p, unix.SOCK_DGRAM)
			return func(p *kernel.Process) (int, error) {
					for range 2000 {
						if n, err := p.Write(a, []byte("x")); n != 1 || err != nil {
							return n, err
						}
					}
					return 2000, nil
				}, func() {
					for range 2000 {
						_, err := p.Read(b, make([]byte, 2))
						must(t, "read", err)
					}
				}
		}, 2000},
		{"accept", func(t *testing.T, p *kernel.Process) (func(p *kernel.Process) (int, error), func()) {
			l, err := p.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			must(t, "socket", err)
			addr := posix.Sockaddr{Family: unix.AF_INET, Addr: netip.MustParseAddrPort("127.0.0.1:80")}
			must(t, "bind", p.Bind(l, addr))
			must(t, "listen", p.Listen(l, 1))
			return func(p *kernel.Process) (int, error) {
					fd, _, err := p.Accept4(l, unix.SOCK_CLOEXEC)
					if err != nil {
						return 0, err
					}
					return p.Read(fd, make([]byte, 10))
				}, func() {
					fd, err := p.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
					must(t, "socket", err)
					must(t, "connect", p.Connect(fd, addr))
					_, err = p.Write(fd, []byte("hello"))
					must(t, "write", err)
				}
		}, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := kernel.New(kernel.Config{})
			p := k.Init()
			child, parent := c.run(t, p)
			n, err := -1, error(nil)
			over := false
			pid := fork(t, p, func(p *kernel.Process) { n, err = child(p); over = true })
			k.Settle()
			if over {
				t.Error("it did not wait")
			}
			parent()
			reap(t, p, pid)
			if n != c.want || err != nil {
				t.Errorf("%d, %v, want %d", n, err, c.want)
			}
		})
	}
}

// TestInterruptedWrite: a handler ends a write that waits; what had been taken counts.
func TestInterruptedWrite(t *testing.T) {
	k := kernel.New(kernel.Config{})
	p := k.Init()
	_, w, err := p.Pipe2(unix.O_CLOEXEC)
	must(t, "pipe2", err)
	for _, want := range []struct {
		n     int
		errno posix.Errno
	}{{65536, 0}, {0, unix.EINTR}} {
		n, err := -1, error(nil)
		pid := fork(t, p, func(p *kernel.Process) {
			must(t, "sigaction", p.Sigaction(unix.SIGUSR1, kernel.Action{Handler: func(posix.SignalInfo) {}}))
			n, err = p.Write(w, make([]byte, 100_000))
		})
		k.Settle()
		must(t, "kill", p.Kill(pid, unix.SIGUSR1))
		reap(t, p, pid)
		wantErrno(t, "write", err, want.errno)
		if want.errno == 0 && n != want.n {
			t.Errorf("%d bytes, want %d", n, want.n)
		}
	}
}
