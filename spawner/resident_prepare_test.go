package spawner

import (
	"encoding/json"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/spawner/compile"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

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
