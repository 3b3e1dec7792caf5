package host

import (
	"fmt"

	"golang.org/x/sys/unix"
)

const enableDelegation = "run the supervisor as root, or in a group of its own: systemd-run --user --scope -p Delegate=yes supervisor …"

// cgroupReport says of each limit whether instances can have it, and whether their processes can be ended as one.
func cgroupReport(f Facts) []Protection {
	rows := []Protection{
		limitReport(f, Memory, "memory.max"),
		limitReport(f, Pids, "pids.max"),
		limitReport(f, CPU, "cpu.max"),
		limitReport(f, CPUSet, "cpuset.cpus"),
		limitReport(f, IO, "io.max"),
		weightReport(f),
		freezeReport(f),
	}
	return append(rows, killReport(f), available("birth in a cgroup", f.IntoCgroup && usable(f, f.Cgroup.V2), "clone3 with CLONE_INTO_CGROUP",
		birthMissing(f), "Linux 5.7 or newer with a version 2 hierarchy that may be written; with version 1 a child joins before it executes the module"))
}

func birthMissing(f Facts) string {
	if f.Cgroup.V2.Mount == "" {
		return "no version 2 hierarchy is mounted; a child joins its group before it executes the module"
	}
	return "a child joins its group before it executes the module"
}

// usable tells whether groups can be made in h. Facts that were not tried give it the benefit of the doubt.
func usable(f Facts, h Hierarchy) bool {
	return h.Mount != "" && !h.ReadOnly && h.Dir != "" && (!f.Tried || h.Place != "")
}

// limitReport is about one limit, and goes by the hierarchy that sandbox/cgroup would use for it.
func limitReport(f Facts, c ControllerSet, file string) Protection {
	p := Protection{Name: "cgroup " + file, Available: No}
	h, ok := f.Cgroup.For(c)
	switch {
	case !ok:
		p.Detail = "no mounted hierarchy has the controller " + c.Names()[0]
		p.Enable = "mount -t cgroup2 none /sys/fs/cgroup, on a kernel that has the controller and no cgroup_disable="
	case !usable(f, h):
		p.Detail, p.Enable = whyUnusable(h)
	case !f.Tried:
		p.Available, p.Detail = Yes, fmt.Sprintf("version %d at %s; not tried", h.Version, h.Mount)
	case h.Offers&c == 0:
		p.Detail = fmt.Sprintf("version %d: %s does not hand the controller %s down", h.Version, h.Place, c.Names()[0])
		p.Enable = enableDelegation
		if c&(IO|CPUSet) != 0 && f.EUID != 0 { // not among those that systemd's user managers have by themselves: user@.service
			p.Enable += ", with Delegate=yes in the [Service] of user@.service, too"
		}
	default:
		p.Available, p.Detail = Yes, fmt.Sprintf("version %d, in %s", h.Version, h.Place)
	}
	return p
}

// weightReport is about io.weight, which takes a disk that looks at it, too.
func weightReport(f Facts) Protection {
	p := limitReport(f, IO, "io.weight")
	switch w := f.Weighing; {
	case p.Available != Yes || w == Weighing{}:
	case w.Lacks != "":
		p.Available, p.Detail, p.Enable = No, w.Lacks, w.Enable
	default:
		p.Detail += ": " + w.Disks
	}
	return p
}

// whyUnusable says why no group can be made in h, which is mounted.
func whyUnusable(h Hierarchy) (detail, enable string) {
	version := fmt.Sprintf("version %d: ", h.Version)
	switch {
	case h.ReadOnly:
		return version + h.Mount + " is mounted read-only", "mount -o remount,rw,bind " + h.Mount + ", or run the supervisor outside of the container"
	case h.Dir == "":
		return version + fmt.Sprintf("the group of this process, %s, is not visible in %s", h.Group, h.Mount),
			"a cgroup namespace that matches the mount"
	case h.Errno == unix.EACCES || h.Errno == unix.EPERM:
		detail = version + "no permission to make groups in " + h.Dir
	default:
		detail = version + "groups cannot be made in " + h.Dir + ": " + h.Errno.Error()
	}
	if h.Version == 1 {
		return detail, "run the supervisor as root; version 1 cannot be delegated safely"
	}
	return detail, enableDelegation
}

// freezeReport is about stopping all processes of an instance at once.
func freezeReport(f Facts) Protection {
	const name = "cgroup freeze"
	switch {
	case usable(f, f.Cgroup.V2):
		return Protection{Name: name, Available: Yes, Detail: "version 2, cgroup.freeze"}
	case usable(f, f.Cgroup.Freezer):
		return Protection{Name: name, Available: Yes, Detail: "version 1, in " + f.Cgroup.Freezer.Mount}
	}
	p := Protection{Name: name, Available: No, Detail: "no hierarchy is mounted", Enable: "mount -t cgroup2 none /sys/fs/cgroup"}
	for _, h := range []Hierarchy{f.Cgroup.V2, f.Cgroup.Freezer} {
		if h.Mount != "" {
			p.Detail, p.Enable = whyUnusable(h)
			break
		}
	}
	return p
}

// killReport is about ending all processes of an instance at once.
func killReport(f Facts) Protection {
	const name = "cgroup kill"
	v2 := f.Cgroup.V2
	switch {
	case usable(f, v2) && atLeast(f.Kernel, 5, 14):
		return Protection{Name: name, Available: Yes, Detail: "version 2, cgroup.kill: all processes of an instance end at once"}
	case usable(f, v2):
		return Protection{Name: name, Available: Yes, Detail: "version 2, without cgroup.kill: frozen, then killed one by one"}
	}
	for _, h := range []Hierarchy{f.Cgroup.Pids, f.Cgroup.Freezer, f.Cgroup.Memory, f.Cgroup.CPU} {
		if usable(f, h) {
			return Protection{Name: name, Available: Yes,
				Detail: fmt.Sprintf("version 1, in %s: kept from forking, then killed one by one", h.Mount)}
		}
	}
	p := Protection{Name: name, Available: No, Detail: "no hierarchy is mounted", Enable: "mount -t cgroup2 none /sys/fs/cgroup"}
	for _, h := range []Hierarchy{v2, f.Cgroup.Pids} {
		if h.Mount != "" {
			p.Detail, p.Enable = whyUnusable(h)
			break
		}
	}
	if f.Namespaces&unix.CLONE_NEWPID != 0 && privileged(f) {
		p.Available = Partly
		p.Detail += "; with a pid namespace the end of its init ends them all"
	}
	return p
}
