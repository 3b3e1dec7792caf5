package fault

import (
	"errors"
	"iter"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// sweepLimit is where a sweep gives up: what makes so many calls has no end of them.
const sweepLimit = 2_500

// Each sets a new rule for each round: in the first, the first call of those that rule is about fails, in the second the second, and so
// on, until a round in which none was left to fail. That round is the last, and is yielded like the others: nothing failed in it.
//
//	for n := range core.Each(fault.Nth(1, unix.EMFILE).Except(posix.OpClose)) {
//		err := start(core)
//		switch failed := core.Failed(); {
//		case len(failed) == 0: // the last round, in which it must work
//		…
//
// rule is one of [Nth], whose number does not matter. Afterwards nothing fails any more, and the last round can no longer be asked about.
func (d *Core) Each(rule Rule) iter.Seq[int] {
	return func(yield func(int) bool) {
		defer d.Set(0)
		for n := 1; n < sweepLimit; n++ {
			rule.kind, rule.n = nth, n
			d.Set(0, rule)
			if !yield(n) || len(d.Failed()) == 0 {
				return
			}
		}
		panic("fault.Core.Each: there is no end of calls.")
	}
}

// TB is the part of a test that [Sweep] needs; *testing.T has it.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
}

// Sweep does something again and again on top of next: in the n-th round, the n-th call that it makes fails with errno, until none is left.
// Whenever a call failed do must return an error that wraps errno, and in the last round, where nothing fails, none; else the test fails and
// the call is named. That do leaves nothing open is for it to check. The operations in spare never fail.
//
// It returns the calls that failed, so that a test can see that those it cares about were among them.
func Sweep(t TB, next posix.Core, errno posix.Errno, do func(core posix.Core) error, spare ...posix.Op) []Failure {
	t.Helper()
	core := New(next)
	var all []Failure
	for n := range core.Each(Nth(1, errno).Except(spare...)) {
		err := do(core)
		failed := core.Failed()
		switch {
		case len(failed) == 0 && err != nil:
			t.Errorf("round %d, in which nothing failed: %v", n, err)
		case len(failed) > 0 && err == nil:
			t.Errorf("%s: no error", failed[0])
		case len(failed) > 0 && !errors.Is(err, errno):
			t.Errorf("%s: %v, want %s in it", failed[0], err, unix.ErrnoName(errno))
		}
		all = append(all, failed...)
	}
	return all
}
