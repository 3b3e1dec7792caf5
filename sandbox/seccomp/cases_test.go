package seccomp

import (
	"math/rand/v2"
	"testing"

	"github.com/bulkhead/bulkhead/posix/bpf"
)

// TestCases: every argument is in one case, whose answer is what the function wants.
func TestCases(t *testing.T) {
	m := withArguments()
	d := m.decision(t)
	random := rand.New(rand.NewPCG(3, 4))
	for name, nr := range Native().Calls() {
		cases := d.Cases(Native(), nr, 2000)
		if len(cases) == 0 {
			t.Errorf("%s has too many cases", name)
		}
		for range 50 {
			call := bpf.Data{Nr: nr, Arch: Native().Audit()}
			for i := range call.Args {
				call.Args[i] = []uint64{random.Uint64N(16), random.Uint64(), 0xffffffff, 0x20008}[random.IntN(4)]
			}
			in := 0
			for _, c := range cases {
				inside := call.IP&c.IPMask == c.IPValue
				for i, arg := range call.Args {
					inside = inside && arg&c.Mask[i] == c.Value[i]
				}
				if inside {
					in++
					if c.Answer != m.want(call) {
						t.Fatalf("%s: %s is answered with %s, want %s", name, c.Region, bpf.Describe(c.Answer), bpf.Describe(m.want(call)))
					}
				}
			}
			if in != 1 {
				t.Fatalf("%s: %#x is in %d cases", name, call.Args, in)
			}
		}
	}
	if cases := d.Cases(Native(), must(t, "socket"), 2); cases != nil {
		t.Errorf("%d cases, more than the limit", len(cases))
	}
}
