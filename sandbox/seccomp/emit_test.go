package seccomp

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/bulkhead/bulkhead/posix/bpf"
)

func TestAllowList(t *testing.T) {
	var every []string
	for i, name := range slices.Sorted(maps.Keys(Catalog().Calls)) {
		if i%2 == 0 { // as many ranges as there can be: jumps that are too far for a comparison
			every = append(every, name)
		}
	}
	random := rand.New(rand.NewPCG(7, 8))
	for _, c := range []struct {
		name   string
		allow  []string
		denied uint32
	}{
		{"nothing", nil, bpf.RetKillProcess},
		{"one", []string{"read"}, bpf.RetKillProcess},
		{"twice", []string{"write", "read", "write"}, bpf.RetErrno | 1},
		{"a service", Catalog().Groups["@system-service"], bpf.RetErrno | 1},
		{"every other", every, bpf.RetKillThread},
		{"all", slices.Collect(maps.Keys(Catalog().Calls)), bpf.RetErrno | 38},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, err := AllowList(c.allow, c.denied)
			if err != nil {
				t.Fatal(err)
			}
			p, err := bpf.Decode(b)
			if err != nil {
				t.Fatal(err)
			}
			allowed := map[uint32]bool{}
			for _, name := range c.allow {
				allowed[must(t, name)] = true
			}
			for range 3000 {
				nr := []uint32{random.Uint32N(600), random.Uint32(), 1<<30 | random.Uint32N(600)}[random.IntN(3)]
				want := c.denied
				switch {
				case otherABI(nr):
					want = bpf.RetKillProcess
				case allowed[nr]:
					want = bpf.RetAllow
				}
				if got := p.Run(bpf.Data{Nr: nr, Arch: nativeArch}); got != want {
					t.Fatalf("%#x (%s): %s, want %s", nr, Name(nr), bpf.Describe(got), bpf.Describe(want))
				}
				if got := p.Run(bpf.Data{Nr: nr, Arch: 0x40000003}); got != bpf.RetKillProcess {
					t.Fatalf("%#x of i386: %s", nr, bpf.Describe(got))
				}
			}
			t.Logf("%d calls, %d instructions", len(allowed), len(p))
		})
	}
}

func TestAllowListOfUnknownCalls(t *testing.T) {
	if _, err := AllowList([]string{"read", "raed"}, bpf.RetKillProcess); err == nil {
		t.Error("raed was accepted")
	}
}
