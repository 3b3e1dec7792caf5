package spawner

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

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
