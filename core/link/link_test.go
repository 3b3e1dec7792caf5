package link

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/spawner/wire"
	"github.com/bulkhead/bulkhead/tests/leak"
)

func TestHello(t *testing.T) {
	for _, metrics := range []string{"", "127.0.0.1:9100"} {
		t.Run("metrics="+metrics, func(t *testing.T) {
			p := connect(t)
			s := snapshot
			s.Options.Metrics = metrics
			n := 1
			if metrics != "" {
				n = 2
			}
			p.frame(wire.KindHello, 0, nil, append([]posix.FD{p.memfd(s.Encode(), allSeals)}, p.sockets(n)...)...)
			got := next[Hello](p)
			if diff := cmp.Diff(s, got.Snapshot); diff != "" {
				t.Error(diff)
			}
			if got.Control < 0 || (got.Metrics >= 0) != (n == 2) {
				t.Errorf("control %d, metrics %d", got.Control, got.Metrics)
			}
		})
	}
}

func TestMessages(t *testing.T) {
	p := connect(t)
	p.greet()

	i := wire.Instance{ID: 7, Generation: 1, Module: "web", PID: 4711, Started: time.Unix(5, 0), Notify: true, Control: true}
	p.frame(wire.KindAttach, 0, i.Encode(), p.sockets(4)...)
	if diff := cmp.Diff(i, next[wire.Instance](p)); diff != "" {
		t.Error(diff)
	}
	x := wire.ExitedEvent{Instance: 7, Exit: wire.Exit{Code: 1, Status: 3, Text: "exited with status 3", At: time.Unix(9, 0)}}
	p.frame(wire.KindExited, 0, x.Encode())
	if diff := cmp.Diff(x, next[wire.ExitedEvent](p)); diff != "" {
		t.Error(diff)
	}
	p.frame(wire.KindAsked, 0, wire.EncodeWish(wire.WishReload))
	if got := next[wire.Wish](p); got != wire.WishReload {
		t.Errorf("wish %d", got)
	}
	n := wire.Notice{Kind: "listener.healed", Listener: "http", Text: "it listens again"}
	p.frame(wire.KindNotice, 0, n.Encode())
	if diff := cmp.Diff(n, next[wire.Notice](p)); diff != "" {
		t.Error(diff)
	}
	p.frame(wire.KindPing, 99, nil)
	if f := p.receive(); f.Kind != wire.KindPong || f.ID != 99 || len(f.Body) != 0 {
		t.Errorf("the answer to a ping is %+v", f)
	}
}

func TestRequests(t *testing.T) {
	p := connect(t)
	p.greet()
	outline := wire.Outline{Generation: 2, Files: []string{"web.yaml"}}
	refused := wire.Outline{Rendered: "error[E201]: …"}
	stats := wire.Stats{Calls: []wire.CallCount{{Op: "clone3", Errno: "0", N: 3}}}
	i := wire.Instance{ID: 8, Generation: 2, Module: "web", PID: 9}
	tests := []struct {
		kind  wire.Kind
		reply wire.Reply
		files func() []posix.FD
		want  Replied
	}{
		{wire.KindStart, wire.Reply{Payload: i.Encode()}, func() []posix.FD { return p.sockets(2) }, Replied{Instance: &Attached{Instance: i, Stdout: -1, Stderr: -1, Notify: -1, Control: -1}}},
		{wire.KindStart, wire.Reply{Code: wire.Failed, Text: "no such file"}, nil, Replied{}},
		{wire.KindPrepare, wire.Reply{}, func() []posix.FD { return []posix.FD{p.memfd(outline.Encode(), allSeals)} }, Replied{Outline: &outline}},
		{wire.KindPrepare, wire.Reply{Code: wire.Failed, Text: "the policy has errors"}, func() []posix.FD { return []posix.FD{p.memfd(refused.Encode(), allSeals)} }, Replied{Outline: &refused}},
		{wire.KindPrepare, wire.Reply{Code: wire.Refused, Text: "one is under way"}, nil, Replied{}},
		{wire.KindStats, wire.Reply{}, func() []posix.FD { return []posix.FD{p.memfd(stats.Encode(), allSeals)} }, Replied{Stats: &stats}},
		{wire.KindCommit, wire.Reply{}, nil, Replied{}},
		{wire.KindSignal, wire.Reply{Code: wire.Refused, Text: "no instance 4"}, nil, Replied{}},
	}
	for n, test := range tests {
		t.Run(fmt.Sprintf("%d %s", n, test.kind), func(t *testing.T) {
			id := uint64(n + 100)
			if err := p.link.Send(id, test.kind, []byte("body")); err != nil {
				t.Fatal(err)
			}
			if err := p.link.Send(id, test.kind, nil); err == nil || !strings.Contains(err.Error(), "bug") {
				t.Errorf("the number of a request that waits was used again: %v", err)
			}
			if f := p.receive(); f.Kind != test.kind || f.ID != id || !bytes.Equal(f.Body, []byte("body")) {
				t.Fatalf("sent: %+v", f)
			}
			var fds []posix.FD
			if test.files != nil {
				fds = test.files()
			}
			p.frame(wire.KindReply, id, test.reply.Encode(), fds...)
			want := test.want
			want.Request, want.Kind, want.Reply = id, test.kind, test.reply
			want.Reply.Payload = nil
			got := next[Replied](p)
			if got.Instance != nil && test.want.Instance != nil {
				want.Instance = got.Instance // its descriptors were closed, which the recorder has checked
				if diff := cmp.Diff(test.want.Instance.Instance, got.Instance.Instance); diff != "" {
					t.Error(diff)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	if err := p.link.Send(1, wire.KindPong, nil); err == nil {
		t.Error("a pong was taken for a request")
	}
}

// A spawner that does not read must not hold the manager up, and gets everything once it reads, its own question answered first.
func TestBackpressure(t *testing.T) {
	p := connect(t)
	p.greet()
	const n = 3 * Window
	body := make([]byte, 4096)
	for id := uint64(1); id <= n; id++ {
		if err := p.link.Send(id, wire.KindRemember, body); err != nil {
			t.Fatal(err)
		}
	}
	p.frame(wire.KindPing, 1, nil)
	pongs, answered := 0, 0
	for unanswered := []uint64(nil); answered < n; {
		f := p.receive()
		if f.Kind == wire.KindPong {
			pongs++
			continue
		}
		unanswered = append(unanswered, f.ID)
		if len(unanswered) > Window {
			t.Fatalf("%d requests without an answer", len(unanswered))
		}
		if int(f.ID) == answered+Window || int(f.ID) == n {
			if pongs != 1 {
				t.Fatalf("%d answers to a ping after %d requests", pongs, f.ID)
			}
			for _, id := range unanswered {
				p.frame(wire.KindReply, id, wire.Reply{}.Encode())
				if got := next[Replied](p); got.Request != id {
					t.Fatalf("the answer to %d, not %d", got.Request, id)
				}
				answered++
			}
			unanswered = nil
		}
	}
}

func TestTooManyRequests(t *testing.T) {
	p := connect(t)
	p.greet()
	for id := uint64(1); ; id++ {
		if err := p.link.Send(id, wire.KindForget, nil); err != nil {
			if !errors.Is(err, ErrFull) || id < MaxQueue {
				t.Errorf("request %d: %v", id, err)
			}
			return
		}
	}
}

func TestClose(t *testing.T) {
	p := connect(t)
	p.greet()
	p.link.Close()
	p.link.Close()
	if err := p.end(); !errors.Is(err, ErrClosed) {
		t.Errorf("%v", err)
	}
	if err := p.link.Send(1, wire.KindStats, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("send after the end: %v", err)
	}
}

func TestSpawnerEnds(t *testing.T) {
	p := connect(t)
	p.greet()
	p.close()
	if err := p.end(); !errors.Is(err, ErrClosed) {
		t.Errorf("%v", err)
	}
}

func TestGarbage(t *testing.T) {
	valid := snapshot.Encode()
	metrics := snapshot
	metrics.Options.Metrics = ":9"
	instance := wire.Instance{ID: 7, Module: "web"}.Encode()
	tests := []struct {
		name  string
		greet bool
		send  func(p *peer)
		want  string
	}{
		{"not a frame", false, func(p *peer) { p.send([]byte("hello")) }, "malformed"},
		{"too long", false, func(p *peer) { p.send(append([]byte{byte(wire.KindPing)}, make([]byte, wire.MaxFrame)...)) }, "65537 bytes"},
		{"unknown kind", true, func(p *peer) { p.send(append([]byte{200}, make([]byte, 8)...)) }, "kind 200"},
		{"a request", true, func(p *peer) { p.frame(wire.KindStart, 1, nil) }, "kind start"},
		{"before the hello", false, func(p *peer) { p.frame(wire.KindPing, 1, nil) }, "before the first hello"},
		{"a second hello", true, func(p *peer) {
			p.frame(wire.KindHello, 0, nil, append([]posix.FD{p.memfd(valid, allSeals)}, p.sockets(1)...)...)
		}, "second hello"},
		{"a hello with a body", false, func(p *peer) {
			p.frame(wire.KindHello, 0, []byte("x"), append([]posix.FD{p.memfd(valid, allSeals)}, p.sockets(1)...)...)
		}, "hello"},
		{"a hello without sockets", false, func(p *peer) { p.frame(wire.KindHello, 0, nil, p.memfd(valid, allSeals)) }, "1 descriptors"},
		{"metrics that nobody asked for", false, func(p *peer) {
			p.frame(wire.KindHello, 0, nil, append([]posix.FD{p.memfd(valid, allSeals)}, p.sockets(2)...)...)
		}, "instead of 1"},
		{"metrics that are missing", false, func(p *peer) {
			p.frame(wire.KindHello, 0, nil, append([]posix.FD{p.memfd(metrics.Encode(), allSeals)}, p.sockets(1)...)...)
		}, "instead of 2"},
		{"a snapshot that is not sealed", false, func(p *peer) {
			p.frame(wire.KindHello, 0, nil, append([]posix.FD{p.memfd(valid, unix.F_SEAL_SHRINK)}, p.sockets(1)...)...)
		}, "sealed"},
		{"a snapshot that is no file in memory", false, func(p *peer) { p.frame(wire.KindHello, 0, nil, p.sockets(2)...) }, "sealed"},
		{"a snapshot that ends early", false, func(p *peer) {
			p.frame(wire.KindHello, 0, nil, append([]posix.FD{p.memfd(valid[:len(valid)-1], allSeals)}, p.sockets(1)...)...)
		}, "the snapshot"},
		{"a huge snapshot", false, func(p *peer) {
			fd, err := p.kernel.MemfdCreate("huge", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
			if err := errors.Join(err, p.kernel.Ftruncate(fd, wire.MaxMessage+1)); err != nil {
				p.t.Fatal(err)
			}
			if _, err := p.kernel.Fcntl(fd, unix.F_ADD_SEALS, allSeals); err != nil {
				p.t.Fatal(err)
			}
			p.frame(wire.KindHello, 0, nil, append([]posix.FD{fd}, p.sockets(1)...)...)
		}, "16777217 bytes"},
		{"an instance without descriptors", true, func(p *peer) { p.frame(wire.KindAttach, 0, instance) }, "instead of 2"},
		{"an instance with too many", true, func(p *peer) { p.frame(wire.KindAttach, 0, instance, p.sockets(3)...) }, "instead of 2"},
		{"more than a frame can have", true, func(p *peer) { p.frame(wire.KindAttach, 0, instance, p.sockets(9)...) }, "too many"},
		{"an instance cut short", true, func(p *peer) { p.frame(wire.KindAttach, 0, instance[:5], p.sockets(2)...) }, "an instance"},
		{"an exit with a descriptor", true, func(p *peer) { p.frame(wire.KindExited, 0, wire.ExitedEvent{}.Encode(), p.sockets(1)...) }, "exited with 1 descriptors instead of 0"},
		{"an exit cut short", true, func(p *peer) { p.frame(wire.KindExited, 0, []byte{1}) }, "kind exited"},
		{"an unknown wish", true, func(p *peer) { p.frame(wire.KindAsked, 0, []byte{9}) }, "wish 9"},
		{"a ping with a body", true, func(p *peer) { p.frame(wire.KindPing, 0, []byte{9}) }, "kind ping"},
		{"an answer to nothing", true, func(p *peer) { p.frame(wire.KindReply, 12, wire.Reply{}.Encode()) }, "request 12"},
		{"an answer cut short", true, func(p *peer) { p.request(wire.KindForget); p.frame(wire.KindReply, 1, []byte{0}) }, "a reply"},
		{"two answers", true, func(p *peer) {
			p.request(wire.KindForget)
			p.frame(wire.KindReply, 1, wire.Reply{}.Encode())
			next[Replied](p)
			p.frame(wire.KindReply, 1, wire.Reply{}.Encode())
		}, "answered before"},
		{"an answer with a descriptor", true, func(p *peer) {
			p.request(wire.KindForget)
			p.frame(wire.KindReply, 1, wire.Reply{}.Encode(), p.sockets(1)...)
		}, "instead of 0"},
		{"an answer with a payload", true, func(p *peer) {
			p.request(wire.KindForget)
			p.frame(wire.KindReply, 1, wire.Reply{Payload: []byte("x")}.Encode())
		}, "payload"},
		{"a launch without an instance", true, func(p *peer) {
			p.request(wire.KindStart)
			p.frame(wire.KindReply, 1, wire.Reply{}.Encode(), p.sockets(2)...)
		}, "an instance"},
		{"a failed launch with descriptors", true, func(p *peer) {
			p.request(wire.KindStart)
			p.frame(wire.KindReply, 1, wire.Reply{Code: wire.Failed}.Encode(), p.sockets(2)...)
		}, "instead of 0"},
		{"stats without a file", true, func(p *peer) {
			p.request(wire.KindStats)
			p.frame(wire.KindReply, 1, wire.Reply{}.Encode())
		}, "instead of 1"},
		{"stats that are an outline", true, func(p *peer) {
			p.request(wire.KindStats)
			p.frame(wire.KindReply, 1, wire.Reply{}.Encode(), p.memfd(wire.Outline{Rendered: "x"}.Encode(), allSeals))
		}, "stats"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := connect(t)
			if test.greet {
				p.greet()
			}
			test.send(p)
			err := p.end()
			if !errors.Is(err, ErrGarbage) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v; wanted %q", err, test.want)
			}
		})
	}
}

// request has the link send request 1, and takes it.
func (p *peer) request(kind wire.Kind) {
	p.t.Helper()
	if err := p.link.Send(1, kind, nil); err != nil {
		p.t.Fatal(err)
	}
	p.receive()
}

// clockwork answers what time it is, and moves on with every wait.
type clockwork struct {
	*linux.Kernel
	now  time.Time
	recv func(m *posix.Msg) (int, error)
	sent []wire.Kind
}

func (c *clockwork) Ppoll(fds []posix.PollFD, timeout *posix.Timespec) (int, error) {
	c.now = c.now.Add(time.Duration(timeout.Sec)*time.Second + time.Duration(timeout.Nsec))
	fds[0].Revents = unix.POLLIN
	return 1, nil
}
func (c *clockwork) Recvmsg(_ posix.FD, m *posix.Msg, _ int) (int, error) { return c.recv(m) }
func (c *clockwork) Sendmsg(_ posix.FD, m *posix.Msg, _ int) (int, error) {
	c.sent = append(c.sent, wire.Kind(m.Data[0]))
	return len(m.Data), nil
}

// A spawner that says nothing is asked every five seconds, and reported after fifteen.
func TestSilence(t *testing.T) {
	c := &clockwork{Kernel: linux.New(), now: time.Unix(1000, 0)}
	fd, err := c.Eventfd2(0, unix.EFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	l, err := New(c, fd)
	if err != nil {
		t.Fatal(err)
	}
	l.now, l.greeted = func() time.Time { return c.now }, true
	rec := &recorder{t: t, kernel: c.Kernel, got: make(chan any, 8)}
	start := c.now
	c.recv = func(m *posix.Msg) (int, error) {
		switch since := c.now.Sub(start); {
		case since < 32*time.Second:
			return -1, posix.Errno(unix.EAGAIN)
		case since < 40*time.Second:
			c.now = start.Add(41 * time.Second)
			return copy(m.Data, wire.Frame{Kind: wire.KindPong}.Encode()), nil
		}
		return 0, nil
	}
	if err := l.Run(rec); !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
	close(rec.got)
	var got []bool
	for v := range rec.got {
		got = append(got, v.(bool))
	}
	if len(got) != 2 || !got[0] || got[1] || len(c.sent) < 6 || len(c.sent) > 8 {
		t.Errorf("silent: %v; sent: %v", got, c.sent)
	}
}

func FuzzDispatch(f *testing.F) {
	f.Add(wire.Frame{Kind: wire.KindReply, ID: 1, Body: wire.Reply{Payload: wire.Instance{}.Encode()}.Encode()}.Encode(), uint8(2), true)
	f.Add(wire.Frame{Kind: wire.KindHello}.Encode(), uint8(2), false)
	f.Add(wire.Frame{Kind: wire.KindAttach, Body: wire.Instance{Notify: true}.Encode()}.Encode(), uint8(3), true)
	f.Add(wire.Frame{Kind: wire.KindNotice, Body: wire.Notice{Kind: "x"}.Encode()}.Encode(), uint8(0), true)
	f.Fuzz(func(t *testing.T, datagram []byte, n uint8, greeted bool) {
		if len(datagram) == 0 || len(datagram) > wire.MaxFrame {
			return
		}
		p := &peer{t: t, kernel: linux.New()}
		ours, theirs, err := p.kernel.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		p.fd = ours
		defer p.close()
		before := leak.Take()
		rec := &recorder{t: t, kernel: p.kernel, got: make(chan any, 8)}
		l := &Link{kernel: p.kernel, fd: theirs, wake: -1, now: time.Now, greeted: greeted, pending: map[uint64]wire.Kind{1: wire.KindStart, 2: wire.KindStats, 3: wire.KindCommit}}
		defer func() { _ = p.kernel.Close(theirs) }()
		p.send(datagram, p.sockets(int(n%(wire.MaxDescriptors+2)))...)
		r := receiver{data: make([]byte, wire.MaxFrame+1), control: make([]byte, posix.RightsSpace(wire.MaxDescriptors+1))}
		parcel, err := r.next(p.kernel, theirs)
		if err == nil {
			err = l.dispatch(&parcel, rec)
		}
		if err := parcel.close(p.kernel); err != nil {
			t.Error(err)
		}
		if err == nil && len(rec.got) == 0 && parcel.Kind != wire.KindPing && parcel.Kind != wire.KindPong {
			t.Errorf("kind %s was neither handled nor refused", parcel.Kind)
		}
		if left := before.Left(); left != "" {
			t.Error(left)
		}
	})
}
