package seccomp

import (
	"fmt"
	"strings"

	"github.com/bulkhead/bulkhead/posix/bpf"
)

// Difference is a range of calls for which a program or a decision function does not answer what was wanted, with one of them.
type Difference struct {
	Call        bpf.Data // a call that shows it
	Got, Want   uint32
	First, Last uint32 // the numbers that differ in this way, on the architecture of Call
	Where       Region // arguments for which all of them do; there may be more
}

func (d *Difference) Error() string {
	name := "no call of the table"
	for _, a := range Arches() {
		if found := a.CallName(d.Call.Nr); a.Audit() == d.Call.Arch && found != "" {
			name = found
		}
	}
	return fmt.Sprintf("call %#x (%s) of architecture %#x with arguments %#x: answered with %s, want %s",
		d.Call.Nr, name, d.Call.Arch, d.Call.Args, bpf.Describe(d.Got), bpf.Describe(d.Want))
}

// Region is the calls whose bits of Mask are those of Value, in each argument and in the instruction pointer.
type Region struct {
	Mask, Value     [6]uint64
	IPMask, IPValue uint64
}

// String describes a region, such as "arg0 & 0xff == 0x3 && arg2 == 0x0", or "any arguments".
func (r Region) String() string {
	var parts []string
	add := func(name string, mask, value uint64) {
		switch mask {
		case 0:
		case ^uint64(0):
			parts = append(parts, fmt.Sprintf("%s == %#x", name, value))
		default:
			parts = append(parts, fmt.Sprintf("%s & %#x == %#x", name, mask, value))
		}
	}
	for i := range r.Mask {
		add(fmt.Sprintf("arg%d", i), r.Mask[i], r.Value[i])
	}
	add("the instruction pointer", r.IPMask, r.IPValue)
	if len(parts) == 0 {
		return "any arguments"
	}
	return strings.Join(parts, " && ")
}

// with returns the region in which a bit has a value, too.
func (r Region) with(level uint32, set bool) Region {
	w := level / 32
	bit := uint64(1) << (31 - level%32)
	if w%2 == 0 {
		bit <<= 32
	}
	mask, value := &r.IPMask, &r.IPValue
	if w >= argWord {
		mask, value = &r.Mask[w/2-2], &r.Value[w/2-2]
	}
	*mask |= bit
	if set {
		*value |= bit
	}
	return r
}

// maxCells is how many ranges of architectures or of numbers are told apart; a filter of every call there is has about 1,000.
const maxCells = 8192

// Compare returns where b does not answer as a does, at most so many differences; Want is the answer of a and Got that of b. It is exact:
// nothing is returned only when the two answer alike for every call there can be. Ranges of numbers that differ in the same way are one.
func Compare(a, b *Decision, limit int) []Difference {
	graph := newDiagram(len(a.graph.nodes) + len(b.graph.nodes) + 2) // enough for both: nothing else is made
	return graph.compare(graph.take(a.graph, a.root), graph.take(b.graph, b.root), limit)
}

func (d *diagram) compare(want, got ref, limit int) (out []Difference) {
	if want == got || limit <= 0 {
		return nil
	}
	arches, ok := d.cells(archWord, want, got, maxCells)
	for _, arch := range arches {
		if arch.of[0] == arch.of[1] {
			continue
		}
		numbers, all := d.cells(nrWord, arch.of[0], arch.of[1], maxCells)
		ok = ok && all
		for _, nr := range numbers {
			for _, diff := range d.answers(nr.of[0], nr.of[1], limit-len(out)) {
				diff.Call.Arch, diff.Call.Nr = arch.first, nr.first
				diff.First, diff.Last = nr.first, nr.last
				out = append(out, diff)
			}
			if len(out) >= limit {
				return out
			}
		}
	}
	if !ok && len(out) == 0 {
		return []Difference{d.witness(want, got)}
	}
	return out
}

// answers returns one difference for each pair of answers that two functions of the arguments give to the same call.
func (d *diagram) answers(want, got ref, limit int) (out []Difference) {
	seen := map[[2]ref]bool{}
	var visit func(f, g ref, where Region)
	visit = func(f, g ref, where Region) {
		if f == g || len(out) >= limit || seen[[2]ref{f, g}] {
			return
		}
		seen[[2]ref{f, g}] = true
		level := min(d.nodes[f].level, d.nodes[g].level)
		if level == leafLevel {
			out = append(out, Difference{
				Call: bpf.Data{IP: where.IPValue, Args: where.Value},
				Got:  d.value(g), Want: d.value(f), Where: where,
			})
			return
		}
		f0, f1 := d.at(f, level)
		g0, g1 := d.at(g, level)
		visit(f0, g0, where.with(level, false))
		visit(f1, g1, where.with(level, true))
	}
	visit(want, got, Region{})
	return out
}

// witness returns a call for which two functions differ: where they do, one of the halves of each bit differs.
func (d *diagram) witness(want, got ref) Difference {
	var call bpf.Data
	for want != got {
		level := min(d.nodes[want].level, d.nodes[got].level)
		if level == leafLevel {
			break
		}
		f0, f1 := d.at(want, level)
		g0, g1 := d.at(got, level)
		if f0 != g0 {
			want, got = f0, g0
			continue
		}
		want, got = f1, g1
		at := offset(level / 32)
		call.SetWord(at, word(&call, level/32)|1<<(31-level%32))
	}
	return Difference{Call: call, Got: d.value(got), Want: d.value(want), First: call.Nr, Last: call.Nr}
}
