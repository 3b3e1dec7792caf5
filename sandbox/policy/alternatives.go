package policy

import (
	"cmp"
	"maps"
	"slices"
)

// rulesTwice reports names that a list has twice where somebody can see it: in one profile or module, or in a profile and what extends it.
// Two profiles that know nothing of each other may name the same call. Rules for one call with other conditions are alternatives.
func (d *decoder) rulesTwice(rules []rule) {
	seen := map[string][]rule{}
	for _, r := range rules {
		for _, earlier := range seen[r.name] {
			if d.above(earlier.owner, r.owner) && d.twiceListed(earlier, r) {
				break
			}
		}
		seen[r.name] = append(seen[r.name], r)
	}
}

// twiceListed reports the second of two rules for one name when one of them has no effect.
func (d *decoder) twiceListed(earlier, r rule) bool {
	line := lineOf(earlier.at.pos, r.at.pos)
	switch {
	case r.when.Equal(earlier.when):
		condition := ""
		if r.when != nil {
			condition = " with this condition"
		}
		d.report(codeListedTwice, r.at, "%q is listed twice%s", r.name, condition).help("the first one is on %s; remove one of them", line)
	case earlier.when == nil && (earlier.answer == nil) == (r.answer == nil):
		d.report(codeUnconditional, r.at, "the condition on %q has no effect: %s lists it without one", r.name, line).help("remove one of them")
	case r.when == nil && (earlier.answer == nil) == (r.answer == nil):
		d.report(codeUnconditional, r.at, "%q without a condition leaves the one on %s without effect", r.name, line).help("remove one of them")
	default:
		return false
	}
	return true
}

// shadowed warns of conditions on calls that a group allows without one.
func (d *decoder) shadowed(allow []rule) {
	groups := map[string][]rule{} // by call
	conditions := slices.ContainsFunc(allow, func(r rule) bool { return r.when != nil })
	for _, g := range allow {
		if !conditions || !g.group() {
			continue
		}
		for _, c := range g.calls {
			groups[c] = append(groups[c], g)
		}
	}
	for _, r := range allow {
		if r.when == nil {
			continue
		}
		for _, g := range groups[r.name] {
			if d.above(g.owner, r.owner) || d.above(r.owner, g.owner) {
				d.report(codeShadowed, r.at, "the condition on %q has no effect: %q on %s allows every %s", r.name, g.name, lineOf(g.at.pos, r.at.pos), r.name).
					help("remove it, or deny the rest: deny: [{call: %s, when: \"!(…)\"}]", r.name)
				break
			}
		}
	}
}

// calls returns what rules stand for, sorted by name and condition, without what is in the set. A call that is named is not shown as one of
// a group, and a call without a condition leaves nothing for one with a condition; but a condition with an answer of its own counts before it.
func calls(rules []rule, without map[string]struct{}) []Call {
	type alternative struct{ name, when string }
	chosen := map[alternative]Call{}
	for _, r := range rules {
		for _, name := range r.calls {
			if _, gone := without[name]; gone {
				continue
			}
			key := alternative{name, r.when.String()}
			old, there := chosen[key]
			if there && r.answer == nil && (old.Answer != nil || old.Group == "" || r.group()) {
				continue
			}
			c := Call{Name: name, Pos: r.at.pos, When: r.when, Answer: r.answer, IfSupported: r.ifSupported}
			if r.group() {
				c.Group = r.name
			}
			chosen[key] = c
		}
	}
	for key, c := range chosen {
		if whole, there := chosen[alternative{name: key.name}]; there && key.when != "" && (c.Answer == nil || whole.Answer != nil && *c.Answer == *whole.Answer) {
			delete(chosen, key)
		}
	}
	return slices.SortedFunc(maps.Values(chosen), func(a, b Call) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.When.String(), b.When.String()))
	})
}

// allowed takes what is denied without a condition from what is allowed, and reports the entries that have no effect.
func (d *decoder) allowed(allow, deny []rule) []Call {
	denied := map[string]struct{}{}
	byCall := map[string][]rule{}
	for _, r := range deny {
		if r.when != nil {
			continue
		}
		for _, c := range r.calls {
			denied[c] = struct{}{}
			byCall[c] = append(byCall[c], r)
		}
	}
	for _, r := range allow {
		d.deniedCompletely(r, byCall)
	}
	d.deniedConditions(allow, deny)
	d.covered(allow)
	d.shadowed(allow)
	d.tooNew(allow)
	return calls(allow, denied)
}

// idle returns the entries of a module's own deny of which nothing is allowed in the first place, and reports answers that are the section's anyway.
// A profile's deny binds what extends it.
func (d *decoder) idle(allow, deny []rule, denied Action) (idle []Value[string]) {
	allowed := map[string]bool{}
	for _, r := range allow {
		for _, c := range r.calls {
			allowed[c] = true
		}
	}
	for _, r := range deny {
		if r.owner != 0 || d.partial {
			continue
		}
		if r.answer != nil && *r.answer == denied {
			d.report(codeNoEffect, r.at, "the action of %q has no effect: it is what denied says", r.name).help("remove it")
		}
		if r.when != nil || r.answer != nil && *r.answer != denied || r.ifSupported {
			continue
		}
		if !slices.ContainsFunc(r.calls, func(c string) bool { return allowed[c] }) {
			idle = append(idle, Value[string]{r.name, r.at.pos})
			continue
		}
		d.deniedByGroup(r, deny)
	}
	return idle
}

// deniedByGroup warns of a denied call that a group beside it denies already.
func (d *decoder) deniedByGroup(r rule, deny []rule) {
	if r.group() {
		return
	}
	for _, g := range deny {
		if g.group() && g.when == nil && g.answer == nil && r.answer == nil && d.above(g.owner, r.owner) && slices.Contains(g.calls, r.name) {
			d.report(codeCovered, r.at, "%q has no effect: %q on %s denies it already", r.name, g.name, lineOf(g.at.pos, r.at.pos)).help("remove it")
			return
		}
	}
}

// deniedCompletely reports an allow entry of which deny leaves nothing. A deny further down is what deny is for.
func (d *decoder) deniedCompletely(r rule, denied map[string][]rule) {
	var by rule
	for _, c := range r.calls {
		i := slices.IndexFunc(denied[c], func(x rule) bool { return d.above(x.owner, r.owner) })
		if i < 0 {
			return
		}
		by = denied[c][i]
	}
	if len(r.calls) == 0 {
		return
	}
	g := d.report(codeDenied, r.at, "%q has no effect: deny on %s takes it away", r.name, lineOf(by.at.pos, r.at.pos))
	if by.owner == r.owner {
		g.help("deny beats allow; remove one of them")
		return
	}
	g.help("deny beats allow at any depth; remove it, or mark it there: {call: %s, overridable: true}", by.name)
}

// deniedConditions reports an allow entry whose very condition is denied.
func (d *decoder) deniedConditions(allow, deny []rule) {
	for _, x := range deny {
		if x.when == nil {
			continue
		}
		for _, r := range allow {
			if r.name == x.name && r.when != nil && r.when.Equal(x.when) && d.above(x.owner, r.owner) {
				d.report(codeDenied, r.at, "%q has no effect: deny on %s takes it away", r.name, lineOf(x.at.pos, r.at.pos)).
					help("deny beats allow at any depth; remove one of them")
			}
		}
	}
}

// lifted returns what is denied after a child allowed by name what a profile above it marked as overridable. Where the child allows under a
// condition, the rest stays denied.
func (d *decoder) lifted(allow, deny []rule) []rule {
	if !slices.ContainsFunc(deny, func(x rule) bool { return x.overridable }) {
		return deny
	}
	var left []rule
	for _, x := range deny {
		if !x.overridable {
			left = append(left, x)
			continue
		}
		for _, call := range x.calls {
			one := x
			one.calls = []string{call}
			gone := false
			for _, r := range allow {
				if r.name != call || r.owner == x.owner || !d.above(x.owner, r.owner) {
					continue
				}
				if r.when == nil {
					gone = true
					break
				}
				one.when = one.when.except(r.when)
			}
			if !gone {
				left = append(left, one)
			}
		}
	}
	return left
}

// except returns the condition e, all calls when it is nil, without that of other.
func (e *Expr) except(other *Expr) *Expr {
	not := &exprNode{op: opNot, of: []*exprNode{other.root}}
	result := &Expr{Pos: other.Pos, root: not}
	if e != nil {
		result.Pos = e.Pos
		result.root = &exprNode{op: opAnd, of: []*exprNode{e.root, not}}
	}
	result.Text = result.String()
	parsed, err := parseExprAt(result.Text, result.Pos, nil) // places are those of the text
	if err != nil {
		return result
	}
	return parsed
}

// elsewhereKnown tells whether another architecture has a call.
func (d *decoder) elsewhereKnown(name string) bool {
	if d.opt.Catalog.Known != nil {
		return d.opt.Catalog.Known(name)
	}
	return foreignArchitecture(name) != ""
}

// tooNew reports the calls that are named and that the oldest kernel of the policy does not have. Groups name what a kernel may lack anyway.
func (d *decoder) tooNew(allow []rule) {
	if d.opt.Catalog.Since == nil || !d.oldest.Set() {
		return
	}
	for _, r := range allow {
		if r.group() || r.ifSupported {
			continue
		}
		since, known := d.opt.Catalog.Since(r.name)
		if oldest := d.oldest.V; known && (since.Major > oldest.Major || since.Major == oldest.Major && since.Minor > oldest.Minor) {
			d.report(codeTooNew, r.at, "%q came with Linux %d.%d, and the policy accepts %d.%d", r.name, since.Major, since.Minor, oldest.Major, oldest.Minor).
				help("write {call: %s, if_supported: true}, or kernel: \">=%d.%d\"", r.name, since.Major, since.Minor)
		}
	}
}
