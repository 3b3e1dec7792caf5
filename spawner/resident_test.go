package spawner

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// TestResidentInstances: start, output, signal, end, forget.
func TestResidentInstances(t *testing.T) {
	a, b := quiet(t, "a"), shell("b", "echo one; echo two >&2; exit 3")
	a.Replicas = 2
	s := newResidentTest(t, planOf(a, b), nil).run()
	m := s.manager()
	if snap := m.snapshot; snap.ManagerStarts != 1 || snap.Current.Generation != 1 || len(snap.Current.Modules) != 2 || len(snap.Instances) != 0 ||
		snap.PID != uint32(os.Getpid()) || snap.Options.Version != "test" || snap.Current.Files[0] != "web.yaml" || snap.Prepared != nil || snap.Stopping {
		t.Errorf("snapshot %+v", snap)
	}
	if len(m.services) != 1 {
		t.Errorf("%d sockets to serve on", len(m.services))
	}
	one := m.start(1, "a", 0)
	if one.Generation != 1 || one.Module != "a" || one.PID == 0 || one.Launch <= 0 || one.Notify || one.Control || one.Exit != nil {
		t.Errorf("%+v", one)
	}
	two, three := m.start(1, "a", 1), m.start(1, "b", 0)
	if one.ID == two.ID || two.ID == three.ID {
		t.Errorf("instances %d, %d, %d", one.ID, two.ID, three.ID)
	}
	if x := m.exited(three.ID); x.Code != posix.CldExited || x.Status != 3 || x.Text != "exited with status 3" || x.At.IsZero() {
		t.Errorf("%+v", x)
	}
	if got := m.output(m.attached[three.ID][0], ""); got != "one\n" {
		t.Errorf("standard output %q", got)
	}
	if got := m.output(m.attached[three.ID][1], ""); got != "two\n" {
		t.Errorf("standard error %q", got)
	}
	m.must(wire.KindForget, wire.EncodeID(three.ID))
	m.refused("there is no instance", wire.KindForget, wire.EncodeID(three.ID))
	m.output(m.attached[one.ID][0], "ready\n")
	m.must(wire.KindSignal, wire.SignalRequest{Instance: one.ID, Signal: uint8(unix.SIGTERM)}.Encode())
	if x := m.exited(one.ID); x.Status != 0 {
		t.Errorf("%+v", x)
	}
	if got := m.output(m.attached[one.ID][0], ""); got != "bye\n" {
		t.Errorf("output %q", got)
	}
	m.must(wire.KindSignal, wire.SignalRequest{Instance: one.ID, Signal: uint8(unix.SIGTERM)}.Encode()) // it has just ended: no error
	m.refused("instance 2 still runs", wire.KindFinish, wire.EncodeStatus(0))
	m.must(wire.KindKill, wire.EncodeID(two.ID))
	if x := m.exited(two.ID); x.Status != int32(unix.SIGKILL) || x.Text != "killed by SIGKILL" {
		t.Errorf("%+v", x)
	}
	m.must(wire.KindFinish, wire.EncodeStatus(7))
	if status, err := s.wait(); status != 7 || err != nil {
		t.Errorf("status %d, %v", status, err)
	}
}

// TestResidentRefuses: what does not fit is answered, and its sender is obeyed further on.
func TestResidentRefuses(t *testing.T) {
	a := quiet(t, "a")
	a.StopSignal = int(unix.SIGUSR1)
	s := newResidentTest(t, planOf(a), nil).run()
	m := s.manager()
	i := m.start(1, "a", 0)
	start := func(g wire.GenerationID, module string, replica uint32) []byte {
		return wire.StartRequest{Generation: g, Module: module, Replica: replica}.Encode()
	}
	signal := func(i wire.InstanceID, sig unix.Signal) []byte {
		return wire.SignalRequest{Instance: i, Signal: uint8(sig)}.Encode()
	}
	for _, tt := range []struct {
		says string
		kind wire.Kind
		body []byte
	}{
		{"module a has 1 replicas; there is no number 1", wire.KindStart, start(1, "a", 1)},
		{`generation 1 has no module "manager"`, wire.KindStart, start(1, "manager", 0)},
		{"there is no generation 0", wire.KindStart, start(0, "a", 0)},
		{"there is no generation 2", wire.KindStart, start(2, "a", 0)},
		{"there is no instance 2", wire.KindKill, wire.EncodeID(wire.InstanceID(2))},
		{"there is no instance 0", wire.KindSignal, signal(0, unix.SIGTERM)},
		{"module a gets no SIGINT", wire.KindSignal, signal(i.ID, unix.SIGINT)},
		{"module a gets no SIGSTOP", wire.KindSignal, signal(i.ID, unix.SIGSTOP)},
		{"instance 1 has not ended", wire.KindForget, wire.EncodeID(i.ID)},
		{"generation 2 is not prepared", wire.KindListen, wire.EncodeID(wire.GenerationID(2))},
		{"generation 1 is not prepared", wire.KindCommit, wire.EncodeID(wire.GenerationID(1))},
		{"generation 1 is not prepared", wire.KindDiscard, wire.EncodeID(wire.GenerationID(1))},
		{"a memo without a key", wire.KindRemember, wire.Memo{Data: []byte("x")}.Encode()},
		{"instance 1 still runs", wire.KindFinish, wire.EncodeStatus(0)},
	} {
		m.refused(tt.says, tt.kind, tt.body)
	}
	// A restart has the next one ready before it ends the old one; more than that nobody needs.
	twin := m.start(1, "a", 0)
	m.refused("2 instances run as replica 0 of module a in generation 1 already", wire.KindStart, start(1, "a", 0))
	m.must(wire.KindKill, wire.EncodeID(twin.ID))
	m.exited(twin.ID)
	m.must(wire.KindForget, wire.EncodeID(twin.ID))
	for _, sig := range []unix.Signal{unix.SIGHUP, unix.SIGUSR1, unix.SIGABRT, unix.SIGTERM, unix.SIGKILL} {
		m.must(wire.KindSignal, signal(i.ID, sig))
	}
	m.exited(i.ID)
	// What has ended and is not forgotten is kept, but not without end.
	for range maxDead - 1 {
		j := m.start(1, "a", 0)
		m.must(wire.KindKill, wire.EncodeID(j.ID))
		m.exited(j.ID)
	}
	m.refused("were not forgotten", wire.KindStart, start(1, "a", 0))
	m.must(wire.KindForget, wire.EncodeID(i.ID))
	m.start(1, "a", 0)
}

// TestResidentLaunchFails: the answer says why, and nothing is left behind.
func TestResidentLaunchFails(t *testing.T) {
	bad := shell("bad", "")
	bad.Program = shellThatIsNotThere()
	s := newResidentTest(t, planOf(bad), nil).run()
	m := s.manager()
	a := m.do(wire.KindStart, wire.StartRequest{Generation: 1, Module: "bad"}.Encode())
	if a.Code != wire.Failed || a.Text != "bad: execveat: no such file or directory (policy web.yaml:3)" || len(a.fds) != 0 {
		t.Errorf("%+v", a)
	}
	m.must(wire.KindFinish, wire.EncodeStatus(125))
	if status, err := s.wait(); status != 125 || err != nil {
		t.Errorf("status %d, %v", status, err)
	}
}

// TestSignals are passed on to the manager.
func TestSignals(t *testing.T) {
	s := newResidentTest(t, planOf(), nil).run()
	m := s.manager()
	s.signals <- unix.SIGHUP
	if w := await(t, m.wishes, "SIGHUP"); w != wire.WishReload {
		t.Errorf("wish %d", w)
	}
	m.kill()
	s.signals <- unix.SIGHUP
	s.signals <- unix.SIGHUP
	n := s.manager()
	if w := await(t, n.wishes, "SIGHUP without a manager"); w != wire.WishReload {
		t.Errorf("wish %d", w)
	}
	s.signals <- unix.SIGTERM
	s.signals <- unix.SIGINT // the same request once more
	if w := await(t, n.wishes, "SIGTERM"); w != wire.WishStop {
		t.Errorf("wish %d: SIGHUP without a manager was passed on twice?", w)
	}
	s.signals <- unix.SIGHUP
	n.must(wire.KindFinish, wire.EncodeStatus(0))
	if status, err := s.wait(); status != 0 || err != nil || len(n.wishes) > 0 {
		t.Errorf("status %d, %v, %d wishes", status, err, len(n.wishes))
	}
}

// TestStopWithoutManager: the spawner stops everything itself, in order, and passes on what modules write.
func TestStopWithoutManager(t *testing.T) {
	c := quiet(t, "c")
	c.Replicas = 2
	deaf := deafModule(t, "deaf", 100*time.Millisecond)
	s := newResidentTest(t, planOf(quiet(t, "a"), quiet(t, "b"), c, deaf, shell("e", "echo early; exit 0")), nil).run()
	m := s.manager()
	for _, x := range []struct {
		name    string
		replica uint32
	}{{"a", 0}, {"b", 0}, {"c", 0}, {"c", 1}, {"deaf", 0}} {
		i := m.start(1, x.name, x.replica)
		m.output(m.attached[i.ID][0], "ready\n")
	}
	m.exited(m.start(1, "e", 0).ID)
	s.signals <- unix.SIGTERM
	await(t, m.wishes, "SIGTERM")
	m.kill() // while it stops
	if status, err := s.wait(); status != 0 || err != nil {
		t.Errorf("status %d, %v", status, err)
	}
	if len(s.lines) != 5 || s.lines[0] != "e[0]1 early" {
		t.Fatalf("lines %q", s.lines)
	}
	if order := s.lines[3:]; !slices.Equal(order, []string{"b[0]1 bye", "a[0]1 bye"}) {
		t.Errorf("lines %q", s.lines)
	}
	for _, want := range []string{`msg="deaf is still running; killing it" module=deaf`, `msg="deaf: killed by SIGKILL" module=deaf`, `msg="c[1]: exited`, "stopping without it",
		"nothing is left; the exit status is 0"} {
		if !strings.Contains(s.logged(), want) {
			t.Errorf("no %q in the log:\n%s", want, s.logged())
		}
	}
}

// TestStopIgnored: a manager that takes no notice of the end is ended, and everything stopped without it.
func TestStopIgnored(t *testing.T) {
	s := newResidentTest(t, planOf(deafModule(t, "a", 100*time.Millisecond), quiet(t, "b")), func(s *resident) { s.stop.margin = 100 * time.Millisecond })
	s.Plan.Modules[1].StopGracePeriod = 100 * time.Millisecond
	s.run()
	m := s.manager()
	i := m.start(1, "b", 0)
	m.output(m.attached[i.ID][0], "ready\n")
	s.signals <- unix.SIGTERM
	await(t, m.wishes, "SIGTERM") // and no more
	if status, err := s.wait(); status != 0 || err != nil {
		t.Errorf("status %d, %v", status, err)
	}
	if want := "told to stop everything, and has not"; !strings.Contains(s.logged(), want) {
		t.Errorf("no %q in the log:\n%s", want, s.logged())
	}
}

// TestSecondSignal kills everything at once, also with a manager that is still busy.
func TestSecondSignal(t *testing.T) {
	s := newResidentTest(t, planOf(deafModule(t, "a", time.Hour), deafModule(t, "b", time.Hour)), func(s *resident) { s.stop.echo = echo }).run()
	m := s.manager()
	for _, name := range []string{"a", "b"} {
		i := m.start(1, name, 0)
		m.output(m.attached[i.ID][0], "ready\n")
	}
	s.signals <- unix.SIGTERM
	await(t, m.wishes, "SIGTERM")
	time.AfterFunc(s.echo+20*time.Millisecond, func() { s.signals <- unix.SIGTERM })
	if status, err := s.wait(); status != statusKilled || err != nil {
		t.Errorf("status %d, %v", status, err)
	}
	if !strings.Contains(s.logged(), "asked again: killing what is left") {
		t.Errorf("the log:\n%s", s.logged())
	}
}

// TestStopBetweenManagers: a signal in the moment without a manager.
func TestStopBetweenManagers(t *testing.T) {
	s := newResidentTest(t, planOf(quiet(t, "a")), nil).run()
	m := s.manager()
	i := m.start(1, "a", 0)
	m.output(m.attached[i.ID][0], "ready\n")
	m.kill()
	s.signals <- unix.SIGINT
	if status, err := s.wait(); status != 0 || err != nil || !slices.Equal(s.lines, []string{"a[0]1 bye"}) {
		t.Errorf("status %d, %v, %q", status, err, s.lines)
	}
}

// TestLoopFails: everything is ended when the spawner cannot go on.
func TestLoopFails(t *testing.T) {
	s := newResidentTest(t, planOf(quiet(t, "a")), nil)
	s.run()
	m := s.manager()
	i := m.start(1, "a", 0)
	s.poller.post(func() { s.fail(posix.Errno(unix.EIO)) })
	if _, err := s.wait(); !errors.Is(err, unix.EIO) {
		t.Errorf("%v", err)
	}
	for _, pid := range []int{m.pid, int(i.PID)} {
		if err := unix.Kill(pid, 0); !errors.Is(err, unix.ESRCH) {
			t.Errorf("process %d: %v", pid, err)
		}
	}
}

// TestResidentCannotBegin: what is in the way is named, and nothing is left behind.
func TestResidentCannotBegin(t *testing.T) {
	for _, tt := range []struct {
		name  string
		alter func(s *resident)
		says  string
	}{
		{"a directory for everybody", func(s *resident) {
			dir := s.t.TempDir()
			if err := os.Chmod(dir, 0o777); err != nil {
				s.t.Fatal(err)
			}
			s.Options.Control = filepath.Join(dir, "control.sock")
		}, "others could put their own sockets in the place of ours"},
		{"a runtime directory for everybody", func(s *resident) {
			s.Runtime = s.t.TempDir()
			if err := os.Chmod(s.Runtime, 0o755); err != nil {
				s.t.Fatal(err)
			}
		}, "others could reach into it"},
		{"metrics on a port alone", func(s *resident) { s.Options.Metrics = ":9100" }, "say 127.0.0.1:9100"},
		{"metrics on a name", func(s *resident) { s.Options.Metrics = "localhost:x" }, "is not an address with a port"},
		{"a control socket below nothing", func(s *resident) { s.Options.Control = filepath.Join(s.dir, "x/y/z.sock") }, "no such file or directory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newResidentTest(t, planOf(), tt.alter).run()
			if _, err := s.wait(); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, want %q", err, tt.says)
			}
		})
	}
}

// TestOwnerAsTheManagerSeesHim: in a user namespace of the manager's, the spawner's user has the manager's number.
func TestOwnerAsTheManagerSeesHim(t *testing.T) {
	me := uint32(os.Geteuid())
	for _, tt := range []struct {
		name  string
		level sandbox.Level
		owner uint32
		want  uint32
	}{
		{"root's manager has a user of its own", sandbox.Enforced, me, me},
		{"a user's manager is that user", sandbox.Degraded, me, 62000},
		{"somebody else", sandbox.Degraded, me + 1, me + 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := shell("manager", "")
			m.User.UID, m.Enforcement = 62000, []sandbox.Enforcement{{Protection: "user", Level: tt.level}}
			r := NewResident(Config{Host: &Host{Kernel: linux.New()}, Manager: m, Options: wire.Options{Owner: tt.owner}})
			if got := r.ownerAsSeen(); got != tt.want {
				t.Errorf("%d, want %d", got, tt.want)
			}
		})
	}
}
