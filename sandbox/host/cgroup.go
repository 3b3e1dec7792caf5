package host

import "strings"

// parseGroups returns the groups of /proc/self/cgroup: keyed by controller for version 1, by "" for version 2. Source: cgroups(7).
func parseGroups(text string) map[string]string {
	groups := make(map[string]string)
	for line := range strings.Lines(text) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(parts) != 3 {
			continue
		}
		for name := range strings.SplitSeq(parts[1], ",") {
			if name != "" || parts[0] == "0" {
				groups[name] = parts[2]
			}
		}
	}
	return groups
}

// cgroupFacts finds the hierarchies. The controllers of version 2 are in a file of it and not known yet.
func cgroupFacts(mounts []mount, groups map[string]string) CgroupFacts {
	var f CgroupFacts
	for _, m := range mounts {
		switch m.fstype {
		case "cgroup2":
			merge(&f.V2, hierarchy(2, m, groups[""], 0))
		case "cgroup":
			set := ParseControllers(strings.ReplaceAll(m.super, ",", " "))
			for _, field := range []struct {
				c ControllerSet
				h *Hierarchy
			}{{Memory, &f.Memory}, {Pids, &f.Pids}, {CPU, &f.CPU}, {Freezer, &f.Freezer}, {CPUSet, &f.CPUSet}, {IO, &f.IO}} {
				if set&field.c != 0 {
					merge(field.h, hierarchy(1, m, groups[field.c.Name(1)], set))
				}
			}
		}
	}
	return f
}

func hierarchy(version int, m mount, group string, set ControllerSet) Hierarchy {
	return Hierarchy{
		Version: version, Mount: m.point, Group: group, Dir: groupDir(m, group),
		Controllers: set, ReadOnly: hasOption(m.options, "ro") || hasOption(m.super, "ro"),
	}
}

// merge keeps the better of two mounts of one hierarchy: one that shows our group, and of these the last, which is on top.
func merge(have *Hierarchy, h Hierarchy) {
	if have.Mount == "" || h.Dir != "" || have.Dir == "" {
		*have = h
	}
}

// groupDir returns the directory of group in a mount, which may show a part of the hierarchy only; empty when it is not
// in that part, or outside of the cgroup namespace.
func groupDir(m mount, group string) string {
	if group == "" || strings.HasSuffix(group, " (deleted)") {
		return ""
	}
	rest := group
	if m.root != "/" {
		var ok bool
		if rest, ok = strings.CutPrefix(group, m.root); !ok || rest != "" && rest[0] != '/' {
			return ""
		}
	}
	if strings.Contains(rest+"/", "/../") {
		return ""
	}
	return strings.TrimSuffix(m.point+rest, "/")
}
