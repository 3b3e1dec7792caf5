package linktest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// Spawner plays one. Fields are set before the first Connect.
type Spawner struct {
	Options wire.Options
	// Prepared makes the configuration of a reload; nil refuses.
	Prepared func() (wire.Outline, wire.Reply)
	// Started is called in a goroutine of its own for each instance, and is waited for at the end of the test.
	Started func(*Instance)
	// Refuse returns why a module cannot be started; nil starts all.
	Refuse func(wire.StartRequest) string
	Stats  wire.Stats
	// Dir is where notification sockets are made; it is a temporary directory of the test on the machine that the test runs on.
	Dir string

	t      testing.TB
	kernel posix.Core
	work   sync.WaitGroup

	mu        sync.Mutex // guards what follows
	current   wire.Outline
	prepared  *wire.Outline
	last      wire.InstanceID
	instances map[wire.InstanceID]*Instance
	memos     map[string][]byte
	starts    uint32 // of managers
	fd        posix.FD
	sockets   []posix.FD   // for the manager at fd
	greeted   bool         // the manager at fd
	Requests  []wire.Frame // all that there were
	finished  chan uint8
	bad       []error
}

// New plays a spawner whose configuration in force is outline. It cleans up after the test, and fails it when a manager misbehaved.
func New(t testing.TB, k posix.Core, outline wire.Outline) *Spawner {
	s := &Spawner{t: t, kernel: k, Dir: t.TempDir(), current: outline, instances: map[wire.InstanceID]*Instance{}, memos: map[string][]byte{}, fd: -1, finished: make(chan uint8, 1),
		Options: wire.Options{Version: "test", LogFormat: "text", LogLevel: "info", Control: "/nowhere/control.sock"}}
	t.Cleanup(func() {
		s.mu.Lock()
		for _, i := range s.instances {
			i.bury()
		}
		s.hangUp()
		s.mu.Unlock()
		s.work.Wait()
		if err := errors.Join(s.bad...); err != nil {
			t.Errorf("the manager misbehaved: %v", err)
		}
	})
	return s
}

// Module is one for an outline, as simple as it can be. It is never started again.
func Module(name string) wire.Module {
	return wire.Module{Name: name, Command: []string{"/bin/" + name}, Replicas: 1, UpdateOrder: "stop-first", StopSignal: int(unix.SIGTERM), StopGracePeriod: 10 * time.Second,
		Restart: wire.Restart{Policy: "no"}}
}

func (s *Spawner) module(name string) wire.Module {
	for _, o := range []*wire.Outline{s.prepared, &s.current} {
		if o == nil {
			continue
		}
		if n := slices.IndexFunc(o.Modules, func(m wire.Module) bool { return m.Name == name }); n >= 0 {
			return o.Modules[n]
		}
	}
	return wire.Module{}
}

// Connect greets another manager and returns its end of the channel, which the caller owns, as it does the listening sockets; those stay
// open until the end of the test.
func (s *Spawner) Connect(sockets ...posix.FD) posix.FD {
	s.t.Helper()
	ours, theirs, err := s.kernel.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hangUp()
	s.fd, s.sockets, s.greeted = ours, slices.Clone(sockets), false
	s.starts++
	s.work.Go(func() { s.serve(ours) })
	return theirs
}

// greet tells a manager what there is, before anything else. It does so from the goroutine that serves, since there may be more to tell than the channel
// holds, or from the first that has something to say.
func (s *Spawner) greet() {
	if s.greeted {
		return
	}
	s.greeted = true
	snapshot := wire.Snapshot{Options: s.Options, PID: 1, Since: time.Now(), ManagerStarts: s.starts, Current: s.current, Prepared: s.prepared}
	var all []*Instance
	for _, i := range s.instances {
		all = append(all, i)
	}
	slices.SortFunc(all, func(a, b *Instance) int { return cmp.Compare(a.ID, b.ID) })
	for _, i := range all {
		snapshot.Instances = append(snapshot.Instances, i.Instance)
	}
	for key, data := range s.memos {
		snapshot.Memos = append(snapshot.Memos, wire.Memo{Key: key, Data: data})
	}
	slices.SortFunc(snapshot.Memos, func(a, b wire.Memo) int { return cmp.Compare(a.Key, b.Key) })
	fd := s.sealed(snapshot.Encode())
	s.send(wire.Frame{Kind: wire.KindHello}, append([]posix.FD{fd}, s.sockets...)...)
	_ = s.kernel.Close(fd)
	for _, i := range all {
		s.send(wire.Frame{Kind: wire.KindAttach, Body: i.Encode()}, i.kept...)
	}
}

// hangUp ends the channel; the goroutine that serves it closes it.
func (s *Spawner) hangUp() {
	if s.fd >= 0 {
		_ = s.kernel.Shutdown(s.fd, unix.SHUT_RDWR)
		s.fd = -1
	}
}

// HangUp closes the channel.
func (s *Spawner) HangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hangUp()
}

// Ask passes a signal on.
func (s *Spawner) Ask(w wire.Wish) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.send(wire.Frame{Kind: wire.KindAsked, Body: wire.EncodeWish(w)})
}

// Send sends a frame, whatever it is. The descriptors stay the caller's.
func (s *Spawner) Send(f wire.Frame, fds ...posix.FD) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.send(f, fds...)
}

// Finished is the status that the manager ended the supervisor with.
func (s *Spawner) Finished() uint8 {
	s.t.Helper()
	select {
	case status := <-s.finished:
		return status
	case <-time.After(time.Minute):
		s.t.Fatal("the manager does not finish")
		return 0
	}
}

// Instances are those that there are, by number.
func (s *Spawner) Instances() []*Instance {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*Instance
	for _, i := range s.instances {
		all = append(all, i)
	}
	slices.SortFunc(all, func(a, b *Instance) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// send sends a frame to the manager, if there is one.
func (s *Spawner) send(f wire.Frame, fds ...posix.FD) {
	if s.fd < 0 {
		return
	}
	s.greet()
	_, err := s.kernel.Sendmsg(s.fd, &posix.Msg{Data: f.Encode(), Control: posix.Rights(fds...)}, unix.MSG_NOSIGNAL)
	if err != nil && !errors.Is(err, posix.Errno(unix.EPIPE)) && !errors.Is(err, posix.Errno(unix.ECONNRESET)) {
		s.bad = append(s.bad, fmt.Errorf("send a frame of kind %s: %w", f.Kind, err))
	}
}

// sealed is a sealed file in memory.
func (s *Spawner) sealed(message []byte) posix.FD {
	fd, err := s.kernel.MemfdCreate("message", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	for n := 0; n < len(message) && err == nil; {
		m := 0
		m, err = s.kernel.Write(fd, message[n:])
		n += max(m, 0)
	}
	if err == nil {
		_, err = s.kernel.Fcntl(fd, unix.F_ADD_SEALS, unix.F_SEAL_SEAL|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_WRITE)
	}
	if err != nil {
		s.bad = append(s.bad, err)
	}
	return fd
}

// Current is the generation in force, and whether another one is prepared.
func (s *Spawner) Current() (g wire.GenerationID, prepared bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current.Generation, s.prepared != nil
}
