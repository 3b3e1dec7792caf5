package machine

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// TestManagersEndAgainAndAgain: managers end one after the other, at any moment, while requests fail. When that is over everything comes to rest.
func TestManagersEndAgainAndAgain(t *testing.T) {
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(150) {
				r := rand.New(rand.NewPCG(seed, 7))
				w := newWorld(t, s.from)
				w.dieAfter = 1 + r.IntN(30)
				w.again = func() int { return 1 + r.IntN(40) }
				w.lives = 1 + r.IntN(6)
				s.perform(t, w)
				if t.Failed() {
					t.Fatalf("seed %d\n%s", seed, strings.Join(w.transcript, "\n"))
				}
			}
		})
	}
}

// junk is a source of events that have nothing to do with each other, or just enough to get deep.
type junk struct {
	bytes []byte
	now   time.Time
	sent  []Send
	ids   []wire.InstanceID
}

func (j *junk) byte() int {
	if len(j.bytes) == 0 {
		return 0
	}
	b := j.bytes[0]
	j.bytes = j.bytes[1:]
	return int(b)
}

func (j *junk) instance() wire.InstanceID {
	if b := j.byte(); b%8 > 0 && len(j.ids) > 0 {
		return j.ids[b%len(j.ids)]
	}
	return wire.InstanceID(j.byte())
}

func (j *junk) config() config {
	c := site()
	if b := j.byte(); b%16 == 0 {
		c.broken = true
	}
	version := string(rune('a' + j.byte()%3))
	for i := range c.modules {
		b := j.byte()
		if b&1 > 0 {
			c.modules[i].version = version
		}
		if b&2 > 0 {
			c.modules[i].replicas = 1 + b>>6
		}
		if b&4 > 0 {
			c.modules[i].restart = []string{"no", "on-failure", "always"}[b>>6%3%3]
		}
		if b&8 > 0 {
			c.modules[i].health = []string{"", "notify", "tcp"}[b>>6%3]
		}
		if b&16 > 0 {
			c.modules[i].order = []string{"start-first", "stop-first"}[b>>7]
		}
		if b&32 > 0 {
			c.modules[i].name += "x"
		}
	}
	return c
}

// event returns the next event.
func (j *junk) event() Event {
	j.now = j.now.Add(time.Duration(j.byte()*j.byte()) * time.Millisecond)
	now := Now{j.now}
	names := []string{"web", "db", "job", "still", "dbx", "nobody"}
	switch b := j.byte() % 16; b {
	case 0:
		return Tick{now}
	case 1, 2, 3, 4, 5:
		e := Replied{Now: now, Request: RequestID(j.byte()), Reply: wire.Reply{Code: wire.ReplyCode(max(j.byte()%8-5, 0)), Text: "text"}}
		if len(j.sent) == 0 {
			return e
		}
		at := 0
		if j.byte()%8 == 0 {
			at = j.byte() % len(j.sent)
		}
		s := j.sent[at]
		j.sent = append(j.sent[:at:at], j.sent[at+1:]...)
		e.Request = s.Request
		if s.Kind == wire.KindStart && j.byte()%8 > 0 {
			r, _ := wire.DecodeStart(s.Body)
			id := wire.InstanceID(1000 + len(j.ids))
			j.ids = append(j.ids, id)
			e.Instance = &wire.Instance{ID: id, Generation: r.Generation, Module: r.Module, Replica: r.Replica, PID: 9, Started: j.now}
		}
		if s.Kind == wire.KindPrepare && j.byte()%8 > 0 {
			o := j.config().outline(wire.GenerationID(2 + j.byte()))
			e.Outline = &o
		}
		return e
	case 6, 7:
		x := Exited{Now: now}
		x.Instance, x.Exit = j.instance(), wire.Exit{Code: int32(j.byte() % 3), Status: int32(j.byte() % 2), Text: "gone", At: j.now}
		return x
	case 8, 9:
		flags := j.byte()
		return Notified{Now: now, Instance: j.instance(), Ready: flags&1 > 0, Watchdog: flags&2 > 0, WatchdogT: time.Duration(flags>>4) * time.Second}
	case 10:
		return Probed{now, j.instance(), j.byte()%2 > 0, "refused"}
	case 11:
		return Asked{now, wire.Wish(j.byte() % 20 / 8)}
	case 12:
		return Noticed{now, wire.Notice{Kind: "listener.healed", Severity: uint8(j.byte()), Listener: "http", Instance: j.instance()}}
	case 13:
		return Observed{now, api.Event{Kind: "x", Instance: uint64(j.instance())}}
	default:
		c := Command{Now: now, Ticket: Ticket(j.byte()), Verb: Verb(j.byte() % 16 / 2), DryRun: j.byte()%4 == 0}
		if c.Verb == Shutdown && j.byte()%4 > 0 {
			c.Verb = Reload
		}
		for range j.byte() % 3 {
			c.Modules = append(c.Modules, names[j.byte()%len(names)])
		}
		return c
	}
}

// hello returns a snapshot with things in it that do not fit together.
func (j *junk) hello() Hello {
	s := wire.Snapshot{Current: j.config().outline(wire.GenerationID(1 + j.byte()%3)), ManagerStarts: uint32(j.byte())}
	if j.byte()%4 == 0 {
		o := j.config().outline(wire.GenerationID(j.byte() % 5))
		s.Prepared = &o
	}
	s.Stopping = j.byte()%32 == 1
	for range j.byte() % 8 {
		id := wire.InstanceID(1000 + len(j.ids))
		j.ids = append(j.ids, id)
		i := wire.Instance{ID: id, Generation: wire.GenerationID(j.byte() % 5), Module: []string{"web", "db", "other"}[j.byte()%3], Replica: uint32(j.byte() % 3), Started: j.now}
		if j.byte()%3 == 0 {
			i.Exit = &wire.Exit{Code: 1, Status: int32(j.byte() % 2)}
		}
		s.Instances = append(s.Instances, i)
	}
	for range j.byte() % 4 {
		key := []string{"slot/0/web", "slot/1/web", "slot/0/db", "stopped/web", "stopped/none", "up", "ending", "reload", "slot/x", ""}[j.byte()%10]
		v := slotMemo{state: State(j.byte() % int(states)), done: j.instance(), due: j.now.Add(time.Second)}
		data := v.encode()
		switch j.byte() % 4 {
		case 0:
			data = data[:j.byte()%len(data)]
		case 1:
			data = []byte{memoVersion, 3, 0, 0, 0, 0}
		}
		s.Memos = append(s.Memos, wire.Memo{Key: key, Data: data})
	}
	return Hello{Now{j.now}, s}
}

// play gives a machine what the bytes say and looks at what must always be true.
func (j *junk) play(t *testing.T) {
	m := New(Options{})
	tickets := map[Ticket]int{}
	take := func(e Event) {
		if c, ok := e.(Command); ok {
			tickets[c.Ticket]++
		}
		for _, op := range m.Step(e) {
			switch op := op.(type) {
			case Send:
				j.sent = append(j.sent, op)
			case Resolve:
				if tickets[op.Ticket]--; tickets[op.Ticket] < 0 {
					t.Fatalf("command %d is answered twice", op.Ticket)
				}
			}
		}
		if len(m.requests.pending)-len(m.requests.waiting) > mostPending {
			t.Fatalf("%d requests are not answered", len(m.requests.pending))
		}
		m.Status()
		if d := m.Deadline(); m.hello && !d.IsZero() && !d.After(m.now) {
			t.Fatalf("the deadline is %v, at %v", d, m.now)
		}
		balance(t, m)
	}
	if j.byte()%16 == 0 {
		take(j.event())
	}
	take(j.hello())
	for len(j.bytes) > 0 {
		take(j.event())
	}
}

// slots returns all slots, those of a reload that is under way included.
func (m *Machine) slots() []*slot {
	slots := m.everySlot()
	r := m.reload
	if r == nil || r.phase == draining {
		return slots
	}
	for _, mod := range r.added {
		if m.byName[mod.name] != mod {
			slots = append(slots, mod.slots...)
		}
	}
	for _, s := range r.extra {
		if s.replica >= len(s.module.slots) || s.module.slots[s.replica] != s {
			slots = append(slots, s)
		}
	}
	return slots
}

// balance checks that the instances of the slots are those that are counted.
func balance(t testing.TB, m *Machine) {
	t.Helper()
	var count [states]int
	if e := m.ending; e != nil {
		return // the groups that were dealt with are no longer there
	}
	for _, s := range m.slots() {
		for _, c := range s.all() {
			count[c.state]++
		}
	}
	if count != m.count {
		t.Fatalf("there are %v, and %v are counted", count, m.count)
	}
}

// TestJunk: whatever comes, a step does not panic.
func TestJunk(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		j := &junk{bytes: make([]byte, 20+r.IntN(1500)), now: epoch}
		for i := range j.bytes {
			j.bytes[i] = byte(r.Uint32())
		}
		all := j.bytes
		func() {
			defer func() {
				if p := recover(); p != nil {
					t.Errorf("panic: %v with %x", p, all)
					panic(p)
				}
			}()
			j.play(t)
		}()
	}
}

// FuzzStep does the same with bytes that lead to new places.
func FuzzStep(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		b := make([]byte, 400)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 4000 {
			return
		}
		(&junk{bytes: b, now: epoch}).play(t)
	})
}
