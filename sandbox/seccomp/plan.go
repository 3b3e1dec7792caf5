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

// cut returns a tree with the fewest tests that finds the cell of a word.
//
// A range of cells is found in one of two ways: it is cut in two by JGE, or all cells of it that are not of one function are single values, and
// each takes a JEQ. Every tree of JGE and JEQ can be brought into this form without more tests, by moving a JEQ below the cuts.
func cut(word, mask uint32, cells []cell) *tree {
	c := cutter{word, mask, cells}
	if len(cells) > maxOptimal {
		return c.halves(0, len(cells))
	}
	return c.optimal()
}

type cutter struct {
	word, mask uint32
	cells      []cell
}

func (c *cutter) at(first uint32, yes, no *tree) *tree {
	return branch(test{c.word, c.mask, bpf.JGE, first}, yes, no)
}

func (c *cutter) halves(i, j int) *tree {
	if j-i == 1 {
		return &tree{is: c.cells[i].of[0]}
	}
	middle := (i + j) / 2
	return c.at(c.cells[middle].first, c.halves(middle, j), c.halves(i, middle))
}

// way is how a range of cells is found.
type way struct {
	cost  int32 // tests, and in the lower half how deep the tree is
	split int16 // the first cell of the upper part; 0 when base is tested against
	base  int16 // a cell of the function that remains
}

const oneTest = 1 << 16

func (c *cutter) optimal() *tree {
	n := len(c.cells)
	ways := make([]way, n*(n+1))
	of := func(i, j int) *way { return &ways[i*(n+1)+j] }
	for i := n - 1; i >= 0; i-- {
		chain := newChain(c)
		for j := i + 1; j <= n; j++ {
			best := chain.add(j - 1)
			for k := i + 1; k < j; k++ {
				low, high := of(i, k).cost, of(k, j).cost
				cost := low&^(oneTest-1) + high&^(oneTest-1) + oneTest + 1 + max(low&(oneTest-1), high&(oneTest-1))
				if cost < best.cost {
					best = way{cost: cost, split: int16(k)}
				}
			}
			*of(i, j) = best
		}
	}
	var build func(i, j int) *tree
	build = func(i, j int) *tree {
		w := of(i, j)
		if w.split > 0 {
			k := int(w.split)
			return c.at(c.cells[k].first, build(k, j), build(i, k))
		}
		base := c.cells[w.base].of[0]
		t := &tree{is: base}
		for _, cell := range c.cells[i:j] {
			if cell.of[0] != base {
				t = branch(test{c.word, c.mask, bpf.JEQ, cell.first}, &tree{is: cell.of[0]}, t)
			}
		}
		return t
	}
	return build(0, n)
}

// chain finds how many equality tests a growing range of cells takes.
type chain struct {
	c      *cutter
	count  map[ref]int
	most   int // a cell of the function that most cells have
	wide   int // a cell that is not a single value, or -1
	length int
	broken bool // there are such cells of two functions
}

func newChain(c *cutter) *chain { return &chain{c: c, count: map[ref]int{}, wide: -1, most: -1} }

func (h *chain) add(i int) way {
	cell := h.c.cells[i]
	h.count[cell.of[0]]++
	h.length++
	if h.most < 0 || h.count[cell.of[0]] > h.count[h.c.cells[h.most].of[0]] {
		h.most = i
	}
	if cell.first != cell.last {
		h.broken = h.broken || h.wide >= 0 && h.c.cells[h.wide].of[0] != cell.of[0]
		h.wide = i
	}
	if h.broken {
		return way{cost: 1 << 30}
	}
	base := h.most
	if h.wide >= 0 {
		base = h.wide
	}
	tests := int32(h.length - h.count[h.c.cells[base].of[0]])
	return way{cost: tests*oneTest + tests, base: int16(base)}
}
