package audit

import (
	"slices"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// strongGroups are groups whose members have what is root's, by the names that Debian and others give them. Which group a number is depends on the host; only 0
// is the same everywhere. Source: /usr/share/doc/base-passwd/users-and-groups.txt of Debian.
var strongGroups = []struct {
	names    []string
	severity Severity
	gives    string
}{
	{[]string{"disk"}, High, "reads and writes disks past every file system, and with them every file of the host"},
	{[]string{"kmem"}, High, "reads the host's memory where /dev/mem or /proc/kcore can be opened"},
	{[]string{"docker", "lxd", "incus", "incus-admin", "libvirt"}, High, "has a daemon that is root start what it likes, with every file of the host, where it reaches the daemon's socket"},
	{[]string{"sudo", "wheel", "admin"}, High, "is an administrator to every service that asks for the group, as polkit does"},
	{[]string{"shadow"}, High, "reads the hashes of all passwords"},
	{[]string{"root", "0"}, High, "writes what the group root may write, which is much of the host's"},
	{[]string{"adm", "systemd-journal"}, Medium, "reads the host's logs, in which secrets of other services may be"},
}

// groups reports groups that are as good as root (C19).
func (c *check) groups() {
	report := func(v policy.Value[string], call string) {
		for _, g := range strongGroups {
			if slices.Contains(g.names, v.V) {
				c.addAt(v.Pos, Finding{Rule: "C19", Severity: g.severity, Subject: "group " + v.V, Message: "is in the group " + v.V,
					Shows: c.shows([]string{call}), Gives: g.gives + "; what it does not see, it does not reach", Fix: "leave the group out"})
			}
		}
	}
	report(c.module.Group, "getegid() -> "+c.module.Group.V)
	for _, v := range c.module.GroupAdd {
		report(v, "getgroups() -> "+v.V)
	}
}
