package reach

import (
	"fmt"
	"slices"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// Set is what a decision function answers for every system call, and where in a policy that is written. It keeps what it was asked for, so
// only one goroutine may use it at a time.
type Set struct {
	decision *seccomp.Decision
	section  policy.Seccomp
	cases    map[callID][]seccomp.Case
}

type callID struct {
	arch seccomp.Arch
	nr   uint32
}

// maxCases bounds the parts into which a call's arguments fall.
const maxCases = 1 << 14

// Open tells whether an answer lets a call through: allow, and log, which does too.
func Open(answer uint32) bool {
	action := bpf.Action(answer)
	return action == bpf.RetAllow || action == bpf.RetLog
}

// Closed is the reverse of Open.
func Closed(answer uint32) bool { return !Open(answer) }

// New resolves the section. Its errors have places.
func New(s policy.Seccomp) (*Set, error) {
	decision, err := seccomp.Resolve(s)
	if err != nil {
		return nil, err
	}
	return &Set{decision, s, map[callID][]seccomp.Case{}}, nil
}

// Decision returns the decision function.
func (s *Set) Decision() *seccomp.Decision { return s.decision }

// Want returns what the decision function answers for a call.
func (s *Set) Want(d bpf.Data) uint32 { return s.decision.Want(d) }

// Arches returns the architectures that are open.
func (s *Set) Arches() []seccomp.Arch { return s.decision.Arches() }

// Other returns a call that no table has, on an architecture that is open.
func (s *Set) Other() (bpf.Data, seccomp.Arch) {
	arch := seccomp.Native()
	if open := s.Arches(); len(open) > 0 && !slices.Contains(open, arch) {
		arch = open[0]
	}
	d := bpf.Data{Arch: arch.Audit(), Nr: unknownNumber}
	if arch == seccomp.X32 {
		d.Nr |= x32Bit
	}
	return d, arch
}

// A number of no system call, and the bit that the numbers of x32 have. Source: asm/unistd.h.
const (
	unknownNumber = 0x3ffffffe
	x32Bit        = 0x40000000
)

// Allowed returns a call of the region that is let through, and whether there is one; a nil region is every call of the name.
func (s *Set) Allowed(arch seccomp.Arch, call string, region *policy.Condition) (bpf.Data, bool, error) {
	return s.Find(arch, call, region, Open)
}

// Find returns a call of the region with an answer that is wanted, and whether there is one. An architecture that does not have the call
// has none.
func (s *Set) Find(arch seccomp.Arch, call string, region *policy.Condition, wanted func(answer uint32) bool) (bpf.Data, bool, error) {
	nr, has := arch.Number(call)
	if !has {
		return bpf.Data{}, false, nil
	}
	fail := func(err error) error {
		return fmt.Errorf("decide which calls of %s on %s are allowed: %w", call, arch, err)
	}
	cases, known := s.casesOf(arch, nr)
	if !known {
		return bpf.Data{}, false, fail(ErrTooHard)
	}
	for _, part := range cases {
		if !wanted(part.Answer) {
			continue
		}
		args, found, err := Solve(And(region, In(part.Region)))
		if err != nil {
			return bpf.Data{}, false, fail(err)
		}
		if !found {
			continue
		}
		d := bpf.Data{Nr: nr, Arch: arch.Audit(), Args: args, IP: part.IPValue}
		if answer := s.Want(d); !wanted(answer) {
			return d, false, fmt.Errorf("%s on %s with arguments %#x is answered with %s, not as its cases say; this is a bug of ours, please report it",
				call, arch, args, bpf.Describe(answer))
		}
		return d, true, nil
	}
	return bpf.Data{}, false, nil
}

// Cases returns what is answered for a call: cases that do not overlap and are together all arguments. It is false for a call that the
// architecture lacks, and for one with too many cases.
func (s *Set) Cases(arch seccomp.Arch, call string) ([]seccomp.Case, bool) {
	nr, has := arch.Number(call)
	if !has {
		return nil, false
	}
	return s.casesOf(arch, nr)
}

func (s *Set) casesOf(arch seccomp.Arch, nr uint32) ([]seccomp.Case, bool) {
	id := callID{arch, nr}
	cases, known := s.cases[id]
	if !known {
		if answer, always := s.decision.Always(arch, nr); always {
			cases = []seccomp.Case{{Answer: answer}}
		} else {
			cases = s.decision.Cases(arch, nr, maxCases)
		}
		s.cases[id] = cases
	}
	return cases, len(cases) > 0
}

// In returns where the arguments are those of a region.
func In(r seccomp.Region) *policy.Condition {
	var terms []*policy.Condition
	for arg, mask := range r.Mask {
		if mask != 0 {
			terms = append(terms, Masked(arg, 64, mask, r.Value[arg]))
		}
	}
	return And(terms...)
}

// Place returns where it is written that a call gets its answer: the rule, or what the section says of the rest.
func (s *Set) Place(arch seccomp.Arch, d bpf.Data) policy.Pos {
	if rule, found := s.Rule(arch, d); found {
		return rule.Pos
	}
	if arch.CallName(d.Nr) == "" {
		return at(s.section.Default.Pos, s.section.Pos)
	}
	return at(s.section.Denied.Pos, s.section.Pos)
}

// Rule returns the rule that gives a call its answer, if there is one.
func (s *Set) Rule(arch seccomp.Arch, d bpf.Data) (policy.Call, bool) {
	rules := s.section.Deny
	if Open(s.Want(d)) {
		rules = s.section.Allow
	}
	var candidates []policy.Call
	for _, rule := range rules {
		if rule.Name == arch.CallName(d.Nr) {
			candidates = append(candidates, rule)
		}
	}
	for _, rule := range candidates {
		if len(candidates) == 1 || s.answers(rule, d) {
			return rule, true
		}
	}
	return policy.Call{}, false
}

// answers tells whether a rule alone would give the call its answer.
func (s *Set) answers(rule policy.Call, d bpf.Data) bool {
	alone := s.section
	alone.Allow, alone.Deny = nil, nil
	if Open(s.Want(d)) {
		alone.Allow = []policy.Call{rule}
	} else {
		alone.Allow, alone.Deny = []policy.Call{{Name: rule.Name, Pos: rule.Pos}}, []policy.Call{rule}
	}
	decision, err := seccomp.Resolve(alone)
	return err == nil && decision.Want(d) == s.Want(d)
}

// at returns the first place that is one.
func at(a, b policy.Pos) policy.Pos {
	if a.Line != 0 {
		return a
	}
	return b
}
