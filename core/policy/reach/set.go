package reach

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// decider is the decision function that the filter is compiled from.
type decider interface{ Want(bpf.Data) uint32 }

// Set is what the seccomp section of a module answers for every system call.
type Set struct {
	decision  decider
	section   policy.Seccomp
	open      []seccomp.Arch
	pieces    map[callID][]Piece
	otherCall uint32 // the answer for numbers that no table has
}

type callID struct {
	arch seccomp.Arch
	call string
}

// Piece is a part of what a policy says of a call. Of several, the first whose condition holds counts.
type Piece struct {
	When   *policy.Condition // nil: always
	Answer uint32            // bpf.Ret…
	Rule   *policy.Call      // nil: no rule, so Denied of the section
	Pos    policy.Pos        // of the rule, or of the section's denied
}

// Open tells whether an answer lets a call through: allow, and log, which does too.
func Open(answer uint32) bool {
	action := bpf.Action(answer)
	return action == bpf.RetAllow || action == bpf.RetLog
}

// New resolves the section. Its errors have places.
func New(s policy.Seccomp) (*Set, error) {
	decision, err := seccomp.Resolve(s)
	if err != nil {
		return nil, err
	}
	set := &Set{decision: decision, section: s, pieces: map[callID][]Piece{}}
	var errs []error
	for _, name := range s.Architectures {
		arch, known := seccomp.Native(), true
		if name.V != "native" {
			arch, known = seccomp.ArchByName(name.V)
		}
		if !known {
			errs = append(errs, fmt.Errorf("%s: architecture %q has no table", name.Pos, name.V))
			continue
		}
		set.open = append(set.open, arch)
		errs = append(errs, set.add(arch, s.Deny, true), set.add(arch, s.Allow, false))
	}
	slices.Sort(set.open)
	set.open = slices.Compact(set.open)
	if len(set.open) > 0 {
		set.otherCall = decision.Want(bpf.Data{Arch: set.open[0].Audit(), Nr: UnknownNumber})
	}
	return set, errors.Join(errs...)
}

// UnknownNumber is the number of no system call, and without the bit of x32.
const UnknownNumber = 0x3ffffffe

// add appends the pieces of one list to what is there: deny comes first, because it beats allow.
func (s *Set) add(arch seccomp.Arch, rules []policy.Call, deny bool) error {
	var errs []error
	for i := range rules {
		rule := &rules[i]
		if _, has := arch.Number(rule.Name); !has {
			continue
		}
		when, err := lower(rule, arch)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		answer := bpf.RetAllow
		if deny {
			answer = answerOf(s.section.Denied, bpf.RetErrno|1)
			if rule.Answer != nil {
				answer = answerOf(policy.Value[policy.Action]{V: *rule.Answer, Pos: rule.Pos}, answer)
			}
		}
		id := callID{arch, rule.Name}
		s.pieces[id] = append(s.pieces[id], Piece{When: when, Answer: answer, Rule: rule, Pos: rule.Pos})
	}
	return errors.Join(errs...)
}

// answerOf returns the answer that an action stands for. Package seccomp has checked the action.
func answerOf(a policy.Value[policy.Action], otherwise uint32) uint32 {
	if !a.Set() && a.V == (policy.Action{}) {
		return otherwise
	}
	switch a.V.Kind {
	case policy.ActionKillProcess:
		return bpf.RetKillProcess
	case policy.ActionKillThread:
		return bpf.RetKillThread
	case policy.ActionTrap:
		return bpf.RetTrap
	case policy.ActionLog:
		return bpf.RetLog
	case policy.ActionAllow:
		return bpf.RetAllow
	default:
		return bpf.RetErrno | uint32(a.V.Errno)
	}
}

// Want returns what the decision function answers for a call.
func (s *Set) Want(d bpf.Data) uint32 { return s.decision.Want(d) }

// Arches returns the architectures whose calls are not all answered with kill_process, sorted.
func (s *Set) Arches() []seccomp.Arch { return slices.Clone(s.open) }

// Other returns the answer for numbers that no table has, and where it is written.
func (s *Set) Other() (uint32, policy.Pos) { return s.otherCall, at(s.section.Default.Pos, s.section.Pos) }

// Named returns the calls of an architecture that a rule is about, sorted.
func (s *Set) Named(arch seccomp.Arch) []string {
	var names []string
	for id := range maps.Keys(s.pieces) {
		if id.arch == arch {
			names = append(names, id.call)
		}
	}
	slices.Sort(names)
	return names
}

// Pieces returns what the policy says of a call of an open architecture. The last piece always holds.
func (s *Set) Pieces(arch seccomp.Arch, call string) []Piece {
	list := slices.Clone(s.pieces[callID{arch, call}])
	return append(list, Piece{Answer: answerOf(s.section.Denied, bpf.RetErrno|1), Pos: at(s.section.Denied.Pos, s.section.Pos)})
}

// When returns the condition under which a call gets an answer that is wanted. On an architecture that is closed, and for a call that it
// does not have, that is never.
func (s *Set) When(arch seccomp.Arch, call string, wanted func(answer uint32) bool) *policy.Condition {
	if _, has := arch.Number(call); !has || !slices.Contains(s.open, arch) {
		return Never()
	}
	pieces := s.Pieces(arch, call)
	result := Never()
	for _, p := range slices.Backward(pieces) {
		if wanted(p.Answer) {
			result = Or(p.When, result)
		} else {
			result = And(Not(p.When), result)
		}
	}
	return result
}

// Allowed returns a call of the region that is let through, and whether there is one; a nil region is every call of the name.
func (s *Set) Allowed(arch seccomp.Arch, call string, region *policy.Condition) (bpf.Data, bool, error) {
	return s.Find(arch, call, region, Open)
}

// Find returns a call of the region with an answer that is wanted, and whether there is one.
func (s *Set) Find(arch seccomp.Arch, call string, region *policy.Condition, wanted func(answer uint32) bool) (bpf.Data, bool, error) {
	nr, has := arch.Number(call)
	if !has {
		return bpf.Data{}, false, nil
	}
	if region == nil {
		region = Always()
	}
	args, found, err := Solve(And(region, s.When(arch, call, wanted)))
	if err != nil || !found {
		if err != nil {
			err = fmt.Errorf("decide which calls of %s on %s are allowed: %w", call, arch, err)
		}
		return bpf.Data{}, false, err
	}
	d := bpf.Data{Nr: nr, Arch: arch.Audit(), Args: args}
	if answer := s.Want(d); !wanted(answer) {
		return d, false, fmt.Errorf("%s on %s with arguments %#x is answered with %s, and the rules say otherwise; this is a bug of ours, please report it",
			call, arch, args, bpf.Describe(answer))
	}
	return d, true, nil
}

// Place returns where it is written what the call gets: a rule, or what the section says of the rest.
func (s *Set) Place(arch seccomp.Arch, d bpf.Data) policy.Pos {
	call := arch.CallName(d.Nr)
	if call == "" {
		return at(s.section.Default.Pos, s.section.Pos)
	}
	for _, p := range s.Pieces(arch, call) {
		if p.When == nil || p.When.Holds(d.Args) {
			return p.Pos
		}
	}
	return s.section.Pos
}

// at returns the first place that is one.
func at(a, b policy.Pos) policy.Pos {
	if a.Line != 0 {
		return a
	}
	return b
}
