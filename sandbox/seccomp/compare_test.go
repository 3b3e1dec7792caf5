package seccomp

import (
	"slices"
	"testing"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

func TestCompare(t *testing.T) {
	base := allowing("read", "write")
	wider := allowing("read", "write", "reboot", "socket")
	wider.when(wider.section.Allow, compared(0, 32, false, 0xffffffff, policy.RelEq, 1))
	x32 := allowing("read", "write")
	x32.section.Architectures = []policy.Value[string]{{V: "native"}, {V: "arm"}}
	d := base.decision(t)
	if found := Compare(d, base.decision(t), 10); found != nil {
		t.Errorf("a function differs from itself: %v", found)
	}
	found := Compare(d, wider.decision(t), 10)
	if len(found) != 2 {
		t.Fatalf("%d differences, want those of socket and reboot: %v", len(found), found)
	}
	for _, diff := range found {
		if diff.First != diff.Last || diff.Want != bpf.RetErrno|1 || diff.Got != bpf.RetAllow {
			t.Errorf("%v, numbers %d to %d", &diff, diff.First, diff.Last)
		}
		if base.want(diff.Call) != diff.Want || wider.want(diff.Call) != diff.Got {
			t.Errorf("%v is none", &diff)
		}
	}
	socket := slices.IndexFunc(found, func(d Difference) bool { return d.First == must(t, "socket") })
	if socket < 0 {
		t.Fatal("socket is not found")
	}
	if where := found[socket].Where.String(); where != "arg0 & 0xffffffff == 0x1" {
		t.Errorf("socket differs where %s", where)
	}
	if found := Compare(d, wider.decision(t), 1); len(found) != 1 {
		t.Errorf("%d differences, want the 1 that was asked for", len(found))
	}
	opened := Compare(d, x32.decision(t), 1000)
	for _, diff := range opened {
		if diff.Call.Arch != ARM.Audit() || diff.Where.String() != "any arguments" {
			t.Errorf("another architecture: %v", &diff)
		}
	}
	if n := len(opened); n < 3 || n > 100 {
		t.Errorf("%d differences, which are not ranges of numbers", n)
	}
}
