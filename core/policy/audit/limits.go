package audit

import (
	"fmt"
	"strings"

	"github.com/bulkhead/bulkhead/core/policy/example"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// limits reports what the module can use up of the host (C18).
func (c *check) limits() {
	for _, key := range [...]string{"memory.max", "pids.max"} {
		limited := false
		pos := c.module.Pos
		for _, r := range c.module.Resources {
			if r.Key == key {
				limited, pos = r.Limit >= 0, r.Pos
			}
		}
		if !limited {
			c.addAt(pos, Finding{Rule: "C18", Severity: Medium, Subject: key, Message: "has no limit " + key,
				Shows: c.shows(example.Resource(key, -1))})
		}
	}
	for _, b := range c.module.BestEffort {
		if b.V == "resources" {
			c.addAt(b.Pos, Finding{Rule: "C18", Severity: Info, Subject: "best_effort",
				Message: "its limits may be missing on this host: best_effort has resources",
				Fix:     "remove it where control groups are there"})
		}
	}
}

// user reports a module that runs as root or as nobody in particular (C19).
func (c *check) user() {
	switch user := c.module.User; {
	case c.module.DynamicUser.V:
	case user.V == "root" || user.V == "0":
		c.addAt(user.Pos, Finding{Rule: "C19", Severity: High, Subject: "root", Message: "runs as root",
			Shows: c.shows([]string{"getuid() -> 0", "geteuid() -> 0"}),
			Gives: "owns most files of the host, with or without capabilities: what it can reach, it can change"})
	case user.V == "":
		c.addAt(c.module.Pos, Finding{Rule: "C19", Severity: Low, Subject: "none", Message: "has no user of its own",
			Gives: "runs as the supervisor's user does, with that user's files and processes within reach"})
	}
}

// sharedUsers reports modules that have the same user (C19).
func sharedUsers(p *policy.Policy) (found []Finding) {
	byUser := map[string][]string{}
	for i := range p.Modules {
		m := &p.Modules[i]
		if m.User.V == "" || m.DynamicUser.V {
			continue
		}
		if others := byUser[m.User.V]; len(others) > 0 {
			found = append(found, Finding{Rule: "C19", Severity: Medium, Module: m.Name, Subject: "shared " + m.User.V, Pos: m.User.Pos,
				Message: fmt.Sprintf("has the user %s, as %s has", m.User.V, strings.Join(others, ", ")),
				Gives:   "signals and traces the other's processes and reads its files, where no namespace is in between"})
		}
		byUser[m.User.V] = append(byUser[m.User.V], m.Name)
	}
	return found
}
