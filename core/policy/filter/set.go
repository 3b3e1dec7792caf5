package filter

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"

	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// span is numbers from low to high.
type span struct{ low, high uint64 }

// domain is what of a register a set is about: nothing, its lower half, or all of it.
type domain uint8

const (
	anything domain = iota
	lower
	register
)

func (d domain) highest() uint64 {
	if d == lower {
		return 0xffffffff
	}
	return ^uint64(0)
}

// set is values of a register: spans, or, when mask is not 0, those of which some bits are known.
type set struct {
	of          domain
	spans       []span // sorted, apart
	mask, value uint64
}

// term is calls whose arguments are in sets, all of them.
type term [6]set

// ofRegion makes a term of a region. It is false when the region is about the instruction pointer.
func ofRegion(r seccomp.Region) (term, bool) {
	var t term
	for i := range t {
		t[i] = ofBits(r.Mask[i], r.Value[i])
	}
	return t, r.IPMask == 0
}

// ofBits makes a set of known bits: a span when they are the upper ones.
func ofBits(mask, value uint64) set {
	if mask == 0 {
		return set{}
	}
	s := set{of: register}
	width := 64
	if mask>>32 == 0 {
		s.of, width = lower, 32
	}
	if known := bits.OnesCount64(mask); mask == s.of.highest()&^(s.of.highest()>>known) || known == width {
		s.spans = []span{{value, value | s.of.highest()&^mask}}
		return s
	}
	s.mask, s.value = mask, value
	return s
}

// join returns what is in one of two sets, when that is a set of the same form.
func (s set) join(o set) (set, bool) {
	if s.mask != 0 || o.mask != 0 || s.of == anything || o.of == anything {
		return set{}, false
	}
	if s.of != o.of { // the lower half of a register is many spans of the whole
		return set{}, false
	}
	all := slices.Concat(s.spans, o.spans)
	slices.SortFunc(all, func(a, b span) int { return cmp.Compare(a.low, b.low) })
	out := all[:1]
	for _, next := range all[1:] {
		last := &out[len(out)-1]
		if last.high == ^uint64(0) || next.low <= last.high+1 {
			last.high = max(last.high, next.high)
		} else {
			out = append(out, next)
		}
	}
	if out[0].low == 0 && out[0].high == s.of.highest() {
		return set{}, true
	}
	return set{of: s.of, spans: out}, true
}

// merge makes fewer terms of terms: those that differ in one argument become one.
func merge(terms []term) []term {
	for before := len(terms) + 1; len(terms) < before; {
		before = len(terms)
		for arg := range 6 {
			terms = mergeOn(terms, arg)
		}
	}
	return terms
}

// mergeOn joins the terms that differ in one argument alone.
func mergeOn(terms []term, arg int) []term {
	out := terms[:0:0]
	at := map[string]int{}
	for _, t := range terms {
		key := t.without(arg)
		i, there := at[key]
		if there {
			if joined, ok := out[i][arg].join(t[arg]); ok {
				out[i][arg] = joined
				continue
			}
		}
		at[key] = len(out)
		out = append(out, t)
	}
	return out
}

// without is the same for terms that differ in one argument alone, and in what it is about.
func (t term) without(arg int) string {
	kind := [2]uint64{uint64(t[arg].of), t[arg].mask}
	t[arg] = set{}
	return fmt.Sprint(kind, t)
}
