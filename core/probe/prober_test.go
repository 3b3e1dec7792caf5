package probe

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/poll"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/spawner/wire"
	"github.com/bulkhead/bulkhead/tests/leak"
)

type outcome struct {
	id  wire.InstanceID
	err error
}

func start(t *testing.T, k Kernel) (*Prober, chan outcome) {
	t.Helper()
	if l, err := net.Listen("tcp", "127.0.0.1:0"); err != nil || l.Close() != nil { // Go's network poller keeps descriptors of its own
		t.Fatal(err)
	}
	before := leak.Take()
	loop, err := poll.New(linux.New())
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan outcome, 10_000)
	p := New(loop, k, func(id wire.InstanceID, err error) { got <- outcome{id, err} })
	done := make(chan error, 1)
	go func() { done <- loop.Run() }()
	t.Cleanup(func() {
		p.Close()
		loop.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if left := before.Left(); left != "" {
			t.Error(left)
		}
	})
	return p, got
}

func wait(t *testing.T, ch chan outcome) outcome {
	t.Helper()
	select {
	case o := <-ch:
		return o
	case <-time.After(10 * time.Second):
		t.Fatal("no outcome")
		panic("not reached")
	}
}

func TestProbe(t *testing.T) {
	for _, test := range []struct{ network, address string }{{"tcp4", "127.0.0.1:0"}, {"tcp6", "[::1]:0"}} {
		t.Run(test.network, func(t *testing.T) {
			p, got := start(t, linux.New())
			l, err := net.Listen(test.network, test.address)
			if err != nil {
				t.Fatal(err)
			}
			addr := l.Addr().(*net.TCPAddr).AddrPort()
			p.Start(Target{Instance: 7, Addr: addr, Interval: 10 * time.Millisecond, Timeout: 5 * time.Second})
			for range 3 {
				if o := wait(t, got); o.id != 7 || o.err != nil {
					t.Fatalf("%+v", o)
				}
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			o := wait(t, got)
			for o.err == nil {
				o = wait(t, got)
			}
			if want := "connect to " + addr.String() + ": connection refused"; o.err.Error() != want || !errors.Is(o.err, posix.Errno(unix.ECONNREFUSED)) {
				t.Errorf("%v; wanted %s", o.err, want)
			}
			again, err := net.Listen(test.network, addr.String())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = again.Close() }()
			for o.err != nil {
				o = wait(t, got)
			}
			p.Stop(7)
			p.Stop(8)
			p.Start(Target{Instance: 9, Addr: addr, Interval: time.Hour, Timeout: time.Second})
			for o.id != 9 {
				o = wait(t, got)
			}
			if len(got) != 0 {
				t.Errorf("an outcome after its end: %+v", <-got)
			}
		})
	}
}

// A host that does not answer is one whose queue is full: the kernel drops what asks for a connection.
func TestTimeout(t *testing.T) {
	k := linux.New()
	p, got := start(t, k)
	fd, err := k.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = k.Close(fd) }()
	loopback := posix.Sockaddr{Family: unix.AF_INET, Addr: netip.MustParseAddrPort("127.0.0.1:0")}
	if err := errors.Join(k.Bind(fd, loopback), k.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	addr, err := k.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 { // a backlog of nothing has room for one
		c, err := k.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = k.Close(c) }()
		if err := k.Connect(c, addr); err != nil && !errors.Is(err, posix.Errno(unix.EINPROGRESS)) {
			t.Fatal(err)
		}
	}
	p.Start(Target{Instance: 1, Addr: addr.Addr, Interval: 30 * time.Millisecond, Timeout: 100 * time.Millisecond})
	for range 2 {
		if o := wait(t, got); o.err == nil || !strings.HasSuffix(o.err.Error(), ": no answer within 100ms") {
			t.Errorf("%v", o.err)
		}
	}
}

type noSocket struct{ *linux.Kernel }

func (noSocket) Socket(int, int, int) (posix.FD, error) { return -1, posix.Errno(unix.EMFILE) }

func TestNoSocket(t *testing.T) {
	p, got := start(t, noSocket{linux.New()})
	p.Start(Target{Instance: 1, Addr: netip.MustParseAddrPort("127.0.0.1:1"), Interval: time.Millisecond, Timeout: time.Second})
	for range 3 {
		if o := wait(t, got); !errors.Is(o.err, posix.Errno(unix.EMFILE)) {
			t.Errorf("%v", o.err)
		}
	}
}
