package audit_test

import (
	"testing"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

func conditional(t *testing.T, call, when string) policy.Call {
	t.Helper()
	e, err := policy.ParseExpr(when)
	if err != nil {
		t.Fatal(err)
	}
	c := allow(call)[0]
	c.When = e
	return c
}

func TestComparedAsAnotherType(t *testing.T) {
	for _, c := range []struct {
		name, call, when, rule, subject string
		found                           bool
	}{
		{"an int in 64 bits", "ioctl", "raw64(cmd) != 0x5412", "C02", "ioctl cmd", true},
		{"an int in 32 bits", "ioctl", "cmd != 0x5412", "C02", "ioctl cmd", false},
		{"an int in 64 bits, which takes away only", "ioctl", "raw64(cmd) == 0x5401", "C02", "ioctl cmd", false},
		{"a pointer", "wait4", "raw64(ru) != 4096", "C03", "wait4 ru", true},
		{"a pointer with NULL", "wait4", "ru == NULL", "C03", "wait4 ru", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := one(policy.Module{Seccomp: policy.Seccomp{Allow: []policy.Call{conditional(t, c.call, c.when)}}})
			f, found := find(run(t, p), c.rule, c.subject)
			if found != c.found {
				t.Fatalf("found %t, want %t", found, c.found)
			}
			if found {
				verified(t, p, f)
			}
		})
	}
}
