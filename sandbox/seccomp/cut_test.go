package seccomp

import (
	"math/rand/v2"
	"testing"

	"github.com/bulkhead/bulkhead/posix/bpf"
)

// randomCells returns cells of some functions, of which some are single values.
func randomCells(random *rand.Rand, count, functions int) []cell {
	var out []cell
	next := uint32(0)
	for i := range count {
		last := next
		if random.IntN(3) == 0 {
			last += 1 + random.Uint32N(50)
		}
		if i == count-1 {
			last = ^uint32(0)
		}
		is := ref(random.IntN(functions))
		for i > 0 && is == out[i-1].of[0] {
			is = ref(random.IntN(functions))
		}
		out = append(out, cell{next, last, [2]ref{is, is}})
		next = last + 1
	}
	return out
}

// fewest is how many tests a range of cells takes, found by trying everything.
func fewest(cells []cell) int {
	n := len(cells)
	least := map[[2]int]int{}
	for length := 1; length <= n; length++ {
		for i := 0; i+length <= n; i++ {
			best := length // more than any
			for base := range n {
				tests, single := 0, true
				for _, c := range cells[i : i+length] {
					if c.of[0] != cells[base].of[0] {
						tests++
						single = single && c.first == c.last
					}
				}
				if single && tests < best {
					best = tests
				}
			}
			for k := i + 1; k < i+length; k++ {
				best = min(best, least[[2]int{i, k}]+least[[2]int{k, i + length}]+1)
			}
			least[[2]int{i, i + length}] = best
		}
	}
	return least[[2]int{0, n}]
}

// find returns what a tree finds for a value, and after how many tests.
func find(t *tree, value uint32) (is ref, tests int) {
	for t.compare != 0 {
		holds := value == t.k
		if t.compare == bpf.JGE {
			holds = value >= t.k
		}
		if holds {
			t = t.yes
		} else {
			t = t.no
		}
		tests++
	}
	return t.is, tests
}

// TestCut: a tree finds every cell, and there is none with fewer tests.
func TestCut(t *testing.T) {
	random := rand.New(rand.NewPCG(31, 32))
	for range 400 {
		cells := randomCells(random, 1+random.IntN(40), 2+random.IntN(6))
		tree := cut(nrWord, wholeWord, cells)
		deepest := 0
		for _, c := range cells {
			for _, value := range []uint32{c.first, c.last, c.first + (c.last-c.first)/2} {
				is, tests := find(tree, value)
				if is != c.of[0] {
					t.Fatalf("%v: %d is found to be of %d, want %d", cells, value, is, c.of[0])
				}
				deepest = max(deepest, tests)
			}
		}
		if want := fewest(cells); tree.cost != want {
			t.Fatalf("%v: %d tests, %d are enough", cells, tree.cost, want)
		}
		if len(cells) > 1 && deepest > len(cells) {
			t.Errorf("%v: %d tests for one value", cells, deepest)
		}
	}
}

// TestCutOfMany: more cells than are cut optimally are found all the same.
func TestCutOfMany(t *testing.T) {
	cells := randomCells(rand.New(rand.NewPCG(33, 34)), 3*maxOptimal, 5)
	tree := cut(nrWord, wholeWord, cells)
	for _, c := range cells {
		if is, _ := find(tree, c.first); is != c.of[0] {
			t.Fatalf("%d is found to be of %d, want %d", c.first, is, c.of[0])
		}
	}
}

func BenchmarkCut(b *testing.B) {
	cells := randomCells(rand.New(rand.NewPCG(35, 36)), maxOptimal, 3)
	for b.Loop() {
		cut(nrWord, wholeWord, cells)
	}
}
