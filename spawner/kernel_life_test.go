package spawner

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// life is a manager: a process of the in-memory kernel whose requests the test makes.
type life struct {
	*fakeManager
	p *kernel.Process
}

// manage is the program of the managers. It keeps no descriptor that it is sent.
func (s *site) manage(p *kernel.Process, _, _ []string) int {
	l := &life{p: p, fakeManager: &fakeManager{t: s.t, kernel: p, replies: map[uint64]chan answered{}, closed: make(chan struct{})}}
	defer close(l.closed) // also when the process is killed within a call
	for {
		f, fds, err := l.receive()
		if err != nil {
			return 0
		}
		switch f.Kind {
		case wire.KindHello:
			if l.snapshot, err = wire.DecodeSnapshot(l.memory(fds[0])); err != nil {
				s.t.Error(err)
			}
			fds = fds[1:]
			s.lives <- l
		case wire.KindPing:
			l.send(wire.Frame{Kind: wire.KindPong, ID: f.ID})
		case wire.KindReply:
			r, err := wire.DecodeReply(f.Body)
			if err != nil {
				s.t.Error(err)
			}
			a := answered{Reply: r}
			if len(r.Payload) == 0 && len(fds) == 1 {
				a.Payload = l.memory(fds[0])
				fds = nil
			}
			l.mu.Lock()
			l.replies[f.ID] <- a
			l.mu.Unlock()
		case wire.KindExited:
			x, err := wire.DecodeExited(f.Body)
			if err != nil {
				s.t.Error(err)
			}
			s.exits <- x
		}
		for _, fd := range fds {
			_ = p.Close(fd)
		}
	}
}

// next returns a manager that serves, nil when the spawner has ended.
func (s *site) next() *life {
	s.t.Helper()
	select {
	case l := <-s.lives:
		return l
	case <-s.ended:
		return nil
	case <-time.After(soon):
		s.t.Fatalf("no manager was started; the log:\n%s", s.logged())
	}
	return nil
}

// ask sends a request and waits for the answer. It is not ok when the manager came to its end before.
func (l *life) ask(kind wire.Kind, body []byte) (a answered, ok bool) {
	l.t.Helper()
	to := make(chan answered, 1)
	l.mu.Lock()
	l.fakeManager.next++
	id := l.fakeManager.next
	l.replies[id] = to
	l.mu.Unlock()
	go l.send(wire.Frame{Kind: kind, ID: id, Body: body}) // which does not come back when the process is killed meanwhile
	select {
	case a := <-to:
		return a, true
	case <-l.closed:
		select {
		case a := <-to:
			return a, true
		default:
			return answered{}, false
		}
	case <-time.After(soon):
		l.t.Fatalf("no answer to %s", kind)
	}
	return answered{}, false
}

// done carries out a request, and returns what is said instead, and errGone when the manager came to its end before.
func (l *life) done(kind wire.Kind, body []byte) error {
	l.t.Helper()
	a, ok := l.ask(kind, body)
	switch {
	case !ok:
		return errGone
	case a.Code != wire.Done:
		return fmt.Errorf("%s: %s", kind, a.Text)
	}
	return nil
}

// address is where the web server's listener is.
func (s *site) address() netip.AddrPort { return netip.MustParseAddrPort("127.0.0.1:8080") }

// onLoop has the spawner's loop call f. It returns false when the spawner has ended.
func (s *site) onLoop(f func()) bool {
	s.t.Helper()
	done := make(chan struct{})
	s.poller.post(func() { f(); close(done) })
	select {
	case <-done:
		return true
	case <-s.ended:
		return false
	case <-time.After(soon):
		s.t.Fatalf("the loop does not answer; the log:\n%s", s.logged())
	}
	return false
}

// running are the instances that have not been forgotten, and which generation is in force.
func (s *site) running() (list []wire.Instance, current wire.GenerationID, prepared *wire.GenerationID) {
	s.onLoop(func() {
		current = s.current.id
		if s.prepared != nil {
			id := s.prepared.id
			prepared = &id
		}
		for _, i := range s.sortedInstances() {
			list = append(list, i.Instance)
		}
	})
	return list, current, prepared
}

// reload brings the policy in as it is now, as a manager does: the new web server is started before the old one is ended. It stops at the
// first thing that fails, and returns what was said.
func (s *site) reload(l *life) error {
	s.t.Helper()
	a, ok := l.ask(wire.KindPrepare, nil)
	switch {
	case !ok:
		return errGone
	case a.Code != wire.Done:
		return fmt.Errorf("prepare: %s", a.Text)
	}
	o, err := wire.DecodeOutline(a.Payload)
	if err != nil || o.Generation == 0 {
		return errors.Join(err, errors.New(o.Rendered))
	}
	for _, step := range []struct {
		kind wire.Kind
		body []byte
	}{
		{wire.KindListen, wire.EncodeID(o.Generation)},
		{wire.KindStart, wire.StartRequest{Generation: o.Generation, Module: "web"}.Encode()},
		{wire.KindCommit, wire.EncodeID(o.Generation)},
	} {
		if err := l.done(step.kind, step.body); err != nil {
			return err
		}
	}
	return nil
}

// tidy is what a manager does after a reload, whatever came of it: of the web servers that of the generation in force stays, and a generation that
// is still prepared is discarded. It returns the manager that serves then, nil when the spawner has ended.
func (s *site) tidy(l *life) *life {
	s.t.Helper()
	for {
		select {
		case <-l.closed:
			if l = s.next(); l == nil {
				return nil
			}
		case <-s.ended:
			return nil
		default:
		}
		again := false
		list, current, prepared := s.running()
		for _, i := range list {
			former := i.Module == "web" && i.Generation < current && serves(list, current)
			switch {
			case i.Exit != nil:
				again = l.done(wire.KindForget, wire.EncodeID(i.ID)) != nil || again
			case i.Generation > current || former:
				again = true
				_ = l.done(wire.KindKill, wire.EncodeID(i.ID))
			}
		}
		if prepared != nil && !again {
			again = true
			_ = l.done(wire.KindDiscard, wire.EncodeID(*prepared))
		}
		if !again {
			return l
		}
		time.Sleep(time.Millisecond)
	}
}

// serves tells whether a web server of a generation runs.
func serves(list []wire.Instance, g wire.GenerationID) bool {
	return slices.ContainsFunc(list, func(i wire.Instance) bool { return i.Generation == g && i.Module == "web" && i.Exit == nil })
}

// finish ends everything, and checks that nothing is left but the supervisor's process.
func (s *site) finish(l *life) {
	s.t.Helper()
	list, _, _ := s.running()
	for _, i := range list {
		if err := l.done(wire.KindSignal, wire.SignalRequest{Instance: i.ID, Signal: uint8(unix.SIGTERM)}.Encode()); err != nil {
			s.t.Error(err)
		}
	}
	for alive := true; alive; list, _, _ = s.running() {
		alive = slices.ContainsFunc(list, func(i wire.Instance) bool { return i.Exit == nil })
	}
	if err := l.done(wire.KindFinish, wire.EncodeStatus(3)); err != nil {
		s.t.Errorf("%v; the log:\n%s", err, s.logged())
	}
	await(s.t, s.ended, "the end of the spawner")
	if s.err != nil || s.status != 3 {
		s.t.Errorf("it ended with status %d, %v", s.status, s.err)
	}
	s.nothingLeft()
}

// nothingLeft checks what is on the machine when the spawner has ended.
func (s *site) nothingLeft() {
	s.t.Helper()
	close(s.stopped)
	for fd := range posix.FD(3) {
		s.Must(s.self.Close(fd))
	}
	want := map[string]bool{"process 1 (init)": true, "process 2 (supervisor)": true, "process 3 (init)": true, "control group /": true,
		"1 open files": true} // the file that the supervisor runs
	var left []string
	s.soon(func() bool {
		left = nil
		for _, line := range s.Inventory() {
			if !want[line] && !strings.HasPrefix(line, "mount") {
				left = append(left, line)
			}
		}
		return left == nil
	})
	if left != nil {
		s.t.Errorf("left on the machine:\n%s", strings.Join(left, "\n"))
	}
}

// soon waits until something holds: what other threads of the spawner have begun they end in a moment.
func (s *site) soon(holds func() bool) {
	for end := time.Now().Add(5 * time.Second); !holds() && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
}

// settled is the inventory when it has been the same for a while: what a start leaves to other threads is over then.
func (s *site) settled() []string {
	last, same := s.inventory(), 0
	s.soon(func() bool {
		time.Sleep(10 * time.Millisecond)
		now := s.inventory()
		if same++; !slices.Equal(now, last) {
			last, same = now, 0
		}
		return same == 5
	})
	return last
}
