package logs

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/bulkhead/bulkhead/core/api"
)

// Bounds of the memory of the last lines.
const (
	// RingBytes is for all modules together; each has an equal share.
	RingBytes = 1 << 20
	// moduleBytes and leastBytes bound a module's share.
	moduleBytes = 64 << 10
	leastBytes  = 1 << 10
	// ahead is how many lines one who follows can be behind.
	ahead = 512
)

// Cut is the Stream of the last line of one who follows and does not keep up; its Module is empty.
const Cut = "cut"

// Ring keeps the last lines of each module. It is safe for concurrent use, and never waits for one who follows.
type Ring struct {
	mu      sync.Mutex // guards all of it
	share   int        // bytes of each module
	serial  uint64
	modules map[string]*tail
	subs    map[*follower]struct{}
	closed  bool
}

type follower struct {
	ch      chan api.LogLine
	modules []string // none means all
}

func (f *follower) wants(module string) bool {
	return len(f.modules) == 0 || slices.Contains(f.modules, module)
}

// NewRing returns a memory for no modules.
func NewRing() *Ring {
	return &Ring{share: moduleBytes, modules: map[string]*tail{}, subs: map[*follower]struct{}{}}
}

// SetModules names the modules that there are. The lines of others are forgotten.
func (r *Ring) SetModules(names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.share = min(moduleBytes, max(leastBytes, RingBytes/max(1, len(names))))
	for name, t := range r.modules {
		if !slices.Contains(names, name) {
			delete(r.modules, name)
			continue
		}
		t.shrink(r.share)
	}
}

// Add remembers a line and passes it on to those who follow.
func (r *Ring) Add(l Line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.serial++
	t := r.modules[l.Module]
	if t == nil {
		t = &tail{module: l.Module}
		r.modules[l.Module] = t
	}
	t.add(r.serial, l, r.share)
	var line api.LogLine // made when somebody wants it
	for f := range r.subs {
		if !f.wants(l.Module) {
			continue
		}
		if line.Stream == "" {
			line = l.api()
		}
		// One place is kept for the line that says that there is no place.
		if len(f.ch) < cap(f.ch)-1 {
			f.ch <- line
			continue
		}
		f.ch <- api.LogLine{Time: l.Time, Stream: Cut, Line: "lines come faster than they are read: some were left out from here on"}
		r.end(f)
	}
}

func (l Line) api() api.LogLine {
	return api.LogLine{Time: l.Time, Module: l.Module, Replica: l.Replica, PID: l.PID, Stream: l.Stream.String(), Line: string(l.Text)}
}

// Last returns the last n lines of some modules, of all when there are none named, in the order in which they came.
func (r *Ring) Last(modules []string, n int) []api.LogLine {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last(modules, n)
}

func (r *Ring) last(modules []string, n int) []api.LogLine {
	if n <= 0 {
		return nil
	}
	var records []record
	for name, t := range r.modules {
		if len(modules) == 0 || slices.Contains(modules, name) {
			records = append(records, t.last(n)...)
		}
	}
	slices.SortFunc(records, func(a, b record) int { return cmp.Compare(a.serial, b.serial) })
	if len(records) > n {
		records = records[len(records)-n:]
	}
	lines := make([]api.LogLine, len(records))
	for i, rec := range records {
		lines[i] = rec.line.api()
	}
	return lines
}

// Subscribe returns the last n lines of some modules, of all when there are none named, and then those that they write until ctx is done.
// The channel is closed then, when the follower does not keep up (after a line of stream [Cut]), and when the ring is closed. The last lines are in
// the channel when it is returned, so that one who does not want to follow can stop where there is nothing to be received.
func (r *Ring) Subscribe(ctx context.Context, modules []string, n int) <-chan api.LogLine {
	r.mu.Lock()
	defer r.mu.Unlock()
	lines := r.last(modules, n)
	f := &follower{ch: make(chan api.LogLine, len(lines)+ahead+1), modules: slices.Clone(modules)}
	for _, l := range lines {
		f.ch <- l
	}
	r.subs[f] = struct{}{}
	if r.closed || ctx.Err() != nil {
		r.end(f)
		return f.ch
	}
	context.AfterFunc(ctx, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.end(f)
	})
	return f.ch
}

func (r *Ring) end(f *follower) {
	if _, ok := r.subs[f]; ok {
		delete(r.subs, f)
		close(f.ch)
	}
}

// Close ends all who follow, and those to come.
func (r *Ring) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for f := range r.subs {
		r.end(f)
	}
}
