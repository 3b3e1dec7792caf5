package seccomp

import "github.com/bulkhead/bulkhead/posix/bpf"

// The places of the architecture and the number among the words of a diagram. The upper half of the instruction pointer and of each
// argument has an even place.
const (
	archWord = 0
	nrWord   = 1
	ipWord   = 2
	argWord  = 4
)

// offset returns where a word is in struct seccomp_data.
func offset(word uint32) uint32 {
	switch {
	case word == archWord:
		return bpf.OffsetArch
	case word == nrWord:
		return bpf.OffsetNr
	case word%2 == 0: // the instruction pointer comes before the arguments, as an argument -1 would
		return bpf.OffsetArgHigh(int(word/2) - 2)
	default:
		return bpf.OffsetArgLow(int(word/2) - 2)
	}
}

// wordAt returns the word of an offset.
func wordAt(at uint32) uint32 {
	for w := range uint32(words) {
		if offset(w) == at {
			return w
		}
	}
	return archWord // no other offset is accepted by bpf.Check
}

// word returns a word of a call.
func word(call *bpf.Data, w uint32) uint32 {
	switch w {
	case archWord:
		return call.Arch
	case nrWord:
		return call.Nr
	}
	value := call.IP
	if w >= argWord {
		value = call.Args[w/2-2]
	}
	if w%2 == 0 {
		return uint32(value >> 32)
	}
	return uint32(value)
}

// bit returns the condition that a bit of a word is set; 0 is the lowest.
func (d *diagram) bit(word uint32, bit int) ref {
	return d.make(32*word+31-uint32(bit), never, always)
}
