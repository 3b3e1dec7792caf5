package seccomp

import (
	"math/rand/v2"

	"github.com/bulkhead/bulkhead/posix/bpf"
)

// sweep compares a program with what is wanted call by call, at the constants of the program and at random: a difference, or nil. It
// shares nothing with the prover.
func sweep(p bpf.Program, want func(bpf.Data) uint32, values []uint32, random *rand.Rand, rounds int) *bpf.Data {
	constants := append([]uint32{0, 1, 0xffffffff, 1 << 31, 1 << 30, 1<<30 - 1, 1<<31 - 1}, values...)
	for _, in := range p {
		constants = append(constants, in.K-1, in.K, in.K+1, ^in.K)
	}
	try := func(d bpf.Data) *bpf.Data {
		if p.Run(d) != want(d) {
			return &d
		}
		return nil
	}
	arches := []uint32{Native().Audit(), Native().Audit(), Native().Audit() + 1, 0, X86.Audit(), random.Uint32()}
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
