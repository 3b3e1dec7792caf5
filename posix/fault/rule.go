package fault

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// maxErrno is the greatest errno that the kernel can return. Source: include/linux/err.h, MAX_ERRNO.
const maxErrno = 4095

// Call is a call as rules see it.
type Call struct {
	Op   posix.Op
	FD   posix.FD // as in [posix.Error]: what it works on or is relative to; posix.NoFD when there is none
	Path string   // as in [posix.Error]: the path, name or address it is about, or empty
}

// String returns "openat2 /etc/x", "read fd 7", "pipe2".
func (c Call) String() string {
	switch {
	case c.Path != "":
		return c.Op.String() + " " + c.Path
	case c.FD != posix.NoFD:
		return fmt.Sprintf("%s fd %d", c.Op, c.FD)
	}
	return c.Op.String()
}

// Failure is a call that was made to fail.
type Failure struct {
	Call
	N     int // which call it was since [Core.Set], counted from 1
	Errno posix.Errno
}

// String returns "call 3, openat2 /etc/x: EMFILE".
func (f Failure) String() string {
	return fmt.Sprintf("call %d, %s: %s", f.N, f.Call, unix.ErrnoName(f.Errno))
}

// Rule says which calls fail. The zero value is none; rules are made with [Nth], [Share], [Sequence] and [Always], and are values: On, Except
// and If return narrower ones.
type Rule struct {
	ops    []posix.Op // nil: every operation
	except []posix.Op
	match  func(Call) bool
	kind   kind
	n      int // of nth
	share  float64
	errnos []posix.Errno
}

type kind uint8

const (
	nth kind = iota + 1
	share
	sequence
	always
)

// Nth fails the n-th call that the rule is about, counted from 1, and no other.
func Nth(n int, errno posix.Errno) Rule { return Rule{kind: nth, n: n, errnos: []posix.Errno{errno}} }

// Share fails a share of the calls that the rule is about, between 0 and 1, chosen by the seed.
func Share(of float64, errno posix.Errno) Rule {
	return Rule{kind: share, share: of, errnos: []posix.Errno{errno}}
}

// Sequence answers the calls that the rule is about with one errno after the other, where 0 lets a call go on, and then leaves them alone.
func Sequence(errnos ...posix.Errno) Rule {
	return Rule{kind: sequence, errnos: slices.Clone(errnos)}
}

// Always fails every call that the rule is about.
func Always(errno posix.Errno) Rule { return Rule{kind: always, errnos: []posix.Errno{errno}} }

// On makes the rule be about these operations only. Without it, it is about all.
func (r Rule) On(ops ...posix.Op) Rule {
	r.ops = slices.Clone(ops)
	return r
}

// Except makes the rule not be about these operations.
func (r Rule) Except(ops ...posix.Op) Rule {
	r.except = slices.Clone(ops)
	return r
}

// If makes the rule be about those calls only for which match returns true. It must depend on nothing but the call, and must not make calls
// through the Core that asks it.
func (r Rule) If(match func(Call) bool) Rule {
	r.match = match
	return r
}

// check returns what is wrong with a rule.
func (r Rule) check() error {
	switch {
	case r.kind == 0:
		return fmt.Errorf("it is the zero Rule: use Nth, Share, Sequence or Always")
	case r.kind == nth && r.n < 1:
		return fmt.Errorf("there is no call number %d: they are counted from 1", r.n)
	case r.kind == share && !(r.share >= 0 && r.share <= 1):
		return fmt.Errorf("a share is between 0 and 1, not %v", r.share)
	}
	for _, op := range slices.Concat(r.ops, r.except) {
		if op < 1 || op >= posix.OpCount {
			return fmt.Errorf("%v does not exist", op)
		}
	}
	for _, errno := range r.errnos {
		if errno > maxErrno || errno == 0 && r.kind != sequence {
			return fmt.Errorf("%d is no errno", errno)
		}
	}
	return nil
}

// state is what a rule has seen.
type state struct {
	calls  int // that it is about
	random *rand.Rand
}

// answer counts a call, if the rule is about it, and returns how it is to fail, 0 for not at all.
func (r *Rule) answer(c Call, s *state) posix.Errno {
	if r.ops != nil && !slices.Contains(r.ops, c.Op) || slices.Contains(r.except, c.Op) || r.match != nil && !r.match(c) {
		return 0
	}
	s.calls++
	fails, i := true, 0
	switch r.kind {
	case nth:
		fails = s.calls == r.n
	case share:
		fails = s.random.Float64() < r.share
	case sequence:
		i = s.calls - 1
		fails = i < len(r.errnos)
	}
	if !fails {
		return 0
	}
	return r.errnos[i]
}

// newRun returns rules that have seen nothing yet. Each draws numbers of its own, so that another rule changes nothing for it.
func newRun(seed uint64, rules []Rule) *run {
	r := &run{rules: slices.Clone(rules), states: make([]state, len(rules))}
	for i := range r.rules {
		if err := r.rules[i].check(); err != nil {
			panic(fmt.Sprintf("fault.Core.Set: rule %d: %v.", i, err))
		}
		r.states[i].random = rand.New(rand.NewPCG(seed, uint64(i)))
	}
	return r
}
