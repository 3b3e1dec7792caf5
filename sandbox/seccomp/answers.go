package seccomp

import (
	"iter"

	"github.com/bulkhead/bulkhead/posix/bpf"
)

// Answers yields every answer that is given to calls of which only some bits of the arguments are known, each once and with a call that
// gets it. The architecture and the number are known; the instruction pointer may have any value. Bits of call that are not known do not
// matter.
func (d *Decision) Answers(call bpf.Data, known [6]uint64) iter.Seq2[uint32, bpf.Data] {
	start := bpf.Data{Arch: call.Arch, Nr: call.Nr}
	for i, k := range known {
		start.Args[i] = call.Args[i] & k
	}
	return func(yield func(uint32, bpf.Data) bool) {
		seen := map[ref]bool{}
		var visit func(f ref, at bpf.Data) bool
		visit = func(f ref, at bpf.Data) bool {
			if seen[f] {
				return true
			}
			seen[f] = true
			if d.graph.isLeaf(f) {
				return yield(d.graph.value(f), at)
			}
			n := d.graph.nodes[f]
			w, bit := n.level/32, uint32(1)<<(31-n.level%32)
			set := at
			set.SetWord(offset(w), word(&at, w)|bit)
			switch {
			case !fixed(w, bit, &known):
				return visit(n.low, at) && visit(n.high, set)
			case word(&at, w)&bit == 0:
				return visit(n.low, at)
			default:
				return visit(n.high, set)
			}
		}
		visit(d.root, start)
	}
}

// fixed tells whether a bit of a word is known.
func fixed(w, bit uint32, known *[6]uint64) bool {
	if w < argWord {
		return w < ipWord
	}
	mask := bpf.Data{Args: *known}
	return word(&mask, w)&bit != 0
}
