package oci

import (
	"testing"
	"time"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// TestDockerSize emits Docker's default profile and demands that it stays small. The emitter proves each program.
func TestDockerSize(t *testing.T) {
	for _, c := range []struct {
		name   string
		arches []seccomp.Arch
		most   int
	}{
		{"x86_64", []seccomp.Arch{seccomp.X8664}, 75},
		{"three architectures", []seccomp.Arch{seccomp.X8664, seccomp.X86, seccomp.X32}, 240},
	} {
		t.Run(c.name, func(t *testing.T) {
			profile := parsed(t, dockerProfile(t), Options{Arch: seccomp.X8664})
			profile.Arches = c.arches
			p, err := profile.Program()
			if err != nil {
				t.Fatal(err)
			}
			d, err := seccomp.FromProgram(p)
			if err != nil {
				t.Fatal(err)
			}
			begin := time.Now()
			f, err := seccomp.Emit(d)
			if err != nil {
				t.Fatal(err)
			}
			took := time.Since(begin)
			own, err := bpf.Decode(f.Program)
			if err != nil {
				t.Fatal(err)
			}
			if f.Instructions > c.most {
				t.Errorf("%d instructions, want at most %d", f.Instructions, c.most)
			}
			for nr := range uint32(600) {
				for _, arch := range seccomp.Arches() {
					for _, args := range [][6]uint64{{}, {8}, {40}, {0x7e020000}, {0xffffffff, 2}, {0x1_0000_0008}} {
						call := bpf.Data{Arch: arch.Audit(), Nr: nr, Args: args}
						if arch == seccomp.X32 {
							call.Nr |= 0x40000000
						}
						if own.Run(call) != p.Run(call) {
							t.Fatalf("%+v: %#x, want %#x", call, own.Run(call), p.Run(call))
						}
					}
				}
			}
			t.Logf("%d instructions from %d; emitted and proved in %v", f.Instructions, len(p), took)
		})
	}
}
