package spawner

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/spawner/compile"
	"github.com/bulkhead/bulkhead/spawner/listener"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// preparing is a reload of which the policies are being read or compiled.
type preparing struct {
	request uint64
	by      *manager // who wants to know
	sources []compile.Source
	limit   *alarm
	job     compilation // nil while the policies are read
}

// readLimit is how long the policies may take to be read.
const readLimit = 10 * time.Second

// Codes of problems that only the spawner sees.
const (
	codeListener   = "E650" // a listener that cannot be had
	codeResources  = "E651" // a limit that cannot be had
	codeUnreadable = "E652" // a policy that cannot be read, or that others may write
)

// compilation is a [compile.Job].
type compilation interface {
	Finish() (wire.Plan, compile.Record, error)
}

var (
	errReading   = errors.New("the policies are still being read for a former reload: their file system does not answer")
	errReserving = errors.New("unix sockets are still being made for a former reload: their file system does not answer")
)

// prepare reads and compiles the policies, while the loop goes on.
func (r *Resident) prepare(id uint64) {
	if r.preparing != nil && r.preparing.by == r.manager {
		r.refuse(id, "a reload is being prepared already")
		return
	}
	r.cancelPreparing() // of a manager that has died
	if g := r.prepared; g != nil {
		if i := r.runningOf(g.id); i != nil {
			r.refuse(id, "generation %d is prepared, and its instance %d still runs", g.id, i.ID)
			return
		}
		if err := r.discard(); err != nil {
			r.answer(id, fmt.Errorf("discard generation %d: %w", g.id, err))
			return
		}
	}
	if r.reading {
		r.answer(id, errReading)
		return
	}
	if r.reserving {
		r.answer(id, errReserving)
		return
	}
	p := &preparing{request: id, by: r.manager}
	r.preparing, r.reading = p, true
	p.limit = r.alarms.set(readLimit, func() {
		r.conclude(p, wire.Plan{}, fmt.Errorf("read the policies: their file system does not answer within %s", readLimit))
	})
	// Not one of the background's: it ends when the file system lets it.
	go func() {
		sources, err := r.Read()
		r.poller.post(func() { r.read(p, sources, err) })
	}()
}

// read goes on when the policies were read.
func (r *Resident) read(p *preparing, sources []compile.Source, err error) {
	r.reading = false
	if r.preparing != p {
		return
	}
	r.alarms.stop(p.limit)
	if err != nil {
		if r.concludes(p) {
			r.handOver(p, unreadable(r.Files, err))
		}
		return
	}
	p.sources = sources
	req := compile.Request{Sources: sources, Variables: r.Variables, Facts: r.Facts, Include: r.Include}
	p.job, err = r.beginCompile(req, func() { r.poller.post(func() { r.compiled(p) }) })
	if err != nil {
		r.conclude(p, wire.Plan{}, err)
	}
}

// compiled goes on when there is a plan, or there will be none.
func (r *Resident) compiled(p *preparing) {
	if r.preparing != p {
		return
	}
	plan, _, err := p.job.Finish()
	p.job = nil
	r.conclude(p, plan, err)
}

// cancelPreparing gives up what was begun, without an answer.
func (r *Resident) cancelPreparing() {
	p := r.preparing
	if p == nil {
		return
	}
	r.preparing = nil
	r.alarms.stop(p.limit)
	if p.job != nil {
		_, _, _ = p.job.Finish() // whatever it was going to say
	}
}

// conclude answers a request to prepare.
func (r *Resident) conclude(p *preparing, plan wire.Plan, err error) {
	switch {
	case err == nil && r.awaited(p):
		r.verify(p, plan)
	case r.concludes(p):
		r.answer(p.request, err)
	}
}

// awaited tells whether the manager that asked for a preparation still waits.
func (r *Resident) awaited(p *preparing) bool { return r.manager == p.by && r.manager.serves() }

// concludes ends the preparation, and tells whether the manager that asked for it still waits.
func (r *Resident) concludes(p *preparing) bool {
	r.preparing = nil
	r.restless()
	return r.awaited(p)
}

// handOver answers with an outline.
func (r *Resident) handOver(p *preparing, o wire.Outline) {
	fd, err := sealed(r.kernel, "bulkhead-outline", o.Encode())
	if err != nil {
		r.answer(p.request, errors.Join(err, r.discard()))
		return
	}
	r.reply(p.request, wire.Reply{}, fd)
}

// verify checks what only the spawner can see, and prepares the generation when nothing is wrong. All that is wrong is in the outline.
func (r *Resident) verify(p *preparing, plan wire.Plan) {
	var files []string
	for _, s := range p.sources {
		if s.Name != ManagerSource {
			files = append(files, s.Name)
		}
	}
	if plan.Diagnostics.HasErrors() {
		plan.Listeners, plan.Modules = nil, nil
		r.concludes(p)
		r.handOver(p, plan.Outline(0, files))
		return
	}
	// The manager that runs stays what it is until the supervisor is started again.
	if user, _, err := SplitManager(plan); err == nil {
		plan = user
	}
	problems := r.Host.admit(r.Facts, plan.Modules)
	g := newGeneration(r.lastGeneration+1, files, plan)
	missing, denied := r.takeOpen(g)
	conclude := func(all []reserved) {
		if !r.concludes(p) {
			go closeEach(r.kernel, all)
			return
		}
		denied = append(denied, r.adopt(g, all)...)
		slices.SortStableFunc(denied, func(a, b *listenerError) int { return cmp.Compare(g.place(a.listener), g.place(b.listener)) })
		for _, e := range denied {
			problems = append(problems, policy.Diagnostic{Code: codeListener, Message: fmt.Sprintf("listener %s: %v", e.listener.Name, e.err),
				Pos: e.listener.Pos, Width: len(e.listener.Name)})
		}
		if len(problems) > 0 {
			if err := r.closeOpened(g); err != nil {
				r.Log.Error("cannot close listeners of a configuration that is refused", "error", err)
			}
			r.handOver(p, refused(plan, files, p.sources, problems))
			return
		}
		r.lastGeneration, r.prepared = g.id, g
		r.handOver(p, g.outline)
	}
	if slices.ContainsFunc(missing, func(l policy.Listener) bool { return l.Network == "unix" }) {
		r.reserveAside(p, missing, conclude)
		return
	}
	conclude(reserveEach(r.kernel, missing))
}

// reserveAside makes sockets while the loop goes on: the path of a unix socket may be in a file system that does not answer.
func (r *Resident) reserveAside(p *preparing, missing []policy.Listener, then func([]reserved)) {
	r.reserving = true
	var begun atomic.Int32 // with how many
	p.limit = r.alarms.set(readLimit, func() {
		at := missing[max(begun.Load(), 1)-1]
		then([]reserved{{listener: at, err: fmt.Errorf("listen on %s: its file system does not answer within %s", listener.IdentityOf(at), readLimit)}})
	})
	// Not one of the background's: it ends when the file system lets it.
	go func() {
		var all []reserved
		for n := range missing {
			begun.Store(int32(n + 1))
			all = append(all, reserveEach(r.kernel, missing[n:n+1])...)
		}
		r.poller.post(func() {
			if r.preparing == p {
				r.reserving = false
				r.alarms.stop(p.limit)
				then(all)
				return
			}
			go func() { // nobody wants them any more
				closeEach(r.kernel, all)
				r.poller.post(func() { r.reserving = false })
			}()
		})
	}()
}

func closeEach(k Kernel, all []reserved) {
	for _, x := range all {
		if x.err == nil {
			_ = x.socket.Close(k) // what is left of it is a path that leads nowhere
		}
	}
}

// refused is the outline of a plan with problems that the compile process could not see.
func refused(plan wire.Plan, files []string, sources []compile.Source, problems policy.Diagnostics) wire.Outline {
	var text, machine strings.Builder
	text.WriteString(plan.Rendered)
	for _, d := range problems {
		var source []byte
		if at := slices.IndexFunc(sources, func(s compile.Source) bool { return s.Name == d.Pos.File }); at >= 0 {
			source = sources[at].Text
		}
		if err := policy.Render(&text, policy.Diagnostics{d}, source); err != nil {
			panic(err) // a strings.Builder takes everything
		}
	}
	if err := policy.RenderJSON(&machine, slices.Concat(plan.Diagnostics, problems)); err != nil {
		panic(err)
	}
	return wire.Outline{Files: files, Rendered: text.String(), JSON: machine.String()}
}

// unreadable is the outline when the policies cannot be read, or should not be.
func unreadable(files []string, err error) wire.Outline {
	var machine strings.Builder
	if err := policy.RenderJSON(&machine, policy.Diagnostics{{Code: codeUnreadable, Message: err.Error()}}); err != nil {
		panic(err) // a strings.Builder takes everything
	}
	return wire.Outline{Files: files, Rendered: fmt.Sprintf("%s[%s]: %v\n", policy.SeverityError, codeUnreadable, err), JSON: machine.String()}
}
