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
	for _, v := range section.Idle {
		c.addAt(v.Pos, Finding{Rule: "C04", Severity: Info, Subject: "deny " + v.V,
			Message: fmt.Sprintf("%q in deny has no effect: nothing allows it", v.V)})
	}
	for _, deny := range [...]bool{false, true} {
		for _, id := range slices.Backward(ruleIDs(section, deny)) {
			dead, err := c.dead(section, id)
			if err != nil {
				c.errs = append(c.errs, err)
				continue
			}
			if !dead {
				continue
			}
			section = without(section, id)
			list := "allow"
			if deny {
				list = "deny"
			}
			c.addAt(id.pos, Finding{Rule: "C04", Severity: Info, Subject: fmt.Sprintf("%s %s", list, id.name),
				Message: fmt.Sprintf("%q in %s has no effect: without it every call has the same answer", id.name, list)})
		}
	}
}

// dead tells whether a rule makes no difference. It can make one to the calls that it is about only, so those decide; and most rules are the only one
// about some call, which is then open with them and closed without.
func (c *check) dead(s policy.Seccomp, id ruleID) (bool, error) {
	names := map[string]bool{}
	for _, call := range rulesOf(s, id.deny) {
		if idOf(call, id.deny) == id {
			names[call.Name] = true
		}
	}
	about := s
	about.Allow, about.Deny = aboutCalls(s.Allow, names), aboutCalls(s.Deny, names)
	if !id.deny && c.alone(about, id) {
		return false, nil
	}
	with, err := seccomp.Resolve(about)
	if err != nil {
		return false, err
	}
	lacking, err := seccomp.Resolve(without(about, id))
	if err != nil {
		return false, err
	}
	return with.Key() == lacking.Key(), nil
}

// alone tells whether some call of an unconditional rule of allow is in no other rule, and there is such a call on an architecture that is open.
func (c *check) alone(about policy.Seccomp, id ruleID) bool {
	others := map[string]bool{}
	for _, call := range about.Deny {
		others[call.Name] = true
	}
	for _, call := range about.Allow {
		if idOf(call, false) != id {
			others[call.Name] = true
		}
	}
	return id.when == nil && slices.ContainsFunc(about.Allow, func(call policy.Call) bool {
		return !others[call.Name] && slices.ContainsFunc(c.set.Arches(), func(a seccomp.Arch) bool {
			_, has := a.Number(call.Name)
			return has
		})
	})
}

func rulesOf(s policy.Seccomp, deny bool) []policy.Call {
	if deny {
		return s.Deny
	}
	return s.Allow
}

// aboutCalls returns the rules that are about one of the calls.
func aboutCalls(rules []policy.Call, names map[string]bool) (list []policy.Call) {
	for _, call := range rules {
		if names[call.Name] {
			list = append(list, call)
		}
	}
	return list
}

// ruleIDs returns the rules of a list, each once, in the order of the file. Those that say that they may have no effect are not among them.
func ruleIDs(s policy.Seccomp, deny bool) []ruleID {
	var ids []ruleID
	seen := map[ruleID]bool{}
	for _, call := range rulesOf(s, deny) {
		if deny && call.When == nil { // it has taken the call out of allow already, which is its effect
			continue
		}
		if id := idOf(call, deny); !call.IfSupported && !seen[id] {
			seen[id] = true
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
