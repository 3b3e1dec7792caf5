package spawner

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/program"
	"github.com/bulkhead/bulkhead/spawner/compile"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// tcp is a listener on a port of the loopback interface; 0 lets the kernel choose.
func tcp(name string, port uint16) policy.Listener {
	l := policy.Listener{Name: name, Network: "tcp", Addr: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port), Pos: policy.Pos{File: "web.yaml", Line: 3, Col: 3}}
	l.Backlog.V = 16
	return l
}

func unixSocket(name, path string, mode uint32) policy.Listener {
	l := policy.Listener{Name: name, Network: "unix", Path: path}
	l.Mode.V = mode
	return l
}

// onLoop runs f in the spawner's loop, and waits for it.
func (s *resident) onLoop(f func()) {
	s.t.Helper()
	done := make(chan struct{})
	s.poller.post(func() { f(); close(done) })
	await(s.t, done, "the loop")
}

// socket returns the inode of a listener of the current generation, and where it listens.
func (s *resident) socket(name string) (inode uint64, addr netip.AddrPort) {
	s.t.Helper()
	s.onLoop(func() {
		x := s.current.sockets[name]
		if x == nil {
			return
		}
		var st posix.Stat
		if err := s.kernel.Fstat(x.FD, &st); err != nil {
			s.t.Error(err)
		}
		inode, addr = st.Ino, x.Addr
	})
	return inode, addr
}

// connects tells whether somebody listens.
func connects(addr netip.AddrPort) bool {
	c, err := net.Dial("tcp", addr.String())
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

// TestReload: what is the same is the very same socket; what is new listens when it shall; what is not wanted is closed.
func TestReload(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.sock")
	first := listening(planOf(quiet(t, "a"), quiet(t, "b")), tcp("old", 0), tcp("web", 0), unixSocket("x", path, 0o600))
	first.Listeners[0].Addr = netip.MustParseAddrPort("127.0.0.2:0")
	s := newResidentTest(t, first, nil).run()
	m := s.manager()
	if got := m.snapshot.Listeners; len(got) != 3 || got[1].Name != "web" || got[1].Network != "tcp" || got[1].Backlog != 16 || got[1].Generation != 1 ||
		strings.HasSuffix(got[1].Address, ":0") || got[2].Address != path {
		t.Errorf("listeners %+v", got)
	}
	before, web := s.socket("web")
	_, old := s.socket("old")
	a := m.start(1, "a", 0)

	second := listening(planOf(quiet(t, "b"), quiet(t, "c")), tcp("renamed", 0), tcp("new", 0), unixSocket("x", path, 0o666))
	second.Listeners[0].Backlog.V = 99
	second.Listeners[1].Addr = netip.MustParseAddrPort("127.0.0.3:0")
	s.compiles(second)
	o := m.prepare()
	if o.Generation != 2 || len(o.Modules) != 2 || o.Modules[0].Program != nil || len(o.Listeners) != 3 || o.Files[0] != "web.yaml" || o.Rendered != "" {
		t.Errorf("outline %+v", o)
	}
	m.refused("generation 2 does not listen yet", wire.KindStart, wire.StartRequest{Generation: 2, Module: "c"}.Encode())
	m.refused("generation 2 does not listen yet", wire.KindCommit, wire.EncodeID(wire.GenerationID(2)))
	var fresh netip.AddrPort
	s.onLoop(func() { fresh = s.prepared.sockets["new"].Addr })
	if connects(fresh) {
		t.Error("what is only prepared listens")
	}
	m.must(wire.KindListen, wire.EncodeID(wire.GenerationID(2)))
	m.refused("listens already", wire.KindListen, wire.EncodeID(wire.GenerationID(2)))
	s.onLoop(func() { fresh = s.prepared.sockets["new"].Addr })
	if !connects(fresh) || !connects(old) || !connects(web) {
		t.Error("not all listen")
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o666 {
		t.Errorf("the unix socket: %v, %v", st, err)
	}
	c := m.start(2, "c", 0)
	// A module of the old generation can still be started: it may be what a failed reload goes back to.
	b := m.start(1, "b", 0)

	// The manager dies in the middle of it.
	m.kill()
	m = s.manager()
	if p := m.snapshot.Prepared; p == nil || p.Generation != 2 || m.snapshot.Current.Generation != 1 || len(m.snapshot.Instances) != 3 || len(m.snapshot.Listeners) != 4 {
		t.Fatalf("snapshot %+v", m.snapshot)
	}
	m.refused(fmt.Sprintf("instance %d of generation 2 still runs", c.ID), wire.KindDiscard, wire.EncodeID(wire.GenerationID(2)))
	m.refused(fmt.Sprintf("its instance %d still runs", c.ID), wire.KindPrepare, nil)
	m.must(wire.KindCommit, wire.EncodeID(wire.GenerationID(2)))
	m.refused("there is no generation 1", wire.KindStart, wire.StartRequest{Generation: 1, Module: "b"}.Encode())
	b2 := m.start(2, "b", 0) // beside the one of generation 1
	if b2.ID == b.ID {
		t.Error("the same instance")
	}
	if after, addr := s.socket("renamed"); after != before || addr != web {
		t.Errorf("inode %d at %s, was %d at %s", after, addr, before, web)
	}
	if connects(old) {
		t.Error("what is not wanted any more listens")
	}
	if err := unix.Kill(int(a.PID), 0); err != nil {
		t.Errorf("the instance of a module that is not there any more: %v", err)
	}
	for _, i := range []wire.Instance{a, b, b2, c} {
		m.must(wire.KindKill, wire.EncodeID(i.ID))
		m.exited(i.ID)
	}
}

// TestDiscard: everything is as it was before.
func TestDiscard(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.sock")
	first := listening(planOf(), tcp("web", 0), unixSocket("x", path, 0o600))
	s := newResidentTest(t, first, nil).run()
	m := s.manager()
	before, web := s.socket("web")
	next := listening(planOf(quiet(t, "a")), tcp("web", 0), tcp("new", 0), unixSocket("x", path, 0o666))
	next.Listeners[0].Backlog.V = 3
	next.Listeners[1].Addr = netip.MustParseAddrPort("127.0.0.3:0")
	s.compiles(next)
	for n, g := range []wire.GenerationID{2, 3, 3} { // what never listened leaves its number to the next one
		if o := m.prepare(); o.Generation != g {
			t.Fatalf("generation %d, want %d", o.Generation, g)
		}
		if n == 1 {
			continue // prepared again, without a word about the one before
		}
		m.must(wire.KindListen, wire.EncodeID(g))
		var fresh netip.AddrPort
		s.onLoop(func() { fresh = s.prepared.sockets["new"].Addr })
		i := m.start(g, "a", 0)
		m.must(wire.KindKill, wire.EncodeID(i.ID))
		m.exited(i.ID)
		m.must(wire.KindDiscard, wire.EncodeID(g))
		m.refused("is not prepared", wire.KindCommit, wire.EncodeID(g))
		if connects(fresh) || !connects(web) {
			t.Error("the wrong ones listen")
		}
		if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("the unix socket: %v, %v", st, err)
		}
		if after, _ := s.socket("web"); after != before {
			t.Error("another socket")
		}
		var backlog int
		s.onLoop(func() { backlog = s.current.sockets["web"].Backlog })
		if backlog != 16 {
			t.Errorf("backlog %d", backlog)
		}
	}
}

// TestProblemsAllAtOnce: every listener that cannot be had, with its place, and the sockets that could be had are given back.
func TestProblemsAllAtOnce(t *testing.T) {
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	port := netip.MustParseAddrPort(taken.Addr().String()).Port()
	s := newResidentTest(t, planOf(), nil).run()
	m := s.manager()
	next := listening(planOf(quiet(t, "a")), tcp("busy", port), tcp("free", 0), unixSocket("nowhere", "/nowhere/x.sock", 0o600), tcp("twice", 0))
	next.Diagnostics = policy.Diagnostics{{Code: "W200", Severity: policy.SeverityWarning, Message: "look at this", Pos: policy.Pos{File: "web.yaml", Line: 1, Col: 1}}}
	next.Rendered = "warning[W200]: look at this\n"
	s.compiles(next)
	o := m.prepare()
	if o.Generation != 0 || len(o.Modules) != 0 || len(o.Listeners) != 0 {
		t.Errorf("outline %+v", o)
	}
	for _, want := range []string{
		"warning[W200]: look at this\nerror[E650]: listener busy: listen on 127.0.0.1:", "address already in use", "\n  web.yaml:3:3\n    3 |   web: {address: x}\n      |   ^",
		"error[E650]: listener nowhere: listen on unix:/nowhere/x.sock", "error[E650]: listener twice: listen on 127.0.0.1:0: listener free does already",
	} {
		if !strings.Contains(o.Rendered, want) {
			t.Errorf("no %q in\n%s", want, o.Rendered)
		}
	}
	var list []struct {
		Code, File string
		Line       int
	}
	if err := json.Unmarshal([]byte(o.JSON), &list); err != nil || len(list) != 4 || list[1].Code != codeListener || list[1].File != "web.yaml" || list[1].Line != 3 {
		t.Errorf("%+v, %v", list, err)
	}
	var open int
	s.onLoop(func() { open = len(s.pool) })
	if open != 0 {
		t.Errorf("%d sockets stay open", open)
	}
	// Errors of the policy itself.
	next.Diagnostics[0].Severity = policy.SeverityError
	next.Rendered, next.JSON = "error[E100]: bad\n", "[{}]\n"
	s.compiles(next)
	if o := m.prepare(); o.Generation != 0 || o.Rendered != next.Rendered || o.JSON != next.JSON || len(o.Modules) != 0 || o.Files[0] != "web.yaml" {
		t.Errorf("outline %+v", o)
	}
	// What is refused has no number.
	s.compiles(planOf(quiet(t, "a")))
	if o := m.prepare(); o.Generation != 2 {
		t.Errorf("generation %d", o.Generation)
	}
}

// TestPrepareFails: policies that cannot be read, a compile process that cannot be started.
func TestPrepareFails(t *testing.T) {
	s := newResidentTest(t, planOf(), nil).run()
	m := s.manager()
	s.mu.Lock()
	s.read = errors.New("policy web.yaml: can be written by anybody")
	s.mu.Unlock()
	if o := m.prepare(); o.Generation != 0 || o.Rendered != "error[E652]: policy web.yaml: can be written by anybody\n" ||
		!strings.Contains(o.JSON, `"E652"`) || len(o.Modules) != 0 || len(o.Files) != 1 {
		t.Errorf("%+v", o)
	}
	s.mu.Lock()
	s.read = nil
	s.mu.Unlock()
	s.onLoop(func() {
		s.beginCompile = func(compile.Request, func()) (compilation, error) { return nil, posix.Errno(unix.EAGAIN) }
	})
	if a := m.do(wire.KindPrepare, nil); a.Code != wire.Failed || !strings.Contains(a.Text, "resource temporarily unavailable") {
		t.Errorf("%+v", a)
	}
}

// TestReadHangs: the loop goes on, and no second reader is started while the first one hangs.
func TestReadHangs(t *testing.T) {
	release := make(chan struct{})
	reads := make(chan struct{}, 8)
	s := newResidentTest(t, planOf(quiet(t, "a")), func(s *resident) {
		s.Read = func() ([]compile.Source, error) {
			reads <- struct{}{}
			<-release
			return nil, nil
		}
	}).run()
	m := s.manager()
	waits := m.ask(wire.KindPrepare, nil)
	await(t, reads, "reading")
	m.refused("a reload is being prepared already", wire.KindPrepare, nil)
	i := m.start(1, "a", 0)
	m.must(wire.KindKill, wire.EncodeID(i.ID))
	m.exited(i.ID)
	// Its time is over.
	s.onLoop(func() { s.preparing.limit.f() })
	if a := await(t, waits, "an answer"); a.Code != wire.Failed || !strings.Contains(a.Text, "does not answer within") {
		t.Errorf("%+v", a)
	}
	if a := m.do(wire.KindPrepare, nil); a.Code != wire.Failed || !strings.Contains(a.Text, "still being read") {
		t.Errorf("%+v", a)
	}
	close(release)
	s.compiles(planOf())
	for deadline := time.Now().Add(soon); ; time.Sleep(time.Millisecond) {
		if a := m.do(wire.KindPrepare, nil); a.Code == wire.Done {
			m.memory(a.fds[0])
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("%+v", a)
		}
	}
	if len(reads) != 1 {
		t.Errorf("read %d times more", len(reads))
	}
}

// slow is a compilation that ends when it is told to.
type slow struct {
	plan     wire.Plan
	finished chan struct{}
}

func (s slow) Finish() (wire.Plan, compile.Record, error) {
	close(s.finished)
	return s.plan, compile.Record{}, nil
}

// TestManagerDiesWhileCompiling: nobody gets the result, and the next manager begins anew.
func TestManagerDiesWhileCompiling(t *testing.T) {
	begun := make(chan struct{}, 8)
	first := slow{finished: make(chan struct{})}
	s := newResidentTest(t, planOf(), func(s *resident) {
		compiles := s.beginCompile
		s.beginCompile = func(r compile.Request, ended func()) (compilation, error) {
			begun <- struct{}{}
			if s.managerStarts == 1 {
				return first, nil
			}
			return compiles(r, ended)
		}
	}).run()
	m := s.manager()
	m.ask(wire.KindPrepare, nil)
	await(t, begun, "compiling")
	m.kill()
	m = s.manager()
	if m.snapshot.Prepared != nil {
		t.Error("a generation is prepared")
	}
	s.compiles(planOf(quiet(t, "a")))
	if o := m.prepare(); o.Generation != 2 || len(o.Modules) != 1 {
		t.Errorf("outline %+v", o)
	}
	await(t, first.finished, "the end of the first compilation")
}

// TestHeal: a listener that a module shuts down is back at once.
func TestHeal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.sock")
	s := newResidentTest(t, listening(planOf(), tcp("web", 0), unixSocket("x", path, 0o600)), nil).run()
	m := s.manager()
	before, web := s.socket("web")
	shut := func(name string) {
		// A copy, as a module has one.
		var fd posix.FD
		s.onLoop(func() {
			n, err := s.kernel.Fcntl(s.current.sockets[name].FD, unix.F_DUPFD_CLOEXEC, 3)
			if err != nil {
				t.Error(err)
			}
			fd = posix.FD(n)
		})
		k := linux.New()
		if err := errors.Join(k.Shutdown(fd, unix.SHUT_RDWR), k.Close(fd)); err != nil {
			t.Error(err)
		}
	}
	shut("web")
	if n := await(t, m.notices, "a notice"); n.Kind != "listener.healed" || n.Listener != "web" || n.Severity != wire.Warning {
		t.Errorf("%+v", n)
	}
	if after, addr := s.socket("web"); after != before || addr != web || !connects(web) {
		t.Errorf("inode %d at %s, was %d at %s", after, addr, before, web)
	}
	shut("x")
	if n := await(t, m.notices, "a notice"); n.Kind != "listener.replaced" || n.Listener != "x" {
		t.Errorf("%+v", n)
	}
	if c, err := net.Dial("unix", path); err != nil {
		t.Error(err)
	} else {
		_ = c.Close()
	}
	// As fast as it is healed: it is put off, and healed in the end.
	for range healsAtMost - 1 {
		shut("web")
		await(t, m.notices, "a notice")
	}
	shut("web")
	start := time.Now()
	await(t, m.notices, "a notice")
	if took := time.Since(start); took < healWindow/2 {
		t.Errorf("it was healed for the %dth time after %s", healsAtMost+1, took)
	}
	if !connects(web) {
		t.Error("it does not listen")
	}
	m.kill()
	m = s.manager()
	if l := m.snapshot.Listeners[0]; l.Healed != healsAtMost+1 {
		t.Errorf("%+v", l)
	}
}

// TestHealConnected: a listening socket is made a connection, before the spawner can see that it has ceased to listen.
func TestHealConnected(t *testing.T) {
	elsewhere, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer elsewhere.Close()
	s := newResidentTest(t, listening(planOf(), tcp("web", 0)), nil).run()
	m := s.manager()
	_, web := s.socket("web")
	s.onLoop(func() {
		k, fd := linux.New(), s.current.sockets["web"].FD
		to := posix.Sockaddr{Family: unix.AF_INET, Addr: elsewhere.Addr().(*net.TCPAddr).AddrPort()}
		if err := errors.Join(k.Connect(fd, posix.Sockaddr{}), k.Connect(fd, to)); err != nil {
			t.Error(err)
		}
	})
	if n := await(t, m.notices, "a notice"); n.Kind != "listener.replaced" || n.Listener != "web" {
		t.Errorf("%+v", n)
	}
	if _, addr := s.socket("web"); addr != web || !connects(web) {
		t.Errorf("it listens at %s, and did at %s", addr, web)
	}
}

// TestHealFails: it is tried again and again, and said once.
func TestHealFails(t *testing.T) {
	s := newResidentTest(t, listening(planOf(), tcp("web", 0)), func(s *resident) {
		s.kernel = &cannotListen{Kernel: s.kernel}
	}).run()
	m := s.manager()
	k := s.kernel.(*cannotListen)
	s.onLoop(func() {
		k.failures = 3
		if err := linux.New().Shutdown(s.current.sockets["web"].FD, unix.SHUT_RDWR); err != nil {
			t.Error(err)
		}
	})
	if n := await(t, m.notices, "a notice"); n.Kind != "listener.lost" || n.Severity != wire.Error {
		t.Errorf("%+v", n)
	}
	if n := await(t, m.notices, "a notice"); n.Kind != "listener.healed" && n.Kind != "listener.replaced" {
		t.Errorf("%+v", n)
	}
	s.onLoop(func() {
		if k.failures != 0 {
			t.Errorf("%d failures are left", k.failures)
		}
	})
}

// cannotListen is a kernel on which listen fails a number of times.
type cannotListen struct {
	Kernel
	failures int
}

func (k *cannotListen) Listen(fd posix.FD, backlog int) error {
	if k.failures > 0 {
		k.failures--
		return posix.Errno(unix.EADDRINUSE)
	}
	return k.Kernel.Listen(fd, backlog)
}

// TestStatistics: queues, counters, launches; two questions at once are both answered.
func TestStatistics(t *testing.T) {
	s := newResidentTest(t, listening(planOf(quiet(t, "a")), tcp("web", 0)), func(s *resident) {
		s.Counters = func() ([]wire.CallCount, []wire.CallDuration) {
			return []wire.CallCount{{Op: "clone3", Errno: "0", N: 3}}, []wire.CallDuration{{Op: "clone3"}}
		}
	}).run()
	m := s.manager()
	_, web := s.socket("web")
	m.start(1, "a", 0)
	c, err := net.Dial("tcp", web.String()) // nobody accepts it
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	// More than a few at a time are refused: every answer is a file in the spawner's memory.
	var crowd []chan answered
	s.onLoop(func() { // the loop reads them together, when it goes on
		for range maxStatistics + 1 {
			crowd = append(crowd, m.ask(wire.KindStats, nil))
		}
	})
	for n, from := range crowd {
		a := await(t, from, "statistics")
		for _, fd := range a.fds {
			m.memory(fd)
		}
		switch {
		case n < maxStatistics && a.Code != wire.Done, n == maxStatistics && a.Code != wire.Refused:
			t.Errorf("request %d: %+v", n, a)
		}
	}
	first, second := m.ask(wire.KindStats, nil), m.ask(wire.KindStats, nil)
	for _, from := range []chan answered{first, second} {
		a := await(t, from, "statistics")
		if a.Code != wire.Done || len(a.fds) != 1 {
			t.Fatalf("%+v", a)
		}
		st, err := wire.DecodeStats(m.memory(a.fds[0]))
		if err != nil {
			t.Fatal(err)
		}
		if len(st.Queues) != 1 || st.Queues[0] != (wire.Queue{Listener: "web", Length: 1, Limit: 16}) {
			t.Errorf("queues %+v", st.Queues)
		}
		if len(st.Calls) != 1 || st.Calls[0].N != 3 || len(st.Durations) != 1 {
			t.Errorf("%+v", st)
		}
		if h := st.Launches; h.Count != 1 || h.Sum <= 0 || h.Buckets[len(h.Buckets)-1].N != 1 {
			t.Errorf("launches %+v", h)
		}
	}
}

// peek is a kernel that looks at files of the runtime directory before they are removed.
type peek struct {
	Kernel
	see func(dir posix.FD, name string)
}

func (k *peek) Unlinkat(dir posix.FD, name string, flags int) error {
	if dir >= 0 && flags == 0 {
		k.see(dir, name)
	}
	return k.Kernel.Unlinkat(dir, name, flags)
}

// TestInstanceSockets: a module that notifies and asks about itself has sockets, which wait for the manager.
func TestInstanceSockets(t *testing.T) {
	needNamespaces(t)
	a := quiet(t, "a")
	for _, name := range []string{program.NotifySocket, program.ControlSocket} {
		a.Program.Prepare = append(a.Program.Prepare, program.Prepare{Kind: program.Socket, Path: name})
	}
	said := make(chan error, 8)
	s := newResidentTest(t, planOf(a), func(s *resident) {
		s.kernel = &peek{s.kernel, func(dir posix.FD, name string) {
			if name != "notify-1" && name != "control-1" {
				return
			}
			k := linux.New()
			typ := unix.SOCK_DGRAM
			if strings.HasPrefix(name, "control") {
				typ = unix.SOCK_STREAM
			}
			fd, err := k.Socket(unix.AF_UNIX, typ|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				said <- err
				return
			}
			err = k.Connect(fd, posix.Sockaddr{Family: unix.AF_UNIX, Path: fmt.Sprintf("/proc/self/fd/%d/%s", dir, name)})
			if errors.Is(err, unix.ENOENT) {
				_ = k.Close(fd)
				return // before it is made
			}
			if err == nil && typ == unix.SOCK_DGRAM {
				_, err = k.Write(fd, []byte("READY=1"))
			}
			said <- errors.Join(err, k.Close(fd))
		}}
	}).run()
	m := s.manager()
	i := m.start(1, "a", 0)
	if !i.Notify || !i.Control || len(m.attached[i.ID]) != 4 {
		t.Fatalf("%+v with %d descriptors", i, len(m.attached[i.ID]))
	}
	for range 2 {
		if err := await(t, said, "a connection"); err != nil {
			t.Error(err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(s.Runtime, "*")); len(left) > 0 {
		t.Errorf("in the runtime directory: %q", left)
	}
	m.kill() // what was said waits for the next one
	m = s.manager()
	fds := m.attached[i.ID]
	msg := posix.Msg{Data: make([]byte, 100), Control: make([]byte, posix.CredentialsSpace)}
	n, err := m.kernel.Recvmsg(fds[2], &msg, unix.MSG_DONTWAIT)
	if err != nil || string(msg.Data[:n]) != "READY=1" {
		t.Errorf("%q, %v", msg.Data[:max(n, 0)], err)
	}
	if who, ok := posix.ParseCredentials(msg.Control[:msg.ControlLen]); !ok || int(who.PID) != os.Getpid() {
		t.Errorf("credentials %+v, %v", who, ok)
	}
	c, _, err := m.kernel.Accept4(fds[3], unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	_ = m.kernel.Close(c)
}

// TestServices: the sockets that the manager serves on.
func TestServices(t *testing.T) {
	s := newResidentTest(t, planOf(), func(s *resident) { s.Options.Metrics = "127.0.0.1:0" }).run()
	m := s.manager()
	if len(m.services) != 2 {
		t.Fatalf("%d sockets", len(m.services))
	}
	if st, err := os.Stat(s.Options.Control); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st, err)
	}
	if st, err := os.Stat(s.Runtime); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", st, err)
	}
	c, err := net.Dial("unix", s.Options.Control)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	fd, _, err := m.kernel.Accept4(m.services[0], unix.SOCK_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	_ = m.kernel.Close(fd)
	m.kill()
	if n := s.manager(); len(n.services) != 2 {
		t.Errorf("the next one gets %d", len(n.services))
	}
}

func TestSplitManager(t *testing.T) {
	own := wire.Module{Name: ManagerModule, Pos: policy.Pos{File: ManagerSource}}
	plan := planOf(wire.Module{Name: "a"}, own, wire.Module{Name: "b"})
	user, manager, err := SplitManager(plan)
	if err != nil || manager.Name != ManagerModule || len(user.Modules) != 2 || user.Modules[1].Name != "b" || len(plan.Modules) != 3 || plan.Modules[1].Name != ManagerModule {
		t.Errorf("%+v, %+v, %v", user, manager, err)
	}
	for _, p := range []wire.Plan{planOf(), planOf(wire.Module{Name: ManagerModule, Pos: policy.Pos{File: "web.yaml"}})} {
		if _, _, err := SplitManager(p); !errors.Is(err, ErrNoManager) {
			t.Errorf("%v", err)
		}
	}
}
