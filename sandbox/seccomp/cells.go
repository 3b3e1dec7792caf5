package seccomp

// cell is the values of a word, from first to last, for which two functions do not depend on the word, and what they are there.
type cell struct {
	first, last uint32
	of          [2]ref
}

// cells returns the values of a word in order, cut where one of two functions that depend on no earlier word changes. With more cells
// than the limit it gives up.
func (d *diagram) cells(word uint32, f, g ref, limit int) (out []cell, ok bool) {
	end := 32 * (word + 1)
	visits := 64 * limit
	var visit func(level, value uint32, f, g ref) bool
	visit = func(level, value uint32, f, g ref) bool {
		if visits--; visits < 0 {
			return false
		}
		if d.nodes[f].level >= end && d.nodes[g].level >= end {
			last := value | uint32(1<<(end-level)-1)
			if n := len(out); n > 0 && out[n-1].of == [2]ref{f, g} {
				out[n-1].last = last
			} else {
				out = append(out, cell{value, last, [2]ref{f, g}})
			}
			return len(out) <= limit
		}
		f0, f1 := d.at(f, level)
		g0, g1 := d.at(g, level)
		return visit(level+1, value, f0, g0) && visit(level+1, value|1<<(end-1-level), f1, g1)
	}
	ok = visit(32*word, 0, f, g)
	return out, ok
}

// maskedCells returns the values that a word has after an AND with a mask, which has all bits that f depends on, cut where f changes. The
// values between the last of a cell and the first of the next do not occur.
func (d *diagram) maskedCells(word, mask uint32, f ref, limit int) (out []cell, ok bool) {
	end := 32 * (word + 1)
	visits := 64 * limit
	var visit func(level, value uint32, f ref) bool
	visit = func(level, value uint32, f ref) bool {
		if visits--; visits < 0 {
			return false
		}
		if d.nodes[f].level >= end {
			last := value | mask&uint32(1<<(end-level)-1)
			if n := len(out); n > 0 && out[n-1].of[0] == f {
				out[n-1].last = last
			} else {
				out = append(out, cell{value, last, [2]ref{f, f}})
			}
			return len(out) <= limit
		}
		bit := uint32(1) << (end - 1 - level)
		low, high := d.at(f, level)
		return visit(level+1, value, low) && (mask&bit == 0 || visit(level+1, value|bit, high))
	}
	ok = visit(32*word, 0, f)
	return out, ok
}

// depends returns the bits of a word that a function, which depends on no earlier word, depends on.
func (d *diagram) depends(word uint32, f ref) (mask uint32) {
	seen := map[ref]bool{}
	var visit func(ref)
	visit = func(f ref) {
		n := d.nodes[f]
		if n.level >= 32*(word+1) || seen[f] {
			return
		}
		seen[f] = true
		mask |= 1 << (31 - n.level%32)
		visit(n.low)
		visit(n.high)
	}
	visit(f)
	return mask
}
