package planted

import (
	"math/rand/v2"

	"github.com/bulkhead/bulkhead/posix/bpf"
)

// auditI386 is the architecture of 32 bits that a kernel of x86-64 runs too. Source: linux/audit.h.
const auditI386 = 0x40000003

// Search compares a program with what is wanted call by call, at the constants of the program and, in so many rounds, at random, on
// the native architecture (an AUDIT_ARCH_ value) and others. It returns a call that is answered differently, or nil.
func Search(p bpf.Program, want func(bpf.Data) uint32, native uint32, random *rand.Rand, rounds int) *bpf.Data {
	constants := []uint32{0, 1, 0xffffffff, 1 << 31, 1 << 30, 1<<30 - 1, 1<<31 - 1}
	for _, in := range p {
		constants = append(constants, in.K-1, in.K, in.K+1, ^in.K)
	}
	try := func(d bpf.Data) *bpf.Data {
		if p.Run(d) != want(d) {
			return &d
		}
		return nil
	}
	arches := []uint32{native, native, native + 1, 0, auditI386, random.Uint32()}
	for _, arch := range arches {
		for nr := range uint32(512) {
			for _, d := range []bpf.Data{{Nr: nr, Arch: arch}, {Nr: nr | 1<<30, Arch: arch}, {Nr: nr | 1<<31, Arch: arch}} {
				if d := try(d); d != nil {
					return d
				}
			}
		}
		for _, nr := range constants {
			if d := try(bpf.Data{Nr: nr, Arch: arch}); d != nil {
				return d
			}
		}
	}
	word := func() uint64 {
		if random.IntN(8) == 0 {
			return uint64(random.Uint32())
		}
		return uint64(constants[random.IntN(len(constants))])
	}
	for range rounds {
		d := bpf.Data{Arch: arches[random.IntN(3)], Nr: random.Uint32N(470)}
		if random.IntN(4) == 0 {
			d.Nr = uint32(word())
		}
		for i := range d.Args {
			d.Args[i] = word()
			if random.IntN(3) == 0 {
				d.Args[i] |= word() << 32
			}
		}
		if d := try(d); d != nil {
			return d
		}
	}
	return nil
}
