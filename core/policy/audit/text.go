package audit

import (
	"fmt"

	"github.com/bulkhead/bulkhead/core/policy/reach"
	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// text reports what is about the way that rules are written (C02, C03, C04).
func (c *check) text() {
	c.deadRules()
}

// ruleID is a rule as its author sees it: an entry of allow or of deny. A group is one.
type ruleID struct {
	pos  policy.Pos
	name string
	deny bool
}

func idOf(call policy.Call, deny bool) ruleID {
	if call.Group != "" {
		return ruleID{call.Pos, call.Group, deny}
	}
	return ruleID{call.Pos, call.Name, deny}
}

// deadRules reports rules without which the decision function is the same (C04). Of several that say the same, one has effect.
func (c *check) deadRules() {
	alive := map[ruleID]bool{}
	var order []ruleID
	note := func(list []policy.Call, deny bool) {
		for _, call := range list {
			id := idOf(call, deny)
			if _, seen := alive[id]; !seen {
				order = append(order, id)
			}
			alive[id] = alive[id] || call.IfSupported || c.effective(call, deny)
		}
	}
	note(c.module.Seccomp.Deny, true)
	note(c.module.Seccomp.Allow, false)
	for _, id := range order {
		if alive[id] {
			continue
		}
		list := "allow"
		if id.deny {
			list = "deny"
		}
		c.addAt(id.pos, Finding{Rule: "C04", Severity: Info, Subject: fmt.Sprintf("%s %s", list, id.name),
			Message: fmt.Sprintf("%q in %s has no effect: without it every call has the same answer", id.name, list)})
	}
}

// effective tells whether some call would have another answer without the rule.
func (c *check) effective(call policy.Call, deny bool) bool {
	for _, arch := range c.set.Arches() {
		nr, has := arch.Number(call.Name)
		if has && c.effectiveOn(arch, nr, call, deny) {
			return true
		}
	}
	return false
}

// effectiveOn walks the pieces of a call: what comes before the rule has taken its part, what comes after it answers what is left.
func (c *check) effectiveOn(arch seccomp.Arch, nr uint32, call policy.Call, deny bool) bool {
	left := reach.Always()
	var rule *reach.Piece
	for _, p := range c.set.Pieces(arch, call.Name) {
		switch {
		case rule == nil && p.Rule != nil && same(*p.Rule, call):
			left = reach.And(left, p.When)
			rule = &p
		case rule != nil && p.Answer != rule.Answer:
			args, found, err := reach.Solve(reach.And(left, p.When))
			if err != nil {
				c.errs = append(c.errs, err)
				return true
			}
			if found && c.set.Want(bpf.Data{Nr: nr, Arch: arch.Audit(), Args: args}) == rule.Answer {
				return true
			}
			left = reach.And(left, reach.Not(p.When))
		default:
			left = reach.And(left, reach.Not(p.When))
		}
	}
	return false
}

// same tells whether two are the same entry.
func same(a, b policy.Call) bool {
	return a.Pos == b.Pos && a.Name == b.Name && a.When == b.When && a.Answer == b.Answer
}
