package audit

import (
	"fmt"

	"github.com/bulkhead/bulkhead/core/policy/reach"
	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// types reports answers that depend on the upper half of an int (C02) and on where a pointer points to (C03). Where registers have 32
// bits there is no upper half.
func (c *check) types() {
	for _, arch := range c.set.Arches() {
		if arch != seccomp.X8664 && arch != seccomp.AArch64 {
			continue
		}
		for name := range arch.Calls() {
			cases, known := c.set.Cases(arch, name)
			prototype, declared := arch.Prototype(name)
			if !known || !declared || len(cases) < 2 {
				continue
			}
			for i, p := range prototype.Params {
				region, differ := upperHalf, p.Width == 32
				if p.Pointer {
					region, differ = pointed, true
				}
				if differ {
					c.argument(arch, name, i, p, cases, region)
				}
			}
		}
	}
}

// argument looks for two calls that the kernel has no reason to tell apart, of which one is open and one is closed.
func (c *check) argument(arch seccomp.Arch, name string, i int, p policy.Param, cases []seccomp.Case,
	both func(open, closed seccomp.Case, i int) *policy.Condition) {
	for _, open := range cases {
		for _, closed := range cases {
			if !reach.Open(open.Answer) || reach.Open(closed.Answer) {
				continue
			}
			args, found, err := reach.Solve(both(open, closed, i))
			if err != nil {
				c.errs = append(c.errs, err)
				return
			}
			nr, _ := arch.Number(name)
			data := bpf.Data{Nr: nr, Arch: arch.Audit(), Args: args}
			if !found || !reach.Open(c.set.Want(data)) {
				continue
			}
			f := Finding{Rule: "C02", Severity: High, Subject: name + " " + p.Name,
				Message: fmt.Sprintf("the upper half of %s, of type %s, decides about %s", p.Name, p.Type, name)}
			if p.Pointer {
				f.Rule, f.Severity = "C03", Medium
				f.Message = fmt.Sprintf("the value of %s, of type %s, decides about %s", p.Name, p.Type, name)
			}
			c.add(opened{arch, data, name}, f)
			return
		}
	}
}

// upperHalf is where a call is open with something in the upper half of an argument, and closed without.
func upperHalf(open, closed seccomp.Case, i int) *policy.Condition {
	if closed.Value[i]>>32 != 0 {
		return reach.Never()
	}
	closed.Mask[i] &= 1<<32 - 1
	return reach.And(reach.In(open.Region), reach.In(closed.Region), reach.Not(reach.Masked(i, 64, 0xffffffff<<32, 0)))
}

// pointed is where a call is open with a pointer, and closed with another one that is not NULL either.
func pointed(open, closed seccomp.Case, i int) *policy.Condition {
	if closed.Mask[i] == ^uint64(0) && closed.Value[i] == 0 {
		return reach.Never()
	}
	closed.Mask[i], closed.Value[i] = 0, 0
	return reach.And(reach.In(open.Region), reach.In(closed.Region), reach.Not(reach.Equal(i, 64, 0)))
}
