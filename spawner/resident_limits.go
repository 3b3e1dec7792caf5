package spawner

import (
	"errors"
	"fmt"

	"github.com/bulkhead/bulkhead/sandbox/cgroup"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/spawner/launch"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// NewResidentHost is [NewHost] for a supervisor whose modules can change: where all controllers are in one hierarchy, groups
// have all of them from the beginning. The library, when it is not nil, writes the limits that it knows.
func NewResidentHost(k Kernel, l *launch.Launcher, f host.Facts, modules []wire.Module, library cgroup.Library) (*Host, error) {
	h, err := newHost(k, l, f, modules, library)
	if err != nil || h.groups == nil {
		return h, err
	}
	if err := h.sweep(); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	for _, name := range h.laterNames() {
		if _, err := h.groups.SweepNamed(name); err != nil {
			return nil, errors.Join(fmt.Errorf("remove control groups of supervisors that died: %w", err), h.Close())
		}
	}
	all := f.Cgroup.V2.Controllers & (host.Memory | host.Pids | host.CPU)
	if offered := f.Cgroup.V2.Offers & host.IO; offered != 0 {
		all |= offered // not every user session has it
	}
	if h.controllers&^all != 0 || h.controllers == all {
		return h, nil // what is needed is elsewhere, or all is there
	}
	if err := h.groups.Close(); err != nil {
		return nil, err
	}
	h.groups = nil
	groups, err := cgroup.Open(k, f, cgroup.Options{Controllers: all, Library: library})
	if err != nil {
		return newHost(k, l, f, modules, library) // as far as it goes
	}
	h.groups, h.controllers = groups, all
	return h, nil
}

// laterNames are those of the groups that are made when a new configuration needs more controllers. There are five controllers, so that happens
// five times at most.
func (h *Host) laterNames() []string {
	return []string{"bulkhead.2", "bulkhead.3", "bulkhead.4", "bulkhead.5", "bulkhead.6"}
}

// admit makes sure that new modules can have their limits. Those that cannot be had are missing in the modules' Enforcement afterwards where
// best_effort names them, and a problem elsewhere.
func (h *Host) admit(f host.Facts, modules []wire.Module) policy.Diagnostics {
	h.expect(modules)
	var limits []policy.Resource
	for _, m := range modules {
		limits = append(limits, m.EnforcedResources()...)
	}
	want := cgroup.Controllers(limits...)
	if want&^h.controllers == 0 && (h.groups != nil || len(limits) == 0) {
		return nil
	}
	err := h.widen(f, want|h.controllers)
	if err == nil {
		return nil
	}
	var ds policy.Diagnostics
	for _, m := range modules {
		lost := false
		for _, l := range m.EnforcedResources() {
			if cgroup.Controllers(l)&^h.controllers == 0 && h.groups != nil {
				continue
			}
			if lost = true; !m.Accepts(l.Key) {
				ds = append(ds, policy.Diagnostic{Code: codeResources, Message: fmt.Sprintf("module %s: %s cannot be had: %v", m.Name, l.Key, err),
					Help: "or accept the loss: best_effort: [resources]", Pos: l.Pos, Width: len(l.Key)})
			}
		}
		if lost {
			h.giveUpMissing(m, err)
		}
	}
	return ds
}

// giveUpMissing records the limits that are not in force because no group has their controller.
func (h *Host) giveUpMissing(m wire.Module, why error) {
	var missing wire.Module
	for _, l := range m.Resources {
		if h.groups == nil || cgroup.Controllers(l)&^h.controllers != 0 {
			missing.Resources = append(missing.Resources, l)
		}
	}
	missing.Enforcement = m.Enforcement // shared, and changed in place
	giveUp([]wire.Module{missing}, why)
}

// widen makes other groups, for instances that are still to come. The others stay where they are.
func (h *Host) widen(f host.Facts, want host.ControllerSet) error {
	o := cgroup.Options{Controllers: want, Library: h.library}
	if h.groups != nil {
		names := h.laterNames()
		if len(h.former) == len(names) {
			return errors.New("bug: control groups were made anew too often; please report it")
		}
		o.Name = names[len(h.former)]
	}
	groups, err := cgroup.Open(h.Kernel, f, o)
	if err != nil {
		return err
	}
	if h.groups != nil {
		h.former = append(h.former, h.groups)
	}
	h.groups, h.controllers = groups, want
	return nil
}
