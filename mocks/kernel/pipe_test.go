package kernel_test

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
)

func TestReadAndWriteDoNotAllocate(t *testing.T) {
	p := kernel.New(kernel.Config{}).Init()
	r, w, err := p.Pipe2(0)
	if err != nil {
		t.Fatal(err)
	}
	a, b, err := p.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, pair := range [][2]posix.FD{{r, w}, {a, b}} {
		buf := make([]byte, 64)
		if n := testing.AllocsPerRun(100, func() {
			_, _ = p.Write(pair[1], buf)
			_, _ = p.Read(pair[0], buf)
		}); n != 0 {
			t.Errorf("%v allocations for a write and a read, want none", n)
		}
	}
}

func TestTimerfdMovesTheClock(t *testing.T) {
	k := kernel.New(kernel.Config{})
	p := k.Init()
	fd, err := p.TimerfdCreate(unix.CLOCK_MONOTONIC, 0)
	if err != nil {
		t.Fatal(err)
	}
	every := posix.Itimerspec{Value: posix.Timespec{Sec: 3600}, Interval: posix.Timespec{Sec: 60}}
	if err := p.TimerfdSettime(fd, 0, every); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 8)
	if _, err := p.Read(fd, b); err != nil || k.Now() != time.Hour {
		t.Errorf("read: %v, at %v, want one hour after boot", err, k.Now())
	}
	k.Advance(10 * time.Minute)
	if _, err := p.Read(fd, b); err != nil || b[0] != 10 {
		t.Errorf("ten minutes later: %d expirations, %v, want 10", b[0], err)
	}
}

// A full listener does not answer; the connection is made when a later packet finds room.
func TestConnectWaitsForRoom(t *testing.T) {
	k := kernel.New(kernel.Config{})
	p := k.Init()
	l, err := p.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Listen(l, 0); err != nil {
		t.Fatal(err)
	}
	addr, err := p.Getsockname(l)
	if err != nil {
		t.Fatal(err)
	}
	dial := func() posix.FD {
		c, err := p.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Connect(c, addr); err != unix.EINPROGRESS {
			t.Fatalf("connect: %v, want EINPROGRESS", err)
		}
		return c
	}
	dial()
	second := dial()
	if err := p.Connect(second, addr); err != unix.EALREADY {
		t.Errorf("connect again: %v, want EALREADY", err)
	}
	if _, _, err := p.Accept4(l, 0); err != nil {
		t.Fatal(err)
	}
	k.Advance(time.Second)
	if err := p.Connect(second, addr); err != nil {
		t.Errorf("connect after a second: %v", err)
	}
	third := dial()
	k.Advance(5 * time.Minute)
	if n, err := p.GetsockoptInt(third, unix.SOL_SOCKET, unix.SO_ERROR); err != nil || n != int(unix.ETIMEDOUT) {
		t.Errorf("nobody accepted: error %d, %v, want ETIMEDOUT", n, err)
	}
}

// FuzzSendmsg sends control messages that are nonsense, and receives what came of them: no descriptor may be left.
func FuzzSendmsg(f *testing.F) {
	f.Add([]byte{20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 0, 64, unix.SOCK_STREAM)
	f.Add([]byte{28, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 0, 17, unix.SOCK_DGRAM)
	f.Fuzz(func(t *testing.T, control []byte, flags, room, typ int) {
		p := kernel.New(kernel.Config{}).Init()
		a, b, err := p.Socketpair(unix.AF_UNIX, typ&0xf|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			return
		}
		_, _ = p.Sendmsg(a, &posix.Msg{Data: []byte("x"), Control: control}, flags|unix.MSG_NOSIGNAL)
		m := posix.Msg{Data: make([]byte, 4), Control: make([]byte, room&0xfff)}
		_, _ = p.Recvmsg(b, &m, flags)
		if m.ControlLen < 0 || m.ControlLen > len(m.Control) {
			t.Errorf("%d bytes of control messages in a buffer of %d", m.ControlLen, len(m.Control))
		}
		for fd := posix.FD(0); fd < 300; fd++ {
			_ = p.Close(fd)
		}
		r, _, err := p.Pipe2(0)
		if err != nil || r != 0 {
			t.Errorf("after all has been closed, a pipe is %d, %v", r, err)
		}
	})
}

func BenchmarkPipe(b *testing.B) {
	p := kernel.New(kernel.Config{}).Init()
	r, w, err := p.Pipe2(0)
	if err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, 64)
	for b.Loop() {
		_, _ = p.Write(w, buf)
		_, _ = p.Read(r, buf)
	}
}
