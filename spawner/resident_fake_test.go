package spawner

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// answered is a reply with what came along.
type answered struct {
	wire.Reply
	fds []posix.FD
}

// fakeManager is the test's end of the channel.
type fakeManager struct {
	t      *testing.T
	kernel posix.Core
	fd     posix.FD
	pid    int
	once   sync.Once
	mute   atomic.Bool // it answers no pings

	snapshot wire.Snapshot
	services []posix.FD

	mu       sync.Mutex // guards what follows
	next     uint64
	replies  map[uint64]chan answered
	attached map[wire.InstanceID][]posix.FD

	exits   chan wire.ExitedEvent
	wishes  chan wire.Wish
	notices chan wire.Notice
	closed  chan struct{}
}

// receive takes one frame.
func (m *fakeManager) receive() (wire.Frame, []posix.FD, error) {
	msg := posix.Msg{Data: make([]byte, wire.MaxFrame), Control: make([]byte, 256)}
	n, err := m.kernel.Recvmsg(m.fd, &msg, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return wire.Frame{}, nil, err
	}
	fds, err := posix.ParseRights(msg.Control[:msg.ControlLen])
	if err != nil || n == 0 {
		return wire.Frame{}, fds, errors.Join(err, errGone)
	}
	f, err := wire.DecodeFrame(msg.Data[:n])
	return f, fds, err
}

// listen takes what a new manager gets, and then goes on in the background.
func (m *fakeManager) listen() {
	m.t.Helper()
	f, fds, err := m.receive()
	if err != nil || f.Kind != wire.KindHello || len(fds) < 2 {
		m.t.Fatalf("the first frame is %s with %d descriptors, %v", f.Kind, len(fds), err)
	}
	if m.snapshot, err = wire.DecodeSnapshot(m.memory(fds[0])); err != nil {
		m.t.Fatal(err)
	}
	m.services = fds[1:]
	for range m.snapshot.Instances {
		f, fds, err := m.receive()
		if err != nil || f.Kind != wire.KindAttach {
			m.t.Fatalf("a frame of kind %s, %v", f.Kind, err)
		}
		i, err := wire.DecodeInstance(f.Body)
		if err != nil || len(fds) != i.Descriptors() {
			m.t.Fatalf("%d descriptors for %+v, %v", len(fds), i, err)
		}
		m.attached[i.ID] = fds
	}
	go m.loop()
}

func (m *fakeManager) loop() {
	defer close(m.closed)
	for {
		f, fds, err := m.receive()
		if err != nil {
			return
		}
		switch f.Kind {
		case wire.KindPing:
			if !m.mute.Load() {
				m.send(wire.Frame{Kind: wire.KindPong, ID: f.ID})
			}
		case wire.KindReply, wire.KindPong:
			var r wire.Reply
			if f.Kind == wire.KindReply {
				if r, err = wire.DecodeReply(f.Body); err != nil {
					m.t.Error(err)
				}
			}
			m.mu.Lock()
			to := m.replies[f.ID]
			delete(m.replies, f.ID)
			m.mu.Unlock()
			if to == nil {
				m.t.Errorf("an answer to %d, which was not asked", f.ID)
				continue
			}
			to <- answered{r, fds}
		case wire.KindExited:
			x, err := wire.DecodeExited(f.Body)
			if err != nil {
				m.t.Error(err)
			}
			m.exits <- x
		case wire.KindAsked:
			w, err := wire.DecodeWish(f.Body)
			if err != nil {
				m.t.Error(err)
			}
			m.wishes <- w
		case wire.KindNotice:
			n, err := wire.DecodeNotice(f.Body)
			if err != nil {
				m.t.Error(err)
			}
			m.notices <- n
		case wire.KindAttach: // of a manager that did not wait for it
			for _, fd := range fds {
				_ = m.kernel.Close(fd)
			}
		default:
			m.t.Errorf("a frame of kind %s", f.Kind)
		}
	}
}

func (m *fakeManager) send(f wire.Frame, fds ...posix.FD) {
	_, _ = m.kernel.Sendmsg(m.fd, &posix.Msg{Data: f.Encode(), Control: posix.Rights(fds...)}, unix.MSG_NOSIGNAL)
}

// ask sends a request and returns where its answer comes.
func (m *fakeManager) ask(kind wire.Kind, body []byte) chan answered {
	to := make(chan answered, 1)
	m.mu.Lock()
	m.next++
	id := m.next
	m.replies[id] = to
	m.mu.Unlock()
	m.send(wire.Frame{Kind: kind, ID: id, Body: body})
	return to
}

// do sends a request and waits for its answer.
func (m *fakeManager) do(kind wire.Kind, body []byte) answered {
	m.t.Helper()
	return await(m.t, m.ask(kind, body), kind.String())
}

// await returns what comes on a channel.
func await[T any](t *testing.T, from <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(soon):
		t.Fatalf("nothing came: %s", what)
	}
	panic("not reached")
}

// must is do for what must be carried out.
func (m *fakeManager) must(kind wire.Kind, body []byte) answered {
	m.t.Helper()
	a := m.do(kind, body)
	if a.Code != wire.Done {
		m.t.Fatalf("%s: %s", kind, a.Text)
	}
	if kind == wire.KindFinish {
		m.end()
	}
	return a
}

// refused is do for what must be refused, with a text.
func (m *fakeManager) refused(says string, kind wire.Kind, body []byte) {
	m.t.Helper()
	if a := m.do(kind, body); a.Code != wire.Refused || !strings.Contains(a.Text, says) {
		m.t.Errorf("%s: code %d, %q; want it refused with %q", kind, a.Code, a.Text, says)
	}
}

// start starts an instance.
func (m *fakeManager) start(g wire.GenerationID, module string, replica uint32) wire.Instance {
	m.t.Helper()
	a := m.must(wire.KindStart, wire.StartRequest{Generation: g, Module: module, Replica: replica}.Encode())
	i, err := wire.DecodeInstance(a.Payload)
	if err != nil || len(a.fds) != i.Descriptors() {
		m.t.Fatalf("%d descriptors with %+v: %v", len(a.fds), i, err)
	}
	m.attached[i.ID] = a.fds
	return i
}

// prepare asks for a new generation.
func (m *fakeManager) prepare() wire.Outline {
	m.t.Helper()
	a := m.must(wire.KindPrepare, nil)
	if len(a.fds) != 1 {
		m.t.Fatalf("%d descriptors came with an outline", len(a.fds))
	}
	o, err := wire.DecodeOutline(m.memory(a.fds[0]))
	if err != nil {
		m.t.Fatal(err)
	}
	return o
}

// exited waits for the end of an instance.
func (m *fakeManager) exited(id wire.InstanceID) wire.Exit {
	m.t.Helper()
	for {
		x := await(m.t, m.exits, fmt.Sprintf("the end of instance %d", id))
		if x.Instance == id {
			return x.Exit
		}
	}
}

// memory reads a sealed file and closes it.
func (m *fakeManager) memory(fd posix.FD) []byte {
	m.t.Helper()
	defer func() { _ = m.kernel.Close(fd) }()
	seals, err := m.kernel.Fcntl(fd, unix.F_GET_SEALS, 0)
	if err != nil || seals&unix.F_SEAL_WRITE == 0 || seals&unix.F_SEAL_SHRINK == 0 {
		m.t.Fatalf("seals %#x, %v", seals, err)
	}
	var text []byte
	buf := make([]byte, 64<<10)
	for {
		n, err := m.kernel.Pread(fd, buf, int64(len(text)))
		if err != nil {
			m.t.Fatal(err)
		}
		if n == 0 {
			return text
		}
		text = append(text, buf[:n]...)
	}
}

// output reads what instances wrote, until it contains a text or the end.
func (m *fakeManager) output(fd posix.FD, until string) string {
	m.t.Helper()
	var text string
	buf := make([]byte, 4096)
	for deadline := time.Now().Add(soon); time.Now().Before(deadline); {
		n, err := m.kernel.Read(fd, buf)
		if err == nil && n == 0 {
			return text
		}
		if text += string(buf[:max(n, 0)]); until != "" && strings.Contains(text, until) {
			return text
		}
		if err != nil {
			_, _ = m.kernel.Ppoll([]posix.PollFD{{FD: fd, Events: unix.POLLIN}}, &posix.Timespec{Nsec: 1e8})
		}
	}
	m.t.Fatalf("no %q in the output: %q", until, text)
	return ""
}

// end is what a manager does that has finished: its process ends before the spawner loses its patience.
func (m *fakeManager) end() { _ = unix.Kill(m.pid, unix.SIGTERM) }

// kill ends the manager's process.
func (m *fakeManager) kill() {
	m.t.Helper()
	if err := unix.Kill(m.pid, unix.SIGKILL); err != nil {
		m.t.Fatal(err)
	}
	await(m.t, m.closed, "the end of the channel")
}

// close gives everything back.
func (m *fakeManager) close() {
	m.once.Do(func() {
		_ = m.kernel.Shutdown(m.fd, unix.SHUT_RDWR)
		if m.snapshot.PID != 0 {
			<-m.closed
		}
		_ = m.kernel.Close(m.fd)
		for _, fd := range m.services {
			_ = m.kernel.Close(fd)
		}
		for _, fds := range m.attached {
			for _, fd := range fds {
				_ = m.kernel.Close(fd)
			}
		}
	})
}
