package diff

import (
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// TestFilters: a filter that lets one call more through is wider, with that call, and narrower the other way round.
func TestFilters(t *testing.T) {
	decide := func(s policy.Seccomp) *seccomp.Decision {
		d, err := seccomp.Resolve(s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	kill := policy.Value[policy.Action]{V: policy.Action{Kind: policy.ActionKillProcess}, Pos: policy.Pos{Line: 1}}
	a := decide(policy.Seccomp{Allow: []policy.Call{{Name: "read"}}})
	b := decide(policy.Seccomp{Allow: []policy.Call{{Name: "read"}, {Name: "ptrace"}}, Default: kill})
	if r := Filters(a, a); len(r.Changes) != 0 {
		t.Errorf("%v", r.Changes)
	}
	there, back := Filters(a, b), Filters(b, a)
	if !there.Wider() || there.Count(Wider) != 1 || there.Count(Other) != 1 || back.Wider() || back.Count(Narrower) != 1 {
		t.Fatalf("%v and %v", there.Changes, back.Changes)
	}
	c := there.Changes[0]
	if !strings.HasPrefix(c.Message, "ptrace: allow, before: ") || a.Want(c.Witness.Call) == bpf.RetAllow || b.Want(c.Witness.Call) != bpf.RetAllow {
		t.Errorf("%+v", c)
	}
}
