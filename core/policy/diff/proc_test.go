package diff_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// TestProcPaths: what is no longer masked or read-only in a proc is wider, by whatever words the lists say it.
func TestProcPaths(t *testing.T) {
	list := func(withDefault bool, names ...string) policy.ProcPaths {
		p := policy.ProcPaths{Pos: policy.Pos{File: "m.yaml", Line: 1, Col: 1}, Default: policy.Value[bool]{V: withDefault}}
		for _, n := range names {
			p.Own = append(p.Own, policy.Value[string]{V: n})
		}
		return p
	}
	proc := func(masked, readOnly policy.ProcPaths) *policy.Policy {
		return module(func(m *policy.Module) {
			m.Filesystem = []policy.Mount{{Kind: policy.MountProc, Path: "/proc", Subset: "all", Access: policy.AccessRead | policy.AccessWrite,
				Pos: m.Pos, Masked: masked, ReadOnly: readOnly}}
		})
	}
	var none policy.ProcPaths
	for _, c := range []struct {
		name string
		a, b *policy.Policy
		want string // directions and words
	}{
		{"the default by its name", proc(none, none), proc(list(true), list(true)), ""},
		{"the default written out", proc(none, none), proc(list(false, policy.DefaultMasked()...), list(false, policy.DefaultReadOnly()...)), ""},
		{"one more", proc(none, none), proc(list(true, "mdstat"), none), "narrower /proc: mdstat is masked"},
		{"one less", proc(list(true, "mdstat"), none), proc(none, none), "wider /proc: mdstat is no longer masked"},
		{"one may be written to", proc(none, none), proc(none, list(false, "bus", "fs", "irq", "sysrq-trigger")), "wider /proc: sys is no longer read-only"},
		{"masked instead of read-only", proc(none, none), proc(list(true, "sys"), none), "narrower /proc: sys is masked"},
		{"nothing is masked", proc(list(false, "keys"), none), proc(list(false), none), "wider /proc: keys is no longer masked"},
	} {
		t.Run(c.name, func(t *testing.T) {
			report := compare(t, c.a, c.b)
			verified(t, c.a, c.b, report)
			var got []string
			for _, change := range report.Changes {
				got = append(got, fmt.Sprintf("%s %s", change.Direction, change.Message))
			}
			slices.Sort(got)
			if s := strings.Join(got, ", "); s != c.want {
				t.Errorf("%q, want %q", s, c.want)
			}
		})
	}
}
