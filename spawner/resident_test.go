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

// TestManagerIsKilled: modules go on; the next manager finds all there is, pipes included.
func TestManagerIsKilled(t *testing.T) {
	s := newResidentTest(t, planOf(quiet(t, "a"), shell("b", "echo last words; exit 1"), quiet(t, "c")), nil).run()
	m := s.manager()
	a, b := m.start(1, "a", 0), m.start(1, "b", 0)
	m.exited(b.ID)
	m.must(wire.KindRemember, wire.Memo{Key: "a/0", Data: []byte("held")}.Encode())
	m.must(wire.KindRemember, wire.Memo{Key: "b/0", Data: []byte("old")}.Encode())
	m.must(wire.KindRemember, wire.Memo{Key: "b/0", Data: []byte("new")}.Encode())
	m.must(wire.KindRemember, wire.Memo{Key: "c/0", Data: []byte("x")}.Encode())
	m.must(wire.KindRemember, wire.Memo{Key: "c/0"}.Encode())
	m.kill()

	n := s.manager()
	if n.pid == m.pid {
		t.Error("the same process")
	}
	snap := n.snapshot
	if snap.ManagerStarts != 2 || len(snap.Instances) != 2 || !snap.Since.Equal(m.snapshot.Since) {
		t.Fatalf("snapshot %+v", snap)
	}
	if got := snap.Instances[0]; got.ID != a.ID || got.PID != a.PID || got.Exit != nil || !got.Started.Equal(a.Started) {
		t.Errorf("%+v, want %+v", got, a)
	}
	if got := snap.Instances[1]; got.ID != b.ID || got.Exit == nil || got.Exit.Text != "exited with status 1" {
		t.Errorf("%+v", got)
	}
	if want := []wire.Memo{{Key: "a/0", Data: []byte("held")}, {Key: "b/0", Data: []byte("new")}}; len(snap.Memos) != 2 ||
		snap.Memos[0].Key != want[0].Key || string(snap.Memos[1].Data) != "new" {
		t.Errorf("memos %q", snap.Memos)
	}
	if got := n.output(n.attached[b.ID][0], ""); got != "last words\n" {
		t.Errorf("output %q", got)
	}
	if notice := await(t, n.notices, "a notice"); notice.Kind != "manager.restarted" || !strings.Contains(notice.Text, "killed by SIGKILL") {
		t.Errorf("%+v", notice)
	}
	// The new one is obeyed.
	n.must(wire.KindForget, wire.EncodeID(b.ID))
	n.output(n.attached[a.ID][0], "ready")
	n.must(wire.KindSignal, wire.SignalRequest{Instance: a.ID, Signal: uint8(unix.SIGTERM)}.Encode())
	n.exited(a.ID)
	n.must(wire.KindFinish, wire.EncodeStatus(0))
	if status, err := s.wait(); status != 0 || err != nil {
		t.Errorf("status %d, %v", status, err)
	}
}

// TestGarbage: one frame that is none, and the manager is another.
func TestGarbage(t *testing.T) {
	s := newResidentTest(t, planOf(quiet(t, "a")), nil)
	s.run()
	m := s.manager()
	i := m.start(1, "a", 0)
	frame := func(kind wire.Kind, body ...byte) []byte { return wire.Frame{Kind: kind, ID: 9, Body: body}.Encode() }
	for _, tt := range []struct {
		name string
		data []byte
		fds  []posix.FD
		says string
	}{
		{"half a header", []byte{1, 2, 3}, nil, "malformed message"},
		{"unknown kind", append([]byte{200}, make([]byte, 8)...), nil, "malformed message"},
		{"kind 0", make([]byte, 9), nil, "malformed message"},
		{"what only the spawner sends", frame(wire.KindHello), nil, "managers do not send that"},
		{"a reply", frame(wire.KindReply, 0, 0, 0, 0, 0, 0, 0, 0, 0), nil, "managers do not send that"},
		{"a pong that was not asked", frame(wire.KindPong), nil, "answers what was not asked"},
		{"a ping with a body", frame(wire.KindPing, 1), nil, "it has a body"},
		{"a prepare with a body", frame(wire.KindPrepare, 1), nil, "it has a body"},
		{"an empty start", frame(wire.KindStart), nil, "malformed message"},
		{"a start with more", append(wire.Frame{Kind: wire.KindStart, Body: wire.StartRequest{Generation: 1, Module: "a"}.Encode()}.Encode(), 0), nil, "left over"},
		{"signal 0", frame(wire.KindSignal, make([]byte, 9)...), nil, "signal 0"},
		{"a long memo", wire.Frame{Kind: wire.KindRemember, Body: wire.Memo{Key: "x", Data: make([]byte, wire.MaxMemo+1)}.Encode()}.Encode(), nil, "a memo of 1025 bytes"},
		{"a descriptor", frame(wire.KindPing), []posix.FD{0}, "descriptors came along"},
		{"too many descriptors", frame(wire.KindPing), slices.Repeat([]posix.FD{0}, 200), "descriptors came along"},
		{"a byte too much", append(frame(wire.KindPing), make([]byte, wire.MaxFrame-8)...), nil, "a frame of 65537 bytes"},
		{"far too much", append(frame(wire.KindPing), make([]byte, 2*wire.MaxFrame)...), nil, "more than 65536 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.poller.post(func() { s.restarts.last = 0 })
			if _, err := m.kernel.Sendmsg(m.fd, &posix.Msg{Data: tt.data, Control: posix.Rights(tt.fds...)}, unix.MSG_NOSIGNAL); err != nil {
				t.Fatal(err)
			}
			await(t, m.closed, "the end of the channel")
			m.close()
			m = s.manager()
			if n := await(t, m.notices, "a notice"); !strings.Contains(n.Text, tt.says) {
				t.Errorf("%q, want %q", n.Text, tt.says)
			}
			if len(m.snapshot.Instances) != 1 || m.snapshot.Instances[0].PID != i.PID || m.snapshot.Instances[0].Exit != nil {
				t.Errorf("the module is disturbed: %+v", m.snapshot.Instances)
			}
		})
	}
}

// TestManagerThatDoesNotListen: it asks and asks, and takes no answer.
func TestManagerThatDoesNotListen(t *testing.T) {
	s := newResidentTest(t, planOf(), nil).run()
	m := await(t, s.lives, "a manager") // it reads nothing
	t.Cleanup(m.close)
	for range 100 * maxUnanswered {
		ping := wire.Frame{Kind: wire.KindCommit, ID: 1, Body: wire.EncodeID(wire.GenerationID(5))}
		if _, err := m.kernel.Sendmsg(m.fd, &posix.Msg{Data: ping.Encode()}, unix.MSG_NOSIGNAL); err != nil {
			break
		}
	}
	n := s.manager()
	if got := await(t, n.notices, "a notice"); !strings.Contains(got.Text, "has more than 1024 requests open") {
		t.Errorf("%+v", got)
	}
}

// TestFlood: requests that are read as fast as they are answered are work, and others are served meanwhile.
func TestFlood(t *testing.T) {
	s := newResidentTest(t, planOf(shell("a", "exit 0")), nil).run()
	m := s.manager()
	for range 50 {
		var all []chan answered
		for range 100 {
			all = append(all, m.ask(wire.KindPing, nil))
		}
		for _, c := range all {
			await(t, c, "a pong")
		}
	}
	m.exited(m.start(1, "a", 0).ID)
}

// TestManagerClosesTheChannel: it is ended, and another one started.
func TestManagerClosesTheChannel(t *testing.T) {
	s := newResidentTest(t, planOf(), nil).run()
	m := s.manager()
	m.close()
	if n := s.manager(); n.pid == m.pid {
		t.Error("the same process")
	}
	if err := unix.Kill(m.pid, 0); !errors.Is(err, unix.ESRCH) {
		t.Errorf("the former manager: %v", err)
	}
}

// TestManagerHasEndedInTime: that the spawner is late does not make the manager late.
func TestManagerHasEndedInTime(t *testing.T) {
	s := newResidentTest(t, planOf(), nil).run()
	m := s.manager()
	s.poller.post(func() {
		s.Resident.status, s.stop.finishing = 7, true
		s.dismiss(s.Resident.manager)
		m.end()
		ended := []posix.PollFD{{FD: s.Resident.manager.process.Pidfd, Events: unix.POLLIN}}
		if n, err := s.kernel.Ppoll(ended, &posix.Timespec{Sec: int64(soon / time.Second)}); n != 1 || err != nil {
			t.Errorf("the manager's process has not ended: %v", err)
		}
		for _, a := range s.alarms.queue { // the rest of this turn takes longer than anything may
			a.at = time.Now()
		}
	})
	if status, err := s.wait(); status != 7 || err != nil || strings.Contains(s.logged(), "was killed") {
		t.Errorf("status %d, %v, and the log is\n%s", status, err, s.logged())
	}
}

// TestManagerCannotStart: that is the supervisor's own failure, and nothing is left.
func TestManagerCannotStart(t *testing.T) {
	s := newResidentTest(t, planOf(), func(s *resident) {
		s.startManager = func(posix.FD) (*Instance, error) { return nil, posix.Errno(unix.EAGAIN) }
	}).run()
	if _, err := s.wait(); !errors.Is(err, unix.EAGAIN) || !strings.Contains(err.Error(), "start the manager") {
		t.Errorf("%v", err)
	}
}

func TestRestartDelay(t *testing.T) {
	var d restartDelay
	var got []time.Duration
	for _, life := range []time.Duration{0, 0, time.Second, 0, 0, 0, 9 * time.Second, 0, 10 * time.Second, 0} {
		got = append(got, d.after(life))
	}
	ms := time.Millisecond
	if want := []time.Duration{100 * ms, 200 * ms, 400 * ms, 800 * ms, 1600 * ms, 3200 * ms, 5000 * ms, 5000 * ms, 100 * ms, 200 * ms}; !slices.Equal(got, want) {
		t.Errorf("%v", got)
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
