package audit

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/policy/example"
	"github.com/bulkhead/bulkhead/core/policy/reach"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// userNamespaceCalls are the ways to a user namespace.
var userNamespaceCalls = [...]struct {
	call   string
	region *policy.Condition
	why    string
}{
	{"unshare", reach.HasAll(0, asLong, unix.CLONE_NEWUSER), ""},
	{"clone", reach.HasAll(0, asLong, unix.CLONE_NEWUSER), ""},
	{"clone3", nil, ": its flags are in memory, where no filter sees them"},
}

// userNamespaces tells whether the module can make one.
func (c *check) userNamespaces() bool {
	for _, u := range userNamespaceCalls {
		if _, found := c.allowed(u.call, u.region); found {
			return true
		}
	}
	return false
}

// makesUserNamespaces reports the ways to a user namespace (C14).
func (c *check) makesUserNamespaces() {
	for _, u := range userNamespaceCalls {
		o, found := c.allowed(u.call, u.region)
		if !found {
			continue
		}
		f := Finding{Rule: "C14", Severity: High, Subject: u.call, Message: "may make a user namespace with " + u.call + u.why,
			Fix: c.fix(o, keepOwnUser)}
		switch u.call {
		case "unshare":
			f.Fix = c.fix(o, "")
		case "clone3":
			f.Fix = "deny: [{call: clone3, action: errno ENOSYS}], so that libraries take clone"
		}
		c.add(o, f)
	}
	for _, kind := range [...]uint64{0, unix.CLONE_NEWUSER} {
		if o, found := c.allowed("setns", reach.Equal(1, asInt, kind)); found {
			c.add(o, Finding{Rule: "C14", Severity: Medium, Subject: "setns", Message: "may enter a user namespace with setns", Source: "setns(2)",
				Fix: c.fix(o, "")})
			return
		}
	}
}

// shared are the namespaces without which a module sees the host.
var shared = [...]struct {
	namespace policy.Namespace
	severity  Severity
	gives     string
	source    string
}{
	{unix.CLONE_NEWNS, High, "shares the host's mounts, and without a root directory of its own Landlock alone is between it and the files",
		"mount_namespaces(7)"},
	{unix.CLONE_NEWPID, Low, "sees the host's processes, and may signal those of the same user", "pid_namespaces(7)"},
	{unix.CLONE_NEWIPC, Medium, "reaches the host's shared memory and message queues", "ipc_namespaces(7)"},
	{unix.CLONE_NEWUTS, Info, "sees the host's name", "uts_namespaces(7)"},
	{unix.CLONE_NEWCGROUP, Info, "sees where it is in the host's control groups", "cgroup_namespaces(7)"},
}

// shares reports the host's network (C20) and the host's other namespaces (C21).
func (c *check) shares() {
	if c.module.Network.V == policy.NetworkHost {
		c.addAt(c.module.Network.Pos, Finding{Rule: "C20", Severity: Medium, Subject: "host", Message: "shares the host's network",
			Shows: c.shows(example.Network())})
	}
	for _, s := range shared {
		if !c.own(s.namespace) {
			var pos policy.Pos
			if len(c.module.Namespaces) > 0 {
				pos = c.module.Namespaces[0].Pos
			}
			c.addAt(pos, Finding{Rule: "C21", Severity: s.severity, Subject: s.namespace.String(),
				Message: "has no " + s.namespace.String() + " namespace of its own",
				Shows:   c.shows(example.Namespace(s.namespace)), Gives: s.gives, Source: s.source})
		}
	}
}
