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
			f, err := AllowList(c.allow, c.denied)
			if err != nil {
				t.Fatal(err)
			}
			p, err := bpf.Decode(f.Program)
			if err != nil {
				t.Fatal(err)
			}
			allowed := map[uint32]bool{}
			for _, name := range c.allow {
				allowed[must(t, name)] = true
			}
			want := func(d bpf.Data) uint32 {
				switch {
				case d.Arch != Native().Audit(), Native() == X8664 && d.Nr >= 1<<30 && d.Nr != 0xffffffff:
					return bpf.RetKillProcess
				case allowed[d.Nr]:
					return bpf.RetAllow
				}
				return c.denied
			}
			if d := sweep(p, want, random, 2000); d != nil {
				t.Fatalf("%+v: %s, want %s", *d, bpf.Describe(p.Run(*d)), bpf.Describe(want(*d)))
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

func BenchmarkEmit(b *testing.B) {
	d := allowing("@system-service").decision(b)
	for b.Loop() {
		if _, err := Emit(d); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkResolve(b *testing.B) {
	m := withArguments()
	for b.Loop() {
		m.decision(b)
	}
}
