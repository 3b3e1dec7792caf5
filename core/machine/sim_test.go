package machine

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/core/event"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// epoch is when a world begins.
var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// conduct is how the processes of a version of a module behave.
type conduct struct {
	launchFails string
	ready       time.Duration // when it says so, or listens; never when negative
	lives       time.Duration // until it exits by itself; 0 for ever
	status      int32         // with which
	dies        time.Duration // from the stop signal to its end; never when negative
	abortDies   bool
	immortal    bool          // SIGKILL does not help
	hangs       time.Duration // after which it answers no probe and gives no sign of life; 0 for never
}

// process is an instance in the world.
type process struct {
	wire.Instance
	version  string
	module   string
	hung     bool
	signals  []uint8
	probes   int // number of the probe that is being made
	stopping bool
	forgot   bool
}

// occurrence is something that is going to happen.
type occurrence struct {
	at     time.Time
	serial int
	// mail is lost when the manager ends; everything else is not.
	mail bool
	do   func()
}

// world is a spawner with its processes, in virtual time.
type world struct {
	t        testing.TB
	now      time.Time
	m        *Machine
	ids      *event.IDs
	managers int
	serial   int
	coming   []occurrence

	current   wire.Outline
	prepared  *wire.Outline
	preparing bool
	policy    config // as it is on the disk
	lastGen   wire.GenerationID
	lastID    wire.InstanceID
	processes []*process
	memos     []wire.Memo
	stopping  bool
	finished  *uint8

	conducts map[string]conduct // by "module version" or "module"
	failSend int                // number of the request that fails; 0 for none
	failCode wire.ReplyCode
	sends    int
	ops      int
	dieAfter int        // number of the operation after which the manager is killed; 0 for none
	again    func() int // after how many more operations the next one is; nil for only once
	lives    int        // of managers that are left to be killed
	dead     bool
	failedOn wire.Kind

	transcript []string
	events     []api.Event
	results    map[Ticket][]api.Result
	probing    map[wire.InstanceID]int
}

// random is a deterministic source of bytes.
type random struct{ state uint64 }

func (r *random) Read(p []byte) (int, error) {
	for i := range p {
		r.state = r.state*6364136223846793005 + 1442695040888963407
		p[i] = byte(r.state >> 33)
	}
	return len(p), nil
}

func newWorld(t testing.TB, c config) *world {
	w := &world{t: t, now: epoch, policy: c, lastGen: 1, lastID: 100, conducts: map[string]conduct{}, results: map[Ticket][]api.Result{},
		probing: map[wire.InstanceID]int{}, ids: event.NewIDs(&random{1})}
	w.current = c.outline(1)
	return w
}

func (w *world) conduct(p *process) conduct {
	if c, ok := w.conducts[p.module+" "+p.version]; ok {
		return c
	}
	if c, ok := w.conducts[p.module]; ok {
		return c
	}
	return conduct{ready: 100 * time.Millisecond, dies: 50 * time.Millisecond}
}

func (w *world) after(d time.Duration, mail bool, do func()) {
	w.serial++
	w.coming = append(w.coming, occurrence{w.now.Add(d), w.serial, mail, do})
}

// begin starts a manager.
func (w *world) begin() {
	w.managers++
	w.dead = false
	w.coming = slices.DeleteFunc(w.coming, func(o occurrence) bool { return o.mail })
	w.probing = map[wire.InstanceID]int{}
	jitter := &random{uint64(w.managers)}
	w.m = New(Options{NewID: w.ids.New, PID: 40 + w.managers, Jitter: func() float64 {
		var b [1]byte
		_, _ = jitter.Read(b[:])
		return float64(b[0]) / 256
	}})
	s := wire.Snapshot{Options: wire.Options{Version: "1.0"}, PID: 7, Since: epoch, ManagerStarts: uint32(w.managers), Current: w.current, Prepared: w.prepared,
		Stopping: w.stopping, Memos: slices.Clone(w.memos)}
	for _, p := range w.processes {
		if !p.forgot {
			s.Instances = append(s.Instances, p.Instance)
		}
	}
	// What goes over the wire is what arrives.
	decoded, err := wire.DecodeSnapshot(s.Encode())
	if err != nil {
		w.t.Fatal(err)
	}
	w.step(Hello{Now{w.now}, decoded})
}

// step has the machine take an event, and carries its operations out.
func (w *world) step(e Event) {
	if w.dead || w.finished != nil {
		return
	}
	w.transcript = append(w.transcript, fmt.Sprintf("%v %T", w.now.Sub(epoch), e))
	for _, op := range w.m.Step(e) {
		w.ops++
		w.transcript = append(w.transcript, "  "+show(op))
		w.carryOut(op)
		if w.ops == w.dieAfter {
			w.dead = true
			if w.again != nil && w.lives > 0 {
				w.lives--
				w.dieAfter += w.again()
			}
			w.after(100*time.Millisecond, false, w.begin)
			return
		}
	}
	w.check()
}

// show returns an operation as text that is the same for the same operation.
func show(op Op) string {
	if s, ok := op.(Send); ok {
		return fmt.Sprintf("Send %d %s %q", s.Request, s.Kind, s.Body)
	}
	text, err := json.Marshal(op)
	return fmt.Sprintf("%T %s %v", op, text, err)
}

func (w *world) carryOut(op Op) {
	switch op := op.(type) {
	case Send:
		w.request(op)
	case Probe:
		w.probing[op.Instance]++
		w.probeNow(op, w.probing[op.Instance])
	case StopProbe:
		w.probing[op.Instance]++
	case Emit:
		w.events = append(w.events, op.Event)
		if op.Event.Kind == KindBug {
			w.t.Errorf("%v: %s", w.now.Sub(epoch), op.Event.Text)
		}
	case Resolve:
		w.results[op.Ticket] = append(w.results[op.Ticket], op.Result)
	}
}

func (w *world) probeNow(op Probe, serial int) {
	w.after(time.Millisecond, true, func() {
		p := w.find(op.Instance)
		if p == nil || p.Exit != nil || w.probing[op.Instance] != serial {
			return
		}
		c := w.conduct(p)
		ok := c.ready >= 0 && !w.now.Before(p.Started.Add(c.ready)) && !p.hung
		next := op
		w.after(op.Interval, true, func() {
			if w.probing[op.Instance] == serial {
				w.probeNow(next, serial)
			}
		})
		w.step(Probed{Now{w.now}, op.Instance, ok, "connection refused"})
	})
}

// check looks at what must always be true.
func (w *world) check() {
	if d := w.m.Deadline(); !d.IsZero() && !d.After(w.now) {
		w.t.Errorf("the deadline %v is over at %v", d.Sub(epoch), w.now.Sub(epoch))
	}
	// Two instances are in one place only while one replaces the other, and the machine knows both.
	known := map[string]int{}
	for _, s := range w.m.slots() {
		for _, c := range s.all() {
			if c.state.process() {
				known[fmt.Sprintf("%s[%d]", s.module.name, s.replica)]++
			}
		}
	}
	running := map[string]int{}
	for _, p := range w.processes {
		if p.Exit == nil {
			running[fmt.Sprintf("%s[%d]", p.module, p.Replica)]++
		}
	}
	for key, n := range running {
		if n > 2 || n > known[key] {
			w.t.Errorf("%v: %d instances of %s, of which the machine knows %d", w.now.Sub(epoch), n, key, known[key])
		}
	}
	for s, n := range w.m.count {
		if n < 0 {
			w.t.Errorf("%d instances are %s", n, State(s))
		}
	}
	for i, c := range w.m.timers {
		if c.timer != i {
			w.t.Errorf("%s is at %d of the timers, and thinks at %d", c.name(), i, c.timer)
		}
	}
}

// run lets the world go on for a while.
func (w *world) run(d time.Duration) {
	end := w.now.Add(d)
	for steps := 0; w.finished == nil; steps++ {
		if steps > 200_000 {
			w.t.Fatalf("no end: %s", strings.Join(w.transcript[len(w.transcript)-40:], "\n"))
		}
		next := -1
		for i, o := range w.coming {
			if next < 0 || o.at.Before(w.coming[next].at) || o.at.Equal(w.coming[next].at) && o.serial < w.coming[next].serial {
				next = i
			}
		}
		tick := time.Time{}
		if !w.dead {
			tick = w.m.Deadline()
		}
		switch {
		case !tick.IsZero() && (next < 0 || tick.Before(w.coming[next].at)) && !tick.After(end):
			w.now = tick
			w.step(Tick{Now{w.now}})
		case next >= 0 && !w.coming[next].at.After(end):
			o := w.coming[next]
			w.coming = slices.Delete(w.coming, next, next+1)
			w.now = o.at
			if !o.mail || !w.dead {
				o.do()
			}
		default:
			w.now = end
			return
		}
	}
}

// ask gives a command. While there is no manager nobody can.
func (w *world) ask(t Ticket, v Verb, dry bool, modules ...string) {
	w.step(Command{Now{w.now}, t, v, modules, dry})
}

// wish passes on a signal; the spawner keeps it for the next manager.
func (w *world) wish(v wire.Wish) {
	if v == wire.WishStop {
		w.stopping = true
	}
	w.step(Asked{Now{w.now}, v})
}

// result returns the only answer to a command.
func (w *world) result(t Ticket) api.Result {
	w.t.Helper()
	if n := len(w.results[t]); n != 1 {
		w.t.Fatalf("%d answers to command %d\n%s", n, t, w.tail())
	}
	return w.results[t][0]
}

func (w *world) tail() string {
	return strings.Join(w.transcript[max(0, len(w.transcript)-25):], "\n")
}

// settled checks that exactly what the configuration in force wants is running.
func (w *world) settled(except ...string) {
	w.t.Helper()
	wanted := map[string]string{}
	for _, m := range w.current.Modules {
		if slices.Contains(except, m.Name) {
			continue
		}
		for n := range m.Replicas {
			wanted[fmt.Sprintf("%s[%d]", m.Name, n)] = m.Command[1]
		}
	}
	for _, p := range w.processes {
		if p.Exit != nil || slices.Contains(except, p.module) {
			continue
		}
		key := fmt.Sprintf("%s[%d]", p.module, p.Replica)
		version, ok := wanted[key]
		if delete(wanted, key); !ok || version != p.version {
			w.t.Errorf("%s version %q of generation %d runs", key, p.version, p.Generation)
		}
	}
	if len(wanted) > 0 {
		w.t.Errorf("not running: %v", wanted)
	}
}

// kinds returns how many events of a kind there were.
func (w *world) kinds(kind string) int {
	n := 0
	for _, e := range w.events {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// texts returns the texts of the events of a kind.
func (w *world) texts(kind string) []string {
	var out []string
	for _, e := range w.events {
		if e.Kind == kind {
			out = append(out, e.Text)
		}
	}
	return out
}

// shutdown stops everything and checks that nothing is left.
func (w *world) shutdown() {
	w.t.Helper()
	w.wish(wire.WishStop)
	w.run(2 * time.Minute)
	if w.finished == nil {
		w.t.Errorf("it does not end; %d forgets\n%s", w.m.requests.forgets, w.tail())
		return
	}
	for _, p := range w.processes {
		if !p.forgot && w.failedOn != wire.KindForget {
			w.t.Errorf("%s[%d] was not forgotten", p.module, p.Replica)
		}
	}
}
