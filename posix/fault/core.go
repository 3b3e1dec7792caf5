package fault

import (
	"sync"
	"sync/atomic"

	"github.com/bulkhead/bulkhead/posix"
)

// Core makes calls fail, and passes the others on to the layer below. Its methods are generated, but for Close.
type Core struct {
	next posix.Core
	run  atomic.Pointer[run] // nil without a plan
}

// New returns a layer on top of next that fails nothing until it is given a plan.
func New(next posix.Core) *Core { return &Core{next: next} }

// Name returns "fault".
func (d *Core) Name() string { return "fault" }

// Unwrap returns the layer below.
func (d *Core) Unwrap() posix.Core { return d.next }

// Set makes the calls from now on fail as rules say, with seed for those that fail a share of them. All counts begin at 0. Without rules
// nothing fails and nothing is counted. It panics when a rule cannot be: that is a mistake in a test.
func (d *Core) Set(seed uint64, rules ...Rule) {
	if len(rules) == 0 {
		d.run.Store(nil)
		return
	}
	d.run.Store(newRun(seed, rules))
}

// Calls returns how many calls that can fail were made since Set, those that failed included; 0 without rules.
func (d *Core) Calls() int {
	r := d.run.Load()
	if r == nil {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.calls
}

// Failed returns the calls that were made to fail since Set, in their order.
func (d *Core) Failed() []Failure {
	r := d.run.Load()
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Failure(nil), r.failed...)
}

// Close implements [posix.Files]. One that is made to fail closes the descriptor all the same, as the kernel does.
func (d *Core) Close(fd posix.FD) error {
	if d.Armed() {
		if err := d.fail(posix.OpClose, fd, ""); err != nil {
			_ = d.next.Close(fd) // what is returned is the fault
			return err
		}
	}
	return d.next.Close(fd)
}

// Armed tells whether there are rules.
func (d *Core) Armed() bool { return d.run.Load() != nil }

// fail returns the errno that a call is to fail with, nil for none.
//
//go:noinline
func (d *Core) fail(op posix.Op, fd posix.FD, path string) error {
	r := d.run.Load()
	if r == nil {
		return nil
	}
	if errno := r.call(Call{Op: op, FD: fd, Path: path}); errno != 0 {
		return errno
	}
	return nil
}

// run is the state of a plan.
type run struct {
	rules []Rule

	mu     sync.Mutex // guards what follows
	states []state    // of rules
	calls  int
	failed []Failure
}

// call counts a call and returns how it is to fail, 0 for not at all. Every rule sees every call, so what one rule does to it does not
// depend on the others; the first that fails it says with what.
func (r *run) call(c Call) posix.Errno {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls++
	var errno posix.Errno
	for i := range r.rules {
		if e := r.rules[i].answer(c, &r.states[i]); errno == 0 {
			errno = e
		}
	}
	if errno != 0 {
		r.failed = append(r.failed, Failure{Call: c, N: r.calls, Errno: errno})
	}
	return errno
}
