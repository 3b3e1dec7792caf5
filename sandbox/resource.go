package sandbox

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// delegate is how an ordinary user gets control groups.
const delegate = "run the supervisor as root, or where systemd delegates: systemd-run --user --scope -p Delegate=yes supervisor …"

// decideResource goes by what was tried out about control groups, where the facts are of host.ProbeAll; otherwise only by what is mounted. The
// limits are of one key: several only of io.max, for a disk each.
func (c *compiler) decideResource(limits []policy.Resource) {
	r := limits[0]
	controller := host.ControllerOf(r.Key)
	h, ok := c.facts.Cgroup.For(controller)
	switch {
	case ok && h.Version == 1 && host.OnlyVersion2(r.Key):
		c.lacks(r.Key, r.Pos, "control groups of version 1 have nothing like it", "boot with systemd.unified_cgroup_hierarchy=1, for version 2")
	case !ok:
		c.lacks(r.Key, r.Pos, "no control group hierarchy has the "+controller.Name(2)+" controller", "mount one, or enable the controller")
	case c.facts.EUID != 0 && h.Version == 1, !c.facts.UserNS.Initial && h.Version == 1:
		c.lacks(r.Key, r.Pos, "control groups of version 1 cannot be delegated to an ordinary user", "run the supervisor as root")
	case h.ReadOnly:
		c.lacks(r.Key, r.Pos, h.Mount+" is mounted read-only", "mount it read-write")
	case c.facts.Tried && h.Place == "":
		why := "no control group can be made in " + h.Mount
		if h.Dir != "" && h.Errno != 0 {
			why = "no control group can be made in " + h.Dir + ": " + h.Errno.Error()
		}
		c.lacks(r.Key, r.Pos, why, delegate)
	case c.facts.Tried && h.Offers&controller == 0:
		c.lacks(r.Key, r.Pos, h.Place+" does not hand the "+controller.Name(2)+" controller down to new control groups", delegate)
	case r.Key == "io.max":
		c.decideDisks(limits, h)
		return
	case r.Key == "io.weight":
		c.decideWeight(r, h)
	default:
		c.enforced = append(c.enforced, r)
		c.report(r.Key, Enforced, fmt.Sprintf("control groups version %d", h.Version))
	}
	c.resources = append(c.resources, limits...)
}

// decideDisks looks up the disks of io.max on this host: a whole one for each limit.
func (c *compiler) decideDisks(limits []policy.Resource, h host.Hierarchy) {
	named := map[string]policy.Resource{}
	var found, lost []string
	for _, r := range limits {
		disk, err := c.host.Disk(r.Device)
		if err != nil {
			c.hostError(r.Pos, "the disk of "+r.Device, err)
			continue
		}
		if disk.Lacks != "" && c.accepts(r.Key) {
			lost = append(lost, disk.Lacks+" (best_effort)")
			continue
		}
		if disk.Lacks != "" {
			c.lacks(r.Key, r.Pos, disk.Lacks, disk.Enable)
			continue
		}
		if other, twice := named[disk.Number]; twice {
			c.problem("E621", r.Pos, fmt.Sprintf("%s and %s are one disk for io.max, %s (%s)", other.Device, r.Device, disk.Name, disk.Number), "limit it once")
			continue
		}
		named[disk.Number] = r
		found = append(found, fmt.Sprintf("%s (%s) %s", disk.Name, disk.Number, r.Rates))
		r.Device = disk.Number
		c.resources, c.enforced = append(c.resources, r), append(c.enforced, r)
	}
	if len(found) == 0 {
		if len(lost) > 0 {
			c.report("io.max", Missing, strings.Join(lost, "; "))
		}
		return
	}
	detail := fmt.Sprintf("control groups version %d: %s", h.Version, strings.Join(found, ", "))
	if h.Version == 1 && slices.ContainsFunc(limits, func(r policy.Resource) bool { return r.Rates.WBPS > 0 || r.Rates.WIOPS > 0 }) {
		detail += "; not what the kernel writes later on by itself"
	}
	if len(lost) > 0 {
		c.report("io.max", Degraded, detail+"; "+strings.Join(lost, "; "))
		return
	}
	c.report("io.max", Enforced, detail)
}

// decideWeight finds out whether a weight has an effect on this host.
func (c *compiler) decideWeight(r policy.Resource, h host.Hierarchy) {
	w, err := c.host.Weighing(h.Mount)
	switch {
	case err != nil:
		c.hostError(r.Pos, "the disks", err)
	case w.Lacks != "":
		c.lacks(r.Key, r.Pos, w.Lacks, w.Enable)
	default:
		c.enforced = append(c.enforced, r)
		c.report(r.Key, Enforced, fmt.Sprintf("control groups version %d: %s", h.Version, w.Disks))
	}
}

// hierarchies returns where the module has control groups, each once.
func (c *compiler) hierarchies() []host.Hierarchy {
	var out []host.Hierarchy
	for _, r := range c.enforced {
		h, ok := c.facts.Cgroup.For(host.ControllerOf(r.Key))
		if ok && !slices.ContainsFunc(out, func(o host.Hierarchy) bool { return o.Mount == h.Mount }) {
			out = append(out, h)
		}
	}
	return out
}
