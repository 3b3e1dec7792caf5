package diff

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/bulkhead/bulkhead/core/policy/call"
	"github.com/bulkhead/bulkhead/core/policy/reach"
	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// Filters compares two decision functions of which at least one is no policy's, so that there is no other layer and no line to name. It is exact,
// as [seccomp.Compare] is: nothing is returned only when both answer every call alike.
func Filters(a, b *seccomp.Decision) *Report {
	r := &Report{}
	closed := map[[3]uint32]bool{} // numbers that are no calls, and other architectures: one for each pair of answers
	for _, d := range seccomp.Compare(a, b, maxDifferences) {
		direction := Other
		if reach.Open(d.Want) != reach.Open(d.Got) {
			direction = map[bool]Direction{true: Wider, false: Narrower}[reach.Open(d.Got)]
		}
		arch := archOf(d.Call)
		c := Change{Direction: direction, Of: "filter", Key: "seccomp"}
		name, text := arch.CallName(d.Call.Nr), fmt.Sprintf("call %#x of architecture %#x with %#x", d.Call.Nr, d.Call.Arch, d.Call.Args)
		if name == "" {
			id := [3]uint32{uint32(arch), d.Want, d.Got}
			if closed[id] {
				continue
			}
			closed[id] = true
			name = "numbers that are no calls"
			if arch == 0 {
				name = fmt.Sprintf("architecture %#x", d.Call.Arch)
			}
		} else {
			text = call.Describe(d.Call, call.On(arch))
		}
		c.Message = fmt.Sprintf("%s: %s, before: %s", name, call.Answer(d.Got), call.Answer(d.Want))
		c.Witness = &Witness{Call: d.Call, Arch: archText(arch, d.Call), Text: text, A: d.Want, B: d.Got}
		r.Changes = append(r.Changes, c)
	}
	slices.SortStableFunc(r.Changes, func(x, y Change) int { return cmp.Compare(x.Direction, y.Direction) })
	return r
}

func archText(a seccomp.Arch, d bpf.Data) string {
	if a == 0 {
		return fmt.Sprintf("architecture %#x", d.Arch)
	}
	return a.Name()
}
