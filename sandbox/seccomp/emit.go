package seccomp

import (
	"fmt"
	"slices"

	"github.com/bulkhead/bulkhead/posix/bpf"
)

// AllowList makes a filter that allows the named calls of the native architecture and answers denied for every other number;
// other architectures are answered with kill_process. It is for processes of our own that confine themselves: it needs no library.
func AllowList(names []string, denied uint32) ([]byte, error) {
	r := Rules{Denied: denied, Default: denied}
	for _, name := range names {
		nr, known := Number(name)
		if !known {
			return nil, fmt.Errorf("make an allow list: %q is no system call of %s", name, nativeName)
		}
		r.Allow = append(r.Allow, nr)
	}
	slices.Sort(r.Allow)
	r.Allow = slices.Compact(r.Allow)
	f, err := Emit(r)
	if err != nil {
		return nil, fmt.Errorf("make an allow list: %w", err)
	}
	return f.Program, nil
}

// Emit makes the filter of rules without libseccomp: a check of the architecture, then a binary search over the ranges of
// numbers that have the same answer.
func Emit(r Rules) (*Filter, error) {
	p := bpf.Program{
		{Code: bpf.LD | bpf.W | bpf.ABS, K: bpf.OffsetArch},
		{Code: bpf.JMP | bpf.JEQ | bpf.K, JT: 1, K: nativeArch},
		{Code: bpf.RET | bpf.K, K: bpf.RetKillProcess},
		{Code: bpf.LD | bpf.W | bpf.ABS, K: bpf.OffsetNr},
	}
	return Verify(append(p, search(r.ranges())...).Bytes(), r)
}

// numberRange is numbers that have the same answer, up to the next range.
type numberRange struct{ from, answer uint32 }

// ranges returns the ranges of the native architecture, the first from 0.
func (r Rules) ranges() []numberRange {
	starts := append(r.cuts()[bpf.OffsetNr], 0)
	slices.Sort(starts)
	var out []numberRange
	for _, from := range slices.Compact(starts) {
		answer := r.Want(bpf.Data{Nr: from, Arch: nativeArch})
		if len(out) == 0 || out[len(out)-1].answer != answer {
			out = append(out, numberRange{from, answer})
		}
	}
	return out
}

// search returns the instructions that find the range of the number in the accumulator and return its answer.
func search(ranges []numberRange) bpf.Program {
	if len(ranges) == 1 {
		return bpf.Program{{Code: bpf.RET | bpf.K, K: ranges[0].answer}}
	}
	middle := len(ranges) / 2
	below, above := search(ranges[:middle]), search(ranges[middle:])
	test := bpf.Instruction{Code: bpf.JMP | bpf.JGE | bpf.K, K: ranges[middle].from}
	var p bpf.Program
	if len(below) <= 255 {
		test.JT = uint8(len(below))
		p = bpf.Program{test}
	} else { // too far for a comparison
		test.JF = 1
		p = bpf.Program{test, {Code: bpf.JMP | bpf.JA, K: uint32(len(below))}}
	}
	return append(append(p, below...), above...)
}
