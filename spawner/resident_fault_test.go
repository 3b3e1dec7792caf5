package spawner

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/posix/restrict"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// flaky is the kernel, but for one call of one kind, which fails.
type flaky struct {
	Kernel
	op    string
	errno posix.Errno

	mu    sync.Mutex // guards what follows
	after int        // calls that succeed before
	used  bool
}

func (k *flaky) fails(op string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if op != k.op || k.used {
		return false
	}
	k.after--
	k.used = k.after < 0
	return k.used
}

func (k *flaky) hit() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.used
}

func (k *flaky) Socketpair(family, typ, protocol int) (a, b posix.FD, err error) {
	if k.fails("Socketpair") {
		return -1, -1, k.errno
	}
	return k.Kernel.Socketpair(family, typ, protocol)
}

func (k *flaky) Socket(family, typ, protocol int) (posix.FD, error) {
	if k.fails("Socket") {
		return -1, k.errno
	}
	return k.Kernel.Socket(family, typ, protocol)
}

func (k *flaky) Bind(fd posix.FD, addr posix.Sockaddr) error {
	if k.fails("Bind") {
		return k.errno
	}
	return k.Kernel.Bind(fd, addr)
}

func (k *flaky) Listen(fd posix.FD, backlog int) error {
	if k.fails("Listen") {
		return k.errno
	}
	return k.Kernel.Listen(fd, backlog)
}

func (k *flaky) Sendmsg(fd posix.FD, m *posix.Msg, flags int) (int, error) {
	if k.fails("Sendmsg") {
		return -1, k.errno
	}
	return k.Kernel.Sendmsg(fd, m, flags)
}

func (k *flaky) Recvmsg(fd posix.FD, m *posix.Msg, flags int) (int, error) {
	if k.fails("Recvmsg") {
		return -1, k.errno
	}
	return k.Kernel.Recvmsg(fd, m, flags)
}

func (k *flaky) MemfdCreate(name string, flags int) (posix.FD, error) {
	if name != "bulkhead-init" && k.fails("MemfdCreate") {
		return -1, k.errno
	}
	return k.Kernel.MemfdCreate(name, flags)
}

func (k *flaky) Mkdirat(dir posix.FD, path string, mode uint32) error {
	if k.fails("Mkdirat") {
		return k.errno
	}
	return k.Kernel.Mkdirat(dir, path, mode)
}

func (k *flaky) Openat2(dir posix.FD, path string, how posix.OpenHow) (posix.FD, error) {
	if path != "/proc/thread-self/ns/pid" && k.fails("Openat2") {
		return -1, k.errno
	}
	return k.Kernel.Openat2(dir, path, how)
}

func (k *flaky) Pipe2(flags int) (r, w posix.FD, err error) {
	if k.fails("Pipe2") {
		return -1, -1, k.errno
	}
	return k.Kernel.Pipe2(flags)
}

func (k *flaky) Fcntl(fd posix.FD, cmd, arg int) (int, error) {
	if cmd != unix.F_ADD_SEALS && k.fails("Fcntl") {
		return -1, k.errno
	}
	return k.Kernel.Fcntl(fd, cmd, arg)
}

func (k *flaky) Clone3(args *posix.CloneArgs) (posix.Child, error) {
	if k.fails("Clone3") {
		return posix.Child{}, k.errno
	}
	return k.Kernel.Clone3(args)
}

func (k *flaky) EpollCtl(epfd posix.FD, op int, fd posix.FD, event *posix.EpollEvent) error {
	if op != unix.EPOLL_CTL_DEL && k.fails("EpollCtl") {
		return k.errno
	}
	return k.Kernel.EpollCtl(epfd, op, fd, event)
}

func (k *flaky) EpollWait(epfd posix.FD, events []posix.EpollEvent, timeout int) (int, error) {
	if k.fails("EpollWait") {
		return -1, k.errno
	}
	return k.Kernel.EpollWait(epfd, events, timeout)
}

// live plays one manager that starts a module, waits for its end, reloads, and finishes; whatever fails, it goes on as far as it gets.
func (s *resident) live(m *fakeManager) {
	defer m.close()
	f, fds, err := m.receive()
	for _, fd := range fds {
		defer func() { _ = m.kernel.Close(fd) }()
	}
	if err != nil || f.Kind != wire.KindHello {
		return
	}
	m.snapshot.PID = 1 // close waits for the loop
	go m.loop()
	ask := func(kind wire.Kind, body []byte) (answered, bool) {
		select {
		case a := <-m.ask(kind, body):
			for _, fd := range a.fds {
				_ = m.kernel.Close(fd)
			}
			return a, true
		case <-m.closed:
		case <-time.After(soon):
			s.t.Errorf("no answer to %s", kind)
		}
		return answered{}, false
	}
	a, ok := ask(wire.KindStart, wire.StartRequest{Generation: 1, Module: "a"}.Encode())
	if !ok {
		return
	}
	if a.Code == wire.Done {
		select {
		case <-m.exits:
		case <-m.closed:
			return
		}
	}
	if a, ok = ask(wire.KindPrepare, nil); !ok {
		return
	}
	if a.Code == wire.Done {
		// Refused when nothing is prepared, because of what is wrong with it.
		for g := wire.GenerationID(2); g < 4; g++ {
			if _, ok := ask(wire.KindListen, wire.EncodeID(g)); !ok {
				return
			}
			if _, ok := ask(wire.KindDiscard, wire.EncodeID(g)); !ok {
				return
			}
		}
	}
	if a, ok := ask(wire.KindFinish, wire.EncodeStatus(3)); ok && a.Code == wire.Done {
		m.end()
	}
}

// TestResidentFaults fails one call after the other while a module is started, ends, and policies are read again. The supervisor gets over it or
// ends with that error; nothing is left behind in either case.
func TestResidentFaults(t *testing.T) {
	for _, op := range []string{"Socketpair", "Socket", "Bind", "Listen", "Sendmsg", "Recvmsg", "MemfdCreate", "Mkdirat", "Openat2", "Pipe2", "Fcntl", "Clone3",
		"EpollCtl", "EpollWait"} {
		t.Run(op, func(t *testing.T) {
			for after := 0; ; after++ {
				k := &flaky{op: op, after: after, errno: unix.EMFILE}
				if t.Run("", func(t *testing.T) { faultyLife(t, k) }); t.Failed() {
					return
				}
				if !k.hit() {
					if after == 0 {
						t.Errorf("%s was never called", op)
					}
					return
				}
				if after == 25 { // it is called in a loop
					return
				}
			}
		})
	}
}

func faultyLife(t *testing.T, k *flaky) {
	plan := listening(planOf(shell("a", "exit 0")), tcp("web", 0))
	s := newResidentTest(t, plan, func(s *resident) {
		k.Kernel = restrict.New(linux.New(), Operations())
		s.kernel, s.Host.Kernel = k, k
	})
	next := listening(planOf(), tcp("web", 0), tcp("more", 0))
	next.Listeners[1].Addr = netip.MustParseAddrPort("127.0.0.3:0")
	s.compiles(next)
	s.run()
	for {
		select {
		case m := <-s.lives:
			s.live(m)
		case <-s.ended:
			switch {
			case s.err == nil && s.status != 3:
				t.Errorf("status %d", s.status)
			case s.err != nil && !(k.hit() && errors.Is(s.err, k.errno)):
				t.Errorf("%v", s.err)
			case s.err != nil && strings.Contains(s.err.Error(), "close the listener on unix:"):
				// The call that fails is one of those that clean up: then what is left is named.
				if err := os.RemoveAll(filepath.Dir(s.Options.Control)); err != nil {
					t.Error(err)
				}
			}
			return
		case <-time.After(soon):
			panic("it hangs; the log:\n" + s.logged())
		}
	}
}

// TestSilentManager is killed when its time to answer is over.
func TestSilentManager(t *testing.T) {
	s := newResidentTest(t, planOf(), nil).run()
	m := s.manager()
	m.mute.Store(true)
	s.onLoop(func() {
		s.Resident.manager.pings[1] = time.Now().Add(-pingAnswer + time.Second)
		s.pingManager(s.Resident.manager)
	})
	m.must(wire.KindRemember, wire.Memo{Key: "x", Data: []byte("y")}.Encode()) // not yet
	s.onLoop(func() {
		s.Resident.manager.pings[1] = time.Now().Add(-pingAnswer)
		s.pingManager(s.Resident.manager)
	})
	n := s.manager()
	want := fmt.Sprintf("the manager (pid %d) was killed: it does not answer for 15s; this is another one, and the modules run on", m.pid)
	if got := await(t, n.notices, "a notice"); got.Text != want {
		t.Errorf("%+v, want %q", got, want)
	}
	// Who reads the log is told once: by the manager that logs the notice.
	if log := s.logged(); strings.Contains(log, "does not answer") {
		t.Errorf("the spawner says it, too: %s", log)
	}
	if len(n.snapshot.Memos) != 1 {
		t.Errorf("%+v", n.snapshot.Memos)
	}
}

// TestPing: a manager that answers is asked again and again.
func TestPing(t *testing.T) {
	s := newResidentTest(t, planOf(), nil).run()
	m := s.manager()
	for range 3 {
		s.onLoop(func() { s.pingManager(s.Resident.manager) })
	}
	for deadline := time.Now().Add(soon); ; time.Sleep(time.Millisecond) {
		open := 0
		s.onLoop(func() { open = len(s.Resident.manager.pings) })
		if open == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d pings are not answered", open)
		}
	}
	m.must(wire.KindFinish, wire.EncodeStatus(0))
}
