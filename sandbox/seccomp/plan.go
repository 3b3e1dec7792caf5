package seccomp

import (
	"math/bits"

	"github.com/bulkhead/bulkhead/posix/bpf"
)

// tree finds the value of a word: a test with a tree for each result, or, without a comparison, the function that holds then.
type tree struct {
	test
	yes, no *tree
	is      ref // of a tree without a test
	cost    int // tests, and loads that they need
}

// test compares a word, after an AND with the mask, with a constant. compare is JEQ, JGE or JSET, and 0 in no test.
type test struct {
	word, mask uint32
	compare    uint16
	k          uint32
}

const wholeWord = ^uint32(0)

// planner chooses the tests of a function, word by word.
type planner struct {
	d     *diagram
	made  map[ref]*tree
	tries int // choices among masks that may still be looked at for the word
}

// maxTries bounds the search for good masks of a word. Where it ends early, what was found by then is used.
const maxTries = 24

// Limits of what is cut into ranges: of a number or an architecture, of an argument, and how many ranges are cut optimally.
const (
	maxNumbers = 2048
	maxValues  = 128
	maxOptimal = 400
)

// word returns a tree with few tests that finds what a function is when the first word that it depends on is known.
func (p *planner) word(f ref) *tree {
	if t, done := p.made[f]; done {
		return t
	}
	w := p.d.nodes[f].level / 32
	limit := maxValues
	if w < ipWord {
		limit = maxNumbers
	}
	var best *tree
	if cells, ok := p.d.cells(w, f, f, limit); ok {
		best = cut(w, wholeWord, cells)
	}
	if w >= ipWord && (best == nil || best.cost > 1) {
		best = p.masked(w, f, best)
	}
	if best == nil {
		n := p.d.nodes[f]
		best = p.choose(w, test{w, wholeWord, bpf.JSET, 1 << (31 - n.level%32)}, n.high, n.low)
	}
	p.made[f] = best
	return best
}

// masked returns a cheaper tree that looks at some bits of the word, or best.
func (p *planner) masked(w uint32, f ref, best *tree) *tree {
	mask := p.d.depends(w, f)
	if cells, ok := p.d.maskedCells(w, mask, f, maxValues); ok && mask != wholeWord {
		t := cut(w, mask, cells)
		t.cost++
		if best == nil || t.cost < best.cost {
			best = t
		}
	}
	for _, set := range p.candidates(f, mask) {
		if p.tries--; p.tries < 0 {
			break
		}
		if best != nil && best.cost <= 1 {
			break
		}
		has := never
		for i := range 32 {
			if set>>i&1 == 1 {
				has = p.d.or(p.d.bit(w, i), has)
			}
		}
		yes, no := p.d.within(f, has), p.d.within(f, p.d.not(has))
		if yes == f || no == f || p.d.exhausted() {
			continue
		}
		if t := p.choose(w, test{w, wholeWord, bpf.JSET, set}, yes, no); best == nil || t.cost < best.cost {
			best = t
		}
	}
	return best
}

// candidates returns sets of bits of which it may be worth to ask whether one is set: all, those that are asked when no other
// is set, and the highest.
func (p *planner) candidates(f ref, mask uint32) []uint32 {
	w := p.d.nodes[f].level / 32
	zeros := uint32(0)
	var sets []uint32
	for g := f; p.d.nodes[g].level/32 == w; g = p.d.nodes[g].low {
		zeros |= 1 << (31 - p.d.nodes[g].level%32)
		if high := p.d.nodes[g].high; high != p.d.nodes[f].high { // the bits before lead elsewhere: they may be a set
			sets = append(sets, zeros&^(1<<(31-p.d.nodes[g].level%32)))
		}
	}
	sets = append(sets, mask, zeros, 1<<(31-bits.LeadingZeros32(mask)), 1<<bits.TrailingZeros32(mask))
	seen := map[uint32]bool{0: true}
	out := sets[:0]
	for _, s := range sets {
		if !seen[s] && len(out) < 6 {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}

// choose returns the tree of a test whose results have trees of their own.
func (p *planner) choose(w uint32, t test, yes, no ref) *tree {
	return branch(t, p.part(w, yes), p.part(w, no))
}

func (p *planner) part(w uint32, f ref) *tree {
	if p.d.nodes[f].level >= 32*(w+1) {
		return &tree{is: f}
	}
	return p.word(f)
}

func branch(t test, yes, no *tree) *tree {
	return &tree{test: t, yes: yes, no: no, cost: 1 + yes.cost + no.cost}
}
