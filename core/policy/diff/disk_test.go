package diff_test

import (
	"testing"

	"github.com/bulkhead/bulkhead/core/policy/diff"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// TestDisks: a rate that is higher, or not limited any more, is wider; each disk and each rate is compared by itself.
func TestDisks(t *testing.T) {
	with := func(limits ...policy.Resource) *policy.Policy {
		return module(func(m *policy.Module) { m.Resources = limits })
	}
	disk := func(device string, rates policy.IORates) policy.Resource {
		return policy.Resource{Key: "io.max", Device: device, Rates: rates}
	}
	for _, c := range []struct {
		name string
		a, b []policy.Resource
		want map[string]diff.Direction
	}{
		{"the same", []policy.Resource{disk("/a", policy.IORates{RBPS: 4096})}, []policy.Resource{disk("/a", policy.IORates{RBPS: 4096})}, nil},
		{"nothing said is max", []policy.Resource{disk("/a", policy.IORates{RBPS: 4096})}, []policy.Resource{disk("/a", policy.IORates{RBPS: 4096, WIOPS: -1})}, nil},
		{"higher", []policy.Resource{disk("/a", policy.IORates{RBPS: 4096})}, []policy.Resource{disk("/a", policy.IORates{RBPS: 1 << 20})},
			map[string]diff.Direction{"io.max /a: rbps 1M, before: 4K": diff.Wider}},
		{"one lower, one gone", []policy.Resource{disk("/a", policy.IORates{RIOPS: 9, WIOPS: 5})}, []policy.Resource{disk("/a", policy.IORates{RIOPS: 8})},
			map[string]diff.Direction{"io.max /a: riops 8, before: 9": diff.Narrower, "io.max /a: wiops max, before: 5": diff.Wider}},
		{"another disk", []policy.Resource{disk("/a", policy.IORates{RIOPS: 9})}, []policy.Resource{disk("/b", policy.IORates{RIOPS: 9})},
			map[string]diff.Direction{"no io.max /a any more": diff.Wider, "io.max /b is new": diff.Narrower}},
		{"a weight", []policy.Resource{{Key: "io.weight", Limit: 50}}, []policy.Resource{{Key: "io.weight", Limit: 60}},
			map[string]diff.Direction{"io.weight: 60, before: 50": diff.Wider}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := with(c.a...), with(c.b...)
			report := compare(t, a, b)
			verified(t, a, b, report)
			if len(report.Changes) != len(c.want) {
				t.Errorf("%d changes, want %d", len(report.Changes), len(c.want))
			}
			for _, change := range report.Changes {
				if d, ok := c.want[change.Message]; !ok || d != change.Direction || change.Key != "resources" || change.Example == nil {
					t.Errorf("%+v", change)
				}
			}
		})
	}
}
