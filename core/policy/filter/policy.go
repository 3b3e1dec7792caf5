package filter

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bulkhead/bulkhead/core/policy/exchange"
	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

const (
	maxCases       = 4096 // of a call
	maxTerms       = 256  // of a condition
	maxDifferences = 200
)

// Written is a policy that was made of a filter.
type Written struct {
	Text []byte
	// Differences are where the policy does not answer as the filter does; Want is the filter's answer. The list is cut after 200.
	Differences []seccomp.Difference
	// Unsaid says of calls why there is no rule for them.
	Unsaid []string
}

// maker makes the rules of a section.
type maker struct {
	f       *Filter
	arches  []seccomp.Arch // the open ones, the native one first
	denied  uint32
	section exchange.Section
	unsaid  []string
}

// Policy writes the filter as a policy with one module, and compares the two.
func (f *Filter) Policy(module string) (Written, error) {
	m := &maker{f: f}
	m.arches = []seccomp.Arch{seccomp.Native()}
	for _, name := range seccomp.Catalog().Architectures {
		if a, _ := seccomp.ArchByName(name); a != seccomp.Native() && f.open(a) {
			m.arches = append(m.arches, a)
		}
	}
	for _, a := range m.arches[1:] {
		m.section.Architectures = append(m.section.Architectures, a.Name())
	}
	m.answers()
	done := map[string]bool{}
	for _, a := range m.arches {
		for name, nr := range a.Calls() {
			if !done[name] {
				done[name] = true
				m.call(a, name, nr)
			}
		}
	}
	w := Written{Unsaid: m.unsaid}
	if len(m.section.Allow)+len(m.section.Foreign)+len(m.section.AllowWhen) == 0 {
		return w, fmt.Errorf("%s: a policy allows at least one system call, and this filter allows none for sure%s", f.Name, because(m.unsaid))
	}
	title := fmt.Sprintf("Made of the filter %s (%d instructions) for %s.", f.Name, len(f.Program), seccomp.Native())
	for {
		w.Text = m.section.Program(title, module, nil)
		p, findings := policy.Parse("made.yaml", w.Text, policy.Options{Catalog: seccomp.Catalog()})
		if p == nil {
			// A condition that is one of x86-64 and not of x86, where both are open, for example.
			if dropped := m.section.Drop(w.Text, findings); len(dropped) > 0 {
				for _, d := range dropped {
					m.unsaid = append(m.unsaid, d.Rule.Call+": "+d.Why)
				}
				continue
			}
			return w, fmt.Errorf("write %s as a policy: %w; this is a bug of ours, please report it", f.Name, findings.Err())
		}
		d, err := seccomp.Resolve(p.Modules[0].Seccomp)
		if err != nil {
			return w, fmt.Errorf("write %s as a policy: %w", f.Name, err)
		}
		w.Unsaid, w.Differences = m.unsaid, seccomp.Compare(f.Decision, d, maxDifferences)
		return w, nil
	}
}

func because(unsaid []string) string {
	if len(unsaid) == 0 {
		return ""
	}
	return ": " + strings.Join(unsaid, "; ")
}

// open tells whether some call of an architecture is not answered with kill_process.
func (f *Filter) open(a seccomp.Arch) bool {
	for _, nr := range a.Calls() {
		if answer, ok := f.Decision.Always(a, nr); !ok || answer != bpf.RetKillProcess {
			return true
		}
	}
	return false
}

// answers chooses what denied calls get, which is what most get, and numbers that no table has.
func (m *maker) answers() {
	native := m.arches[0]
	count := map[uint32]int{}
	unknown := map[uint32]int{}
	last := uint32(0)
	for _, nr := range native.Calls() {
		for ; last < nr; last++ {
			if answer, ok := m.f.Decision.Always(native, last); ok {
				unknown[answer]++
			}
		}
		last = nr + 1
		if answer, ok := m.f.Decision.Always(native, nr); ok {
			count[answer]++
		}
	}
	if answer, ok := m.f.Decision.Always(native, 0x3fffffff); ok {
		unknown[answer] += 1 << 20
	}
	most := func(of map[uint32]int, otherwise uint32) uint32 {
		best := otherwise
		for _, answer := range slices.Sorted(maps.Keys(of)) {
			if _, ok := action(answer); ok && of[answer] > of[best] {
				best = answer
			}
		}
		return best
	}
	fallback := most(unknown, bpf.RetErrno|38)
	m.denied = most(count, fallback)
	m.section.Default, _ = action(fallback)
	m.section.Denied, _ = action(m.denied)
}

// action writes an answer as an action that denies.
func action(answer uint32) (string, bool) {
	kind, known := map[uint32]policy.ActionKind{bpf.RetErrno: policy.ActionErrno, bpf.RetKillProcess: policy.ActionKillProcess,
		bpf.RetKillThread: policy.ActionKillThread, bpf.RetTrap: policy.ActionTrap}[answer&0xffff0000]
	a := policy.Action{Kind: kind, Errno: bpf.Value(answer)}
	if !known || kind == policy.ActionErrno && (a.Errno == 0 || a.Errno > bpf.MaxErrno) || kind != policy.ActionErrno && a.Errno != 0 {
		return "", false
	}
	return a.String(), true
}

// call makes the rules for a call.
func (m *maker) call(a seccomp.Arch, name string, nr uint32) {
	foreign := a != m.arches[0]
	if answer, ok := m.f.Decision.Always(a, nr); ok {
		m.whole(name, answer, foreign)
		return
	}
	cases := m.f.Decision.Cases(a, nr, maxCases)
	prototype, known := a.Prototype(name)
	if cases == nil || !known {
		m.unsaid = append(m.unsaid, fmt.Sprintf("%s: its answer depends on arguments in more than %d ways, or has no prototype", name, maxCases))
		return
	}
	byAnswer := map[uint32][]term{}
	for _, c := range cases {
		t, ok := ofRegion(c.Region)
		if !ok {
			m.unsaid = append(m.unsaid, name+": its answer depends on the instruction pointer")
			return
		}
		byAnswer[c.Answer] = append(byAnswer[c.Answer], t)
	}
	allowed := byAnswer[bpf.RetAllow]
	for _, answer := range slices.Sorted(maps.Keys(byAnswer)) {
		if answer != bpf.RetAllow && answer != m.denied {
			m.when(name, foreign, answer, byAnswer[answer], prototype)
		}
	}
	if len(allowed) > 0 {
		var rest []term
		for answer, terms := range byAnswer {
			if answer == m.denied {
				rest = terms
			}
		}
		m.allow(name, foreign, allowed, rest, len(byAnswer), prototype)
	}
}

// whole makes the rule for a call that is always answered alike.
func (m *maker) whole(name string, answer uint32, foreign bool) {
	act, sayable := action(answer)
	switch {
	case answer == m.denied:
	case answer == bpf.RetAllow && foreign:
		m.section.Foreign = append(m.section.Foreign, name)
	case answer == bpf.RetAllow:
		m.section.Allow = append(m.section.Allow, name)
	case sayable:
		m.section.Deny = append(m.section.Deny, exchange.Rule{Call: name, Action: act, IfSupported: foreign})
	default:
		m.unsaid = append(m.unsaid, fmt.Sprintf("%s: the policy language cannot answer with %s", name, bpf.Describe(answer)))
	}
}

// allow makes the rule for where a call is allowed: what is, or, when that is shorter and nothing else is answered, what is not.
func (m *maker) allow(name string, foreign bool, allowed, denied []term, answers int, p policy.Prototype) {
	is, errIs := condition(allowed, p)
	text := is
	if answers == 2 && len(denied) > 0 {
		if not, err := condition(denied, p); err == nil && (errIs != nil || len(not)+3 < len(is)) {
			text, errIs = "!("+not+")", nil
		}
	} else if answers > 1 && len(denied) == 0 { // what deny names is taken away from all
		m.whole(name, bpf.RetAllow, foreign)
		return
	}
	if errIs != nil {
		m.unsaid = append(m.unsaid, fmt.Sprintf("%s: %v", name, errIs))
		return
	}
	m.section.AllowWhen = append(m.section.AllowWhen, exchange.Rule{Call: name, When: text, IfSupported: foreign})
}

// when makes the rule for where a call gets an answer of its own.
func (m *maker) when(name string, foreign bool, answer uint32, terms []term, p policy.Prototype) {
	act, sayable := action(answer)
	text, err := condition(terms, p)
	switch {
	case !sayable:
		m.unsaid = append(m.unsaid, fmt.Sprintf("%s: the policy language cannot answer with %s", name, bpf.Describe(answer)))
	case err != nil:
		m.unsaid = append(m.unsaid, fmt.Sprintf("%s: %v", name, err))
	default:
		m.section.Deny = append(m.section.Deny, exchange.Rule{Call: name, When: text, Action: act, IfSupported: foreign})
	}
}

// condition writes terms as a condition, when there are not too many.
func condition(terms []term, p policy.Prototype) (string, error) {
	if len(terms) > maxTerms*8 {
		return "", fmt.Errorf("its condition has more than %d alternatives", maxTerms)
	}
	terms = merge(slices.Clone(terms))
	if len(terms) > maxTerms {
		return "", fmt.Errorf("its condition has more than %d alternatives", maxTerms)
	}
	slices.SortFunc(terms, func(a, b term) int {
		for i := range a {
			if c := cmp.Or(cmp.Compare(a[i].of, b[i].of), cmp.Compare(a[i].first(), b[i].first())); c != 0 {
				return c
			}
		}
		return 0
	})
	text, err := expression(terms, p)
	if err == nil && len(text) > maxText {
		err = fmt.Errorf("its condition would have %d characters", len(text))
	}
	return text, err
}

// maxText is how long a condition may be: sandbox/policy has at most 4096 characters for an expression and a line.
const maxText = 3900

// first is the lowest value of a set, for an order.
func (s set) first() uint64 {
	if len(s.spans) > 0 {
		return s.spans[0].low
	}
	return s.value
}
