package audit

import (
	"slices"
	"strings"

	"github.com/bulkhead/bulkhead/core/policy/call"
	"github.com/bulkhead/bulkhead/core/policy/example"
	"github.com/bulkhead/bulkhead/core/policy/reach"
	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// check audits one module.
type check struct {
	module *policy.Module
	set    *reach.Set
	found  []Finding
	errs   []error
}

// opened is a call that the module can make.
type opened struct {
	arch seccomp.Arch
	data bpf.Data
	call string
}

// allowed returns a call of the region that is let through, on any architecture that is open; nil is every call of the name.
func (c *check) allowed(call string, region *policy.Condition) (opened, bool) {
	return c.find(call, region, reach.Open)
}

func (c *check) find(call string, region *policy.Condition, wanted func(uint32) bool) (opened, bool) {
	for _, arch := range c.set.Arches() {
		if o, found := c.findOn(arch, call, region, wanted); found {
			return o, true
		}
	}
	return opened{}, false
}

func (c *check) findOn(arch seccomp.Arch, call string, region *policy.Condition, wanted func(uint32) bool) (opened, bool) {
	data, found, err := c.set.Find(arch, call, region, wanted)
	if err != nil {
		c.errs = append(c.errs, err)
	}
	return opened{arch, data, call}, found && err == nil
}

// can tells whether any of the calls can be made in any way.
func (c *check) can(calls ...string) bool {
	return slices.ContainsFunc(calls, func(call string) bool {
		_, found := c.allowed(call, nil)
		return found
	})
}

// allOf returns those of the calls that can be made in any way.
func (c *check) allOf(calls []string) (list []opened) {
	for _, call := range calls {
		if o, found := c.allowed(call, nil); found {
			list = append(list, o)
		}
	}
	return list
}

// names lists the calls in a message.
func names(list []opened) string {
	text := make([]string, len(list))
	for i, o := range list {
		text[i] = o.call
	}
	return strings.Join(text, ", ")
}

// add adds a finding with a witness.
func (c *check) add(o opened, f Finding) {
	f.Witness = &Witness{Call: o.data, Arch: o.arch.Name(), Text: call.Describe(o.data, call.On(o.arch)), Answer: c.set.Want(o.data)}
	f.Pos = c.set.Place(o.arch, o.data)
	c.addAt(f.Pos, f)
}

// shows returns the first of the calls that the filter lets through, as the text of a finding.
func (c *check) shows(calls []string) string {
	text, open := example.Pick(c.set, calls)
	if text != "" && !open {
		text += ", if the filter let it through"
	}
	return text
}

// addAt adds a finding that is at a place.
func (c *check) addAt(pos policy.Pos, f Finding) {
	if pos.Line == 0 {
		pos = c.module.Pos
	}
	f.Pos, f.Module = pos, c.module.Name
	c.found = append(c.found, f)
}

// has tells whether the module has a capability.
func (c *check) has(v policy.Capability) bool {
	_, has := c.capability(v)
	return has
}

// own tells whether the module has a namespace of its own.
func (c *check) own(namespace policy.Namespace) bool {
	return slices.ContainsFunc(c.module.Namespaces, func(v policy.Value[policy.Namespace]) bool { return v.V == namespace })
}
