package audit

import (
	"fmt"

	"github.com/bulkhead/bulkhead/core/policy/reach"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// architectures reports what is open besides the native table of calls (C01), and calls of no table (C22).
func (c *check) architectures() {
	for _, arch := range c.set.Arches() {
		if arch == seccomp.Native() {
			continue
		}
		o, found := c.anyOn(arch)
		if !found {
			continue
		}
		c.add(o, Finding{Rule: "C01", Severity: High, Subject: arch.Name(), Message: fmt.Sprintf("the system calls of %s are open", arch)})
		for _, a := range c.module.Seccomp.Architectures {
			if a.V == arch.Name() {
				c.found[len(c.found)-1].Pos = a.Pos
			}
		}
	}
	if data, arch := c.set.Other(); reach.Open(c.set.Want(data)) {
		c.add(opened{arch, data, ""}, Finding{Rule: "C22", Severity: High, Subject: "default",
			Message: "system calls that the table does not know are open"})
	}
}

// anyOn returns a call of the architecture that is open.
func (c *check) anyOn(arch seccomp.Arch) (opened, bool) {
	for name := range arch.Calls() {
		if o, found := c.findOn(arch, name, nil, reach.Open); found {
			return o, true
		}
	}
	return opened{}, false
}
