package seccomp

import "github.com/bulkhead/bulkhead/posix/bpf"

// cut returns a tree with the fewest tests that finds the cell of a word.
//
// A range of cells is found in one of two ways: it is cut in two by JGE, or all cells of it that are not of one function are single values, and
// each takes a JEQ. Every tree of JGE and JEQ can be brought into this form without more tests, by moving a JEQ below the cuts.
func cut(word, mask uint32, cells []cell) *tree {
	c := cutter{word: word, mask: mask, cells: cells, chain: newChain(cells)}
	if len(cells) > maxOptimal {
		return c.halves(0, len(cells))
	}
	c.choose()
	return c.build(0, len(cells))
}

type cutter struct {
	word, mask uint32
	cells      []cell
	// The cost of every range of cells, twice: by its first cell, and by the one behind its last.
	rows, columns []cost
	chain         *chain
}

// cost is how many tests a tree has and, in the lower half, how deep it is.
type cost int32

const oneTest cost = 1 << 16

func (c cost) tests() int { return int(c >> 16) }
func (c cost) depth() int { return int(c & (oneTest - 1)) }

func (c *cutter) of(i, j int) cost { return c.rows[i*(len(c.cells)+1)+j] }

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

// choose finds the costs of all ranges, small ones first.
//
// What finds a cell of a range also finds it among fewer cells, and another test cuts off one cell more. So a range takes as many tests as
// the larger of the two that lack its first or its last cell, or one more; and of the ways to cut it whose lower part takes some
// number of tests, the one with the longest lower part is as good as any.
func (c *cutter) choose() {
	n := len(c.cells)
	c.rows, c.columns = make([]cost, n*(n+1)), make([]cost, n*(n+1))
	longest := make([]int, n+1) // by tests, where the longest range from i that takes so many ends
	for i := n - 1; i >= 0; i-- {
		c.chain.clear()
		for j := i + 1; j <= n; j++ {
			best := c.chain.add(j - 1)
			if j-i > 1 {
				last := c.of(i, j-1).tests()
				least := max(last, c.of(i+1, j).tests())
				if best.tests() > 2 { // one or two tests for single values are the fewest
					by := c.columns[j*n:][:n]
					split, ok := c.split(i, longest[:last+1], by, least)
					if !ok {
						split, _ = c.split(i, longest[:last+1], by, least+1)
					}
					best = min(best, split)
				}
			}
			c.rows[i*(n+1)+j], c.columns[j*n+i] = best, best
			longest[best.tests()] = j
		}
	}
}

// split returns what it costs to cut a range that begins with cell i so that it takes some number of tests, if it can be. by has the costs of
// what may be the upper part, by its first cell. It looks at even parts first, because they make a tree less deep.
func (c *cutter) split(i int, longest []int, by []cost, tests int) (cost, bool) {
	most := min(len(longest), tests)
	for away := range most {
		low := most/2 + (away+1)/2*(1-2*(away%2)) // most/2, then one less, one more, two less, …
		k := longest[low]
		if high := by[k]; low+high.tests() < tests {
			return cost(low+high.tests()+1)*oneTest + cost(1+max(c.of(i, k).depth(), high.depth())), true
		}
	}
	return 0, false
}

// build returns the tree of a range.
func (c *cutter) build(i, j int) *tree {
	want := c.of(i, j)
	var single cost
	c.chain.clear()
	for k := i; k < j; k++ {
		single = c.chain.add(k)
	}
	if single == want {
		return c.singles(i, j, c.cells[c.chain.base()].of[0])
	}
	k := i + 1
	for ; c.joined(i, k, j) != want; k++ {
	}
	return c.at(c.cells[k].first, c.build(k, j), c.build(i, k))
}

// joined is the cost of a range that is cut in two.
func (c *cutter) joined(i, k, j int) cost {
	low, high := c.of(i, k), c.of(k, j)
	return cost(low.tests()+high.tests()+1)*oneTest + cost(1+max(low.depth(), high.depth()))
}

// singles returns the tree of a range in which each cell that is not of the function base is a single value.
func (c *cutter) singles(i, j int, base ref) *tree {
	t := &tree{is: base}
	for _, cell := range c.cells[i:j] {
		if cell.of[0] != base {
			t = branch(test{c.word, c.mask, bpf.JEQ, cell.first}, &tree{is: cell.of[0]}, t)
		}
	}
	return t
}

// chain finds how many equality tests a growing range of cells takes.
type chain struct {
	cells  []cell
	number []int // of each cell's function
	count  []int // of the cells of each function
	most   int   // a cell of the function that most cells have, or -1
	wide   int   // a cell that is not a single value, or -1
	length int
	broken bool // there are such cells of two functions
}

func newChain(cells []cell) *chain {
	h := &chain{cells: cells, number: make([]int, len(cells))}
	numbers := map[ref]int{}
	for i, cell := range cells {
		if _, known := numbers[cell.of[0]]; !known {
			numbers[cell.of[0]] = len(numbers)
		}
		h.number[i] = numbers[cell.of[0]]
	}
	h.count = make([]int, len(numbers))
	h.clear()
	return h
}

// clear takes all cells out.
func (h *chain) clear() {
	clear(h.count)
	h.most, h.wide, h.length, h.broken = -1, -1, 0, false
}

// add adds a cell and returns what the range costs: more than any other way when it cannot be found so.
func (h *chain) add(i int) cost {
	h.count[h.number[i]]++
	h.length++
	if h.most < 0 || h.count[h.number[i]] > h.count[h.number[h.most]] {
		h.most = i
	}
	if h.cells[i].first != h.cells[i].last {
		h.broken = h.broken || h.wide >= 0 && h.number[h.wide] != h.number[i]
		h.wide = i
	}
	if h.broken {
		return 1 << 30
	}
	tests := cost(h.length - h.count[h.number[h.base()]])
	return tests*oneTest + tests
}

// base returns a cell of the function that is not tested for.
func (h *chain) base() int {
	if h.wide >= 0 {
		return h.wide
	}
	return h.most
}
