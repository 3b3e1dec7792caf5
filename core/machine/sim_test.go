package machine

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/core/event"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// epoch is when a world begins.
var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// spec is a module of a configuration in a test.
type spec struct {
	name      string
	version   string // another one is another launch program
	order     string // default "stop-first"
	health    string // "", "notify" or "tcp"
	restart   string // default "on-failure"
	replicas  int    // default 1
	grace     time.Duration
	watchdog  time.Duration
	listeners []string
	signal    int // default SIGTERM
}

// config is a configuration without its number.
type config struct {
	modules   []spec
	listeners []string // "name:port"
	broken    bool     // has errors
}

func (v spec) module() wire.Module {
	m := wire.Module{Name: v.name, Pos: policy.Pos{File: "t.yaml", Line: 5, Col: 1}, Command: []string{"/bin/" + v.name, v.version}, Replicas: max(v.replicas, 1),
		UpdateOrder: v.order, StopSignal: max(v.signal, 0), StopGracePeriod: v.grace, Listeners: v.listeners,
		Restart: wire.Restart{Policy: v.restart, Delay: 200 * time.Millisecond, MaxDelay: 10 * time.Second, Burst: 5, Window: time.Minute, ResetAfter: 10 * time.Second},
		Health:  wire.Health{Kind: v.health, Interval: 5 * time.Second, Timeout: time.Second, Retries: 3, Watchdog: v.watchdog}}
	if m.StopSignal == 0 {
		m.StopSignal = 15
	}
	if m.UpdateOrder == "" {
		m.UpdateOrder = "stop-first"
	}
	if m.StopGracePeriod == 0 {
		m.StopGracePeriod = 2 * time.Second
	}
	if m.Restart.Policy == "" {
		m.Restart.Policy = "on-failure"
	}
	if v.health != "" {
		m.Health.StartTimeout = 3 * time.Second
	}
	if v.health == "tcp" {
		m.Health.Addr = netip.MustParseAddrPort("127.0.0.1:9000")
	}
	at := policy.Pos{File: "t.yaml", Line: 7, Col: 1}
	m.Sections = []policy.Section{{Key: "command", Pos: at, Items: m.Command}, {Key: "replicas", Pos: at, Items: []string{fmt.Sprint(m.Replicas)}},
		{Key: "stop_signal", Pos: at, Items: []string{fmt.Sprint(m.StopSignal)}}, {Key: "update_config", Pos: at, Items: []string{m.UpdateOrder}},
		{Key: "healthcheck", Pos: at, Items: []string{v.health}}, {Key: "resources", Pos: at, Items: []string{"memory.max 64M"}}}
	copy(m.Digest[:], v.version)
	return m
}

func (c config) outline(g wire.GenerationID) wire.Outline {
	o := wire.Outline{Generation: g, Files: []string{"t.yaml"}}
	if c.broken {
		return wire.Outline{Rendered: "error[E201]: unknown system call\n  t.yaml:1:1\n", JSON: `[{"code":"E201"}]`}
	}
	for _, l := range c.listeners {
		name, port, _ := strings.Cut(l, ":")
		o.Listeners = append(o.Listeners, policy.Listener{Name: name, Network: "tcp", Addr: netip.MustParseAddrPort("127.0.0.1:" + port)})
	}
	for _, v := range c.modules {
		o.Modules = append(o.Modules, v.module())
	}
	return o
}

// conduct is how the processes of a version of a module behave.
type conduct struct {
	launchFails string
	ready       time.Duration // when it says so, or listens; never when negative
	lives       time.Duration // until it exits by itself; 0 for ever
	status      int32         // with which
	dies        time.Duration // from the stop signal to its end; never when negative
	abortDies   bool
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

func (w *world) find(id wire.InstanceID) *process {
	for _, p := range w.processes {
		if p.ID == id && !p.forgot {
			return p
		}
	}
	return nil
}

// live returns the processes that run in a slot.
func (w *world) live(module string, replica uint32) []*process {
	var out []*process
	for _, p := range w.processes {
		if p.module == module && p.Replica == replica && p.Exit == nil {
			out = append(out, p)
		}
	}
	return out
}

// reply sends an answer, a little later.
func (w *world) reply(s Send, r wire.Reply, instance *wire.Instance, outline *wire.Outline) {
	w.after(time.Millisecond, true, func() { w.step(Replied{Now{w.now}, s.Request, r, instance, outline}) })
}

func (w *world) request(s Send) {
	w.sends++
	if w.sends == w.failSend {
		w.failedOn = s.Kind
		w.reply(s, wire.Reply{Code: w.failCode, Text: "injected"}, nil, nil)
		return
	}
	r, i, o := w.serveRequest(s)
	if s.Kind == wire.KindPrepare && r.Code == wire.Done {
		return // answered later
	}
	w.reply(s, r, i, o)
}

func (w *world) serveRequest(s Send) (wire.Reply, *wire.Instance, *wire.Outline) {
	refused := func(format string, args ...any) (wire.Reply, *wire.Instance, *wire.Outline) {
		return wire.Reply{Code: wire.Refused, Text: fmt.Sprintf(format, args...)}, nil, nil
	}
	must := func(err error) {
		if err != nil {
			w.t.Errorf("%s: %v", s.Kind, err)
		}
	}
	switch s.Kind {
	case wire.KindPrepare:
		if w.preparing {
			return refused("a generation is being prepared")
		}
		if w.prepared != nil && w.liveOf(w.prepared.Generation) {
			w.t.Error("a generation is prepared while instances of another one run")
		}
		w.preparing, w.prepared = true, nil
		c := w.policy
		w.after(5*time.Millisecond, false, func() {
			w.preparing = false
			o := c.outline(0)
			if !c.broken {
				w.lastGen++
				o.Generation = w.lastGen
				w.prepared = &o
			}
			w.reply(s, wire.Reply{}, nil, &o)
		})
	case wire.KindListen:
		id, err := wire.DecodeID[wire.GenerationID](s.Body)
		must(err)
		if w.prepared == nil || w.prepared.Generation != id {
			return refused("no generation %d is prepared", id)
		}
	case wire.KindCommit:
		id, err := wire.DecodeID[wire.GenerationID](s.Body)
		must(err)
		if w.prepared == nil || w.prepared.Generation != id {
			return refused("no generation %d is prepared", id)
		}
		w.current, w.prepared = *w.prepared, nil
	case wire.KindDiscard:
		id, err := wire.DecodeID[wire.GenerationID](s.Body)
		must(err)
		if w.prepared == nil || w.prepared.Generation != id {
			return refused("no generation %d is prepared", id)
		}
		if w.liveOf(id) {
			w.t.Errorf("generation %d is discarded while it runs", id)
			return refused("it runs")
		}
		w.prepared = nil
	case wire.KindStart:
		return w.launch(s)
	case wire.KindSignal:
		r, err := wire.DecodeSignal(s.Body)
		must(err)
		p := w.find(r.Instance)
		if p == nil || p.Exit != nil {
			return refused("no instance %d", r.Instance)
		}
		w.signal(p, r.Signal)
	case wire.KindKill:
		id, err := wire.DecodeID[wire.InstanceID](s.Body)
		must(err)
		p := w.find(id)
		if p == nil || p.Exit != nil {
			return refused("no instance %d", id)
		}
		p.signals = append(p.signals, 9)
		w.after(time.Millisecond, false, func() { w.exit(p, 2, 9, "killed by SIGKILL") })
	case wire.KindForget:
		id, err := wire.DecodeID[wire.InstanceID](s.Body)
		must(err)
		p := w.find(id)
		if p == nil || p.Exit == nil {
			w.t.Errorf("instance %d is forgotten: %+v", id, p)
			return refused("no instance %d", id)
		}
		p.forgot = true
	case wire.KindRemember:
		memo, err := wire.DecodeMemo(s.Body)
		must(err)
		if len(memo.Data) > wire.MaxMemo || len(memo.Key) > wire.MaxKey {
			w.t.Errorf("a memo of %d bytes under a key of %d", len(memo.Data), len(memo.Key))
		}
		w.memos = slices.DeleteFunc(w.memos, func(o wire.Memo) bool { return o.Key == memo.Key })
		if len(memo.Data) > 0 {
			w.memos = append(w.memos, memo)
		}
	case wire.KindFinish:
		status, err := wire.DecodeStatus(s.Body)
		must(err)
		w.finished = &status
		for _, p := range w.processes {
			if p.Exit == nil {
				w.t.Errorf("finished while %s[%d] runs", p.module, p.Replica)
			}
		}
	default:
		w.t.Errorf("a request of kind %s", s.Kind)
	}
	return wire.Reply{}, nil, nil
}

func (w *world) liveOf(g wire.GenerationID) bool {
	return slices.ContainsFunc(w.processes, func(p *process) bool { return p.Generation == g && p.Exit == nil })
}

func (w *world) launch(s Send) (wire.Reply, *wire.Instance, *wire.Outline) {
	r, err := wire.DecodeStart(s.Body)
	if err != nil {
		w.t.Error(err)
	}
	var spec *wire.Module
	for _, o := range []*wire.Outline{&w.current, w.prepared} {
		if o == nil || o.Generation != r.Generation {
			continue
		}
		for i := range o.Modules {
			if o.Modules[i].Name == r.Module && int(r.Replica) < o.Modules[i].Replicas {
				spec = &o.Modules[i]
			}
		}
	}
	if spec == nil {
		w.t.Errorf("%v: %s[%d] of generation %d is started, which is not there", w.now.Sub(epoch), r.Module, r.Replica, r.Generation)
		return wire.Reply{Code: wire.Refused, Text: "no such module"}, nil, nil
	}
	w.lastID++
	p := &process{Instance: wire.Instance{ID: w.lastID, Generation: r.Generation, Module: r.Module, Replica: r.Replica, PID: uint32(w.lastID), Started: w.now,
		Launch: time.Millisecond}, version: spec.Command[1], module: r.Module}
	c := w.conduct(p)
	if c.launchFails != "" {
		return wire.Reply{Code: wire.Failed, Text: c.launchFails}, nil, nil
	}
	others := w.live(r.Module, r.Replica)
	if len(others) > 0 && spec.UpdateOrder != "start-first" {
		w.t.Errorf("%v: %s[%d] is started beside %+v", w.now.Sub(epoch), r.Module, r.Replica, others[0])
	}
	w.processes = append(w.processes, p)
	if c.lives > 0 {
		w.after(c.lives, false, func() {
			text := "exited"
			if c.status != 0 {
				text = fmt.Sprintf("exited with status %d", c.status)
			}
			w.exit(p, 1, c.status, text)
		})
	}
	if spec.Health.Kind == "notify" && c.ready >= 0 {
		w.say(p, c.ready, true)
		if c.hangs > 0 || spec.Health.Watchdog > 0 {
			w.pulse(p, spec.Health.Watchdog/2)
		}
	}
	if c.hangs > 0 {
		w.after(c.hangs, false, func() { p.hung = true })
	}
	i := p.Instance
	return wire.Reply{}, &i, nil
}

// say has a process notify. A message waits in its socket while there is no manager.
func (w *world) say(p *process, d time.Duration, ready bool) {
	w.after(d, false, func() { w.deliver(p, ready) })
}

func (w *world) deliver(p *process, ready bool) {
	if p.Exit != nil {
		return
	}
	if w.dead {
		w.say(p, 10*time.Millisecond, ready)
		return
	}
	status := "well"
	w.step(Notified{Now: Now{w.now}, Instance: p.ID, Ready: ready, Watchdog: !ready, Status: &status})
}

func (w *world) pulse(p *process, every time.Duration) {
	if every <= 0 {
		return
	}
	w.after(every, false, func() {
		if p.Exit != nil || p.hung || w.finished != nil {
			return
		}
		w.deliver(p, false)
		w.pulse(p, every)
	})
}

func (w *world) signal(p *process, number uint8) {
	p.signals = append(p.signals, number)
	c := w.conduct(p)
	switch {
	case number == 6 && c.abortDies:
		w.after(time.Millisecond, false, func() { w.exit(p, 3, 6, "killed by SIGABRT, with a core dump") })
	case number != 6 && c.dies >= 0:
		w.after(c.dies, false, func() { w.exit(p, 1, 0, "exited") })
	}
}

func (w *world) exit(p *process, code, status int32, text string) {
	if p.Exit != nil {
		return
	}
	p.Exit = &wire.Exit{Code: code, Status: status, Text: text, At: w.now}
	exit := *p.Exit
	w.after(0, true, func() { w.step(Exited{Now{w.now}, wire.ExitedEvent{Instance: p.ID, Exit: exit}}) })
}

// check looks at what must always be true.
func (w *world) check() {
	if d := w.m.Deadline(); !d.IsZero() && !d.After(w.now) {
		w.t.Errorf("the deadline %v is over at %v", d.Sub(epoch), w.now.Sub(epoch))
	}
	for _, p := range w.processes {
		if n := len(w.live(p.module, p.Replica)); n > 2 {
			w.t.Errorf("%v: %d instances of %s[%d]", w.now.Sub(epoch), n, p.module, p.Replica)
		}
	}
	total := 0
	for s, n := range w.m.count {
		if n < 0 {
			w.t.Errorf("%d instances are %s", n, State(s))
		}
		total += n
	}
	for i, c := range w.m.timers {
		if c.timer != i {
			w.t.Errorf("%s is at %d of the timers, and thinks at %d", c.name(), i, c.timer)
		}
	}
	_ = total
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
