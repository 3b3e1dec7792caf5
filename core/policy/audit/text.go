package audit

import (
	"fmt"
	"slices"

	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// ruleID is a rule as its author sees it: an entry of allow or of deny. A group is one.
type ruleID struct {
	pos  policy.Pos
	name string
	when *policy.Expr
	deny bool
}

func idOf(call policy.Call, deny bool) ruleID {
	if call.Group != "" {
		return ruleID{call.Pos, call.Group, call.When, deny}
	}
	return ruleID{call.Pos, call.Name, call.When, deny}
}

// deadRules reports rules without which the decision function is the same (C04). Of several that say the same, the first stays.
func (c *check) deadRules() {
	section := c.module.Seccomp
	key := c.set.Decision().Key()
	for _, deny := range [...]bool{false, true} {
		for _, id := range slices.Backward(ruleIDs(section, deny)) {
			without := without(section, id)
			decision, err := seccomp.Resolve(without)
			if err != nil {
				c.errs = append(c.errs, err)
				continue
			}
			if decision.Key() != key {
				continue
			}
			section = without
			list := "allow"
			if deny {
				list = "deny"
			}
			c.addAt(id.pos, Finding{Rule: "C04", Severity: Info, Subject: fmt.Sprintf("%s %s", list, id.name),
				Message: fmt.Sprintf("%q in %s has no effect: without it every call has the same answer", id.name, list)})
		}
	}
}

// ruleIDs returns the rules of a list, each once, in the order of the file. Those that say that they may have no effect are not among them.
func ruleIDs(s policy.Seccomp, deny bool) []ruleID {
	calls := s.Allow
	if deny {
		calls = s.Deny
	}
	var ids []ruleID
	for _, call := range calls {
		if deny && call.When == nil { // it has taken the call out of allow already, which is its effect
			continue
		}
		if id := idOf(call, deny); !call.IfSupported && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	slices.SortStableFunc(ids, func(a, b ruleID) int {
		if a.pos.Line != b.pos.Line {
			return a.pos.Line - b.pos.Line
		}
		return a.pos.Col - b.pos.Col
	})
	return ids
}

// without returns the section without a rule.
func without(s policy.Seccomp, id ruleID) policy.Seccomp {
	list := &s.Allow
	if id.deny {
		list = &s.Deny
	}
	*list = slices.DeleteFunc(slices.Clone(*list), func(call policy.Call) bool { return idOf(call, id.deny) == id })
	return s
}
