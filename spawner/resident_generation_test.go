package spawner

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/policy"
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
