package suite

import (
	"github.com/bulkhead/bulkhead/core/policy/call"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Live is a call to be made in a sandbox, to see that the kernel agrees.
type Live struct {
	Test   policy.Test
	Module string
	Nr     uint32
	Args   [6]uint64 // the registers, with 0 in what the test leaves open
	Memory []int     // the registers that would point to something; they are 0
	Want   policy.Action
	Call   *call.Call
}

// LiveCalls returns the calls of the results that hold, for a run on a kernel.
func LiveCalls(results []Result) []Live {
	var out []Live
	for _, r := range results {
		if r.Call == nil || !r.OK {
			continue
		}
		l := Live{Test: r.Test, Module: r.Test.Module.V, Nr: r.Call.Data.Nr, Args: r.Call.Data.Args, Want: r.Test.Expect.V, Call: r.Call}
		for _, a := range r.Call.Args {
			if a.Kind == call.Memory {
				l.Memory = append(l.Memory, a.Index)
			}
		}
		out = append(out, l)
	}
	return out
}
