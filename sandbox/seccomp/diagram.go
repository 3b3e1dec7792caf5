package seccomp

import "github.com/bulkhead/bulkhead/posix/bpf"

// ref is a node of a diagram. Two functions of one diagram are equal exactly when their refs are.
type ref int32

// The functions that are constant 0 and 1: what a condition is when it never or always holds.
const (
	never  ref = 0
	always ref = 1
)

// words is how many 32-bit words a filter can read; onceLevel is the level of the first of two conditions that are not about a call, those of
// exec once; and leafLevel the level of constants, below everything else.
const (
	words     = 16
	onceLevel = 32 * words
	leafLevel = onceLevel + 2
)

// node is a test of one bit: high where it is set and low where it is not. At leafLevel it is a constant, in low.
type node struct {
	level     uint32
	low, high ref
}

// diagram holds functions of [bpf.Data] to 32-bit values as decision diagrams that are ordered, reduced and shared, so that each function
// has one form. Source: Bryant, Graph-Based Algorithms for Boolean Function Manipulation (1986); Fujita et al., Multi-Terminal Binary
// Decision Diagrams (1997).
//
// The bits of a word are tested from the highest, and the words in this order: architecture, number, instruction pointer,
// arguments, of each the upper half first. A comparison of a word with a constant is a path then, as long as the word has bits, and to
// put one in front of a function takes as many steps.
type diagram struct {
	nodes  []node
	unique []ref // a hash table of nodes, by content; 0 is an empty place and the node never is not in it
	cache  []choice
	missed int // results that were not in the cache since it has its size
	work   int // steps that may still be made; below 0 all results are meaningless
}

// choice is a result of ite.
type choice struct{ c, f, g, is ref }

// maxWork is how many steps a diagram may take: about a tenth of a second. A filter of 1,300 instructions takes about 100,000.
const maxWork = 1 << 20

// newDiagram returns a diagram without functions. It begins small: most processes prove one filter, and memory that a process has not
// used yet takes longer to get than to work with.
func newDiagram(work int) *diagram {
	d := &diagram{
		nodes:  make([]node, 1, 1<<9),
		unique: make([]ref, 1<<10),
		cache:  make([]choice, 1<<8),
		work:   work,
	}
	d.nodes[never] = node{level: leafLevel}
	d.leaf(1)
	return d
}

// exhausted tells whether the work was more than allowed.
func (d *diagram) exhausted() bool { return d.work < 0 }

// leaf returns the function that is constant.
func (d *diagram) leaf(value uint32) ref {
	if value == 0 {
		return never
	}
	return d.intern(node{level: leafLevel, low: ref(value)})
}

// value returns the value of a leaf.
func (d *diagram) value(f ref) uint32 { return uint32(d.nodes[f].low) }

func (d *diagram) isLeaf(f ref) bool { return d.nodes[f].level == leafLevel }

// make returns the function that is high where the bit is set, and low elsewhere. Both depend on later bits only.
func (d *diagram) make(level uint32, low, high ref) ref {
	if low == high {
		return low
	}
	return d.intern(node{level, low, high})
}

func hash(a, b, c uint32) uint32 {
	h := uint64(a)*0x9e3779b97f4a7c15 ^ uint64(b)*0xc2b2ae3d27d4eb4f ^ uint64(c)*0x165667b19e3779f9
	return uint32((h ^ h>>29) * 0xbf58476d1ce4e5b9 >> 32)
}

func (d *diagram) intern(n node) ref {
	mask := uint32(len(d.unique) - 1)
	at := hash(n.level, uint32(n.low), uint32(n.high)) & mask
	for d.unique[at] != 0 {
		if f := d.unique[at]; d.nodes[f] == n {
			return f
		}
		at = (at + 1) & mask
	}
	if d.work--; d.work < 0 {
		return never
	}
	f := ref(len(d.nodes))
	d.nodes = append(d.nodes, n)
	d.unique[at] = f
	if 2*len(d.nodes) > len(d.unique) {
		d.grow()
	}
	return f
}

func (d *diagram) grow() {
	d.unique = make([]ref, 4*len(d.unique))
	mask := uint32(len(d.unique) - 1)
	for f, n := range d.nodes {
		if f == int(never) {
			continue
		}
		at := hash(n.level, uint32(n.low), uint32(n.high)) & mask
		for d.unique[at] != 0 {
			at = (at + 1) & mask
		}
		d.unique[at] = ref(f)
	}
}

// keep keeps a result of ite in the cache, which grows while it does not have what is asked for.
func (d *diagram) keep(r choice) {
	if d.missed++; d.missed > 2*len(d.cache) && len(d.cache) < 1<<20 {
		d.missed = 0
		old := d.cache
		d.cache = make([]choice, 4*len(old))
		for _, r := range old {
			*d.cached(r.c, r.f, r.g) = r
		}
	}
	*d.cached(r.c, r.f, r.g) = r
}

// cached returns the place of a result in the cache.
func (d *diagram) cached(c, f, g ref) *choice {
	return &d.cache[hash(uint32(c), uint32(f), uint32(g))&uint32(len(d.cache)-1)]
}

// at returns what a function is where the bit of a level is clear and set.
func (d *diagram) at(f ref, level uint32) (low, high ref) {
	if n := &d.nodes[f]; n.level == level {
		return n.low, n.high
	}
	return f, f
}

// ite returns the function that is f where the condition c holds and g elsewhere.
func (d *diagram) ite(c, f, g ref) ref {
	switch {
	case c == always || f == g:
		return f
	case c == never:
		return g
	case f == always && g == never:
		return c
	}
	if d.work--; d.work < 0 {
		return never
	}
	if r := d.cached(c, f, g); r.c == c && r.f == f && r.g == g {
		return r.is
	}
	level := min(d.nodes[c].level, d.nodes[f].level, d.nodes[g].level)
	c0, c1 := d.at(c, level)
	f0, f1 := d.at(f, level)
	g0, g1 := d.at(g, level)
	is := d.make(level, d.ite(c0, f0, g0), d.ite(c1, f1, g1))
	d.keep(choice{c, f, g, is})
	return is
}

func (d *diagram) and(a, b ref) ref { return d.ite(a, b, never) }
func (d *diagram) or(a, b ref) ref  { return d.ite(a, always, b) }
func (d *diagram) not(a ref) ref    { return d.ite(a, never, always) }
func (d *diagram) xor(a, b ref) ref { return d.ite(a, d.not(b), b) }

// within returns a function that is as f where the condition c holds, and simpler elsewhere: it tests nothing that f does not.
// Source: Coudert and Madre, A Unified Framework for the Formal Verification of Sequential Circuits (1990), "restrict".
func (d *diagram) within(f, c ref) ref {
	if c == always || c == never || d.isLeaf(f) {
		return f
	}
	if d.work--; d.work < 0 {
		return never
	}
	fl, cl := d.nodes[f].level, d.nodes[c].level
	if cl < fl {
		return d.within(f, d.or(d.nodes[c].low, d.nodes[c].high))
	}
	c0, c1 := d.at(c, fl)
	f0, f1 := d.nodes[f].low, d.nodes[f].high
	switch {
	case c0 == never:
		return d.within(f1, c1)
	case c1 == never:
		return d.within(f0, c0)
	}
	return d.make(fl, d.within(f0, c0), d.within(f1, c1))
}

// run returns the value of a function for a call.
func (d *diagram) run(f ref, call bpf.Data) uint32 {
	for !d.isLeaf(f) {
		n := &d.nodes[f]
		if word(&call, n.level/32)>>(31-n.level%32)&1 == 0 {
			f = n.low
		} else {
			f = n.high
		}
	}
	return d.value(f)
}

// take returns the function that f is in another diagram.
func (d *diagram) take(from *diagram, f ref) ref {
	taken := make([]ref, len(from.nodes)) // plus 1
	var copied func(ref) ref
	copied = func(f ref) ref {
		if from.isLeaf(f) {
			return d.leaf(from.value(f))
		}
		if taken[f] == 0 {
			n := from.nodes[f]
			low := copied(n.low)
			taken[f] = d.make(n.level, low, copied(n.high)) + 1
		}
		return taken[f] - 1
	}
	return copied(f)
}
