package seccomp

import (
	"fmt"
	"maps"
	"slices"

	"github.com/bulkhead/bulkhead/posix/bpf"
)

// cuts holds values of words of [bpf.Data], by offset. A function of the data that gives another answer only where some
// word crosses one of its cuts is constant between them.
type cuts map[uint32][]uint32

// maxPoints bounds the work of prove. A filter of the whole table has about two thousand points.
const maxPoints = 1 << 20

// Difference is a call for which a program does not answer what was wanted.
type Difference struct {
	Call      bpf.Data
	Got, Want uint32
}

func (d *Difference) Error() string {
	name := Name(d.Call.Nr)
	if name == "" {
		name = "no call of the table"
	}
	return fmt.Sprintf("call %#x (%s) of architecture %#x with arguments %#x: answered with %s, want %s",
		d.Call.Nr, name, d.Call.Arch, d.Call.Args, bpf.Describe(d.Got), bpf.Describe(d.Want))
}

// prove shows that a program answers what want does for every call there can be, or returns a [*Difference] or an error
// that says why it cannot tell. at holds the cuts of want.
//
// A program that only compares words with constants takes the same path for all data between two neighbouring constants
// of each word. So does want. One call of each cell stands for all.
func prove(p bpf.Program, want func(bpf.Data) uint32, at cuts) error {
	all, err := comparisons(p)
	if err != nil {
		return err
	}
	for word, values := range at {
		all[word] = append(all[word], values...)
	}
	words := slices.Sorted(maps.Keys(all))
	points := 1
	for _, w := range words {
		values := append(all[w], 0)
		slices.Sort(values)
		all[w] = slices.Compact(values)
		if points *= len(all[w]); points > maxPoints {
			return fmt.Errorf("the filter compares too many values of too many arguments to be checked")
		}
	}
	return walk(words, all, bpf.Data{}, func(d bpf.Data) error {
		if got, w := p.Run(d), want(d); got != w {
			return &Difference{Call: d, Got: got, Want: w}
		}
		return nil
	})
}

// walk calls visit with one call of every cell.
func walk(words []uint32, at cuts, d bpf.Data, visit func(bpf.Data) error) error {
	if len(words) == 0 {
		return visit(d)
	}
	for _, value := range at[words[0]] {
		d.SetWord(words[0], value)
		if err := walk(words[1:], at, d, visit); err != nil {
			return err
		}
	}
	return nil
}

// comparisons returns the cuts of a program: what each word is compared with. Jumps only go forward, so one pass knows which
// words the accumulator may hold at each instruction.
func comparisons(p bpf.Program) (cuts, error) {
	out := cuts{}
	held := make([]uint16, len(p)) // a bit for each word of the data; none is the zero that a program begins with
	now := uint16(0)
	for i, in := range p {
		now |= held[i]
		switch in.Code {
		case bpf.LD | bpf.W | bpf.ABS:
			now = 1 << (in.K / 4)
		case bpf.RET | bpf.K:
			now = 0
		case bpf.JMP | bpf.JA:
			held[i+1+int(in.K)] |= now
			now = 0
		case bpf.JMP | bpf.JEQ | bpf.K, bpf.JMP | bpf.JGE | bpf.K, bpf.JMP | bpf.JGT | bpf.K:
			for word := range uint32(16) {
				if now&(1<<word) != 0 {
					out[4*word] = append(out[4*word], in.K, in.K+1)
				}
			}
			held[i+1+int(in.JT)] |= now
			held[i+1+int(in.JF)] |= now
			now = 0
		default:
			return nil, fmt.Errorf("instruction %d (%s) is none that the check understands", i, in)
		}
	}
	return out, nil
}
