package policy

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// rule is one name in allow or deny: a call or a group.
type rule struct {
	name  string
	at    span
	owner int
	calls []string // what it stands for
}

// group tells whether the rule names a group.
func (r rule) group() bool { return strings.HasPrefix(r.name, "@") }

// seccomp reads which system calls a module may make.
func (d *decoder) seccomp(n *node) Seccomp {
	s := Seccomp{
		Pos:           n.pos,
		Architectures: []Value[string]{{V: "native"}},
		Default:       Value[Action]{V: Action{ActionErrno, uint16(unix.ENOSYS)}},
		Denied:        Value[Action]{V: Action{ActionErrno, uint16(unix.EPERM)}},
	}
	f, ok := d.fields(n, "seccomp", "a map with allow, deny and more", "architectures", "default", "denied", "allow", "deny")
	if !ok {
		return s
	}
	if n := f.get("architectures"); n != nil {
		s.Architectures = d.architectures(n)
	}
	if n := f.get("default"); n != nil {
		s.Default = d.action(n, "default", s.Default.V)
	}
	if n := f.get("denied"); n != nil {
		s.Denied = d.action(n, "denied", s.Denied.V)
	}
	var deny []rule
	if n := f.get("deny"); n != nil {
		deny, _ = d.ruleList(n)
	}
	allowNode := f.get("allow")
	if allowNode == nil {
		if !d.partial {
			f.need("allow", n.span, "seccomp", `allow: ["@default", ...]`)
		}
		return s
	}
	allow, allRead := d.ruleList(allowNode)
	d.rulesTwice(allow)
	d.rulesTwice(deny)
	s.Deny = calls(deny, nil)
	s.Allow = d.allowed(allow, deny)
	if len(s.Allow) == 0 && !d.partial && allRead {
		d.report(codeNothingLeft, allowNode.span, "no system call is allowed, so the program cannot even end").help(`start with allow: ["@default"]`)
	}
	return s
}

// architectures reads the list of system call tables that are open.
func (d *decoder) architectures(n *node) []Value[string] {
	var archs []Value[string]
	d.words(n, "architecture", "a list such as [native]", func(item *node, word string) bool {
		if word != "native" {
			d.report(codeArchitecture, item.span, "architecture %q is closed", word).
				help("this version opens [native] only; other tables of system calls get round a filter easily")
			return false
		}
		archs = append(archs, Value[string]{word, item.pos})
		return true
	})
	if n.kind == kindList && len(n.items) == 0 {
		d.report(codeArchitecture, n.span, "no architecture is open, so no system call can be made").help("write [native] or remove it")
	}
	return archs
}

// ruleList reads the names of a list and of the lists in it, and tells whether it could read all of them.
func (d *decoder) ruleList(n *node) (rules []rule, whole bool) {
	whole = n.kind == kindList
	for _, item := range d.list(n, "a list of system calls and @groups") {
		switch item.kind {
		case kindList:
			more, all := d.ruleList(item)
			rules = append(rules, more...)
			whole = whole && all
		case kindMap:
			d.report(codeNotYet, item.span, "argument rules are not in this version of supervisor").
				help("name the call only, or leave it out")
			whole = false
		default:
			r, ok := d.rule(item)
			if ok {
				rules = append(rules, r)
			}
			whole = whole && ok
		}
	}
	return rules, whole
}

// rule looks a name up in the catalog.
func (d *decoder) rule(item *node) (rule, bool) {
	name, ok := d.word(item, "the name of a system call or a @group")
	if !ok {
		return rule{}, false
	}
	r := rule{name: name, at: item.span, owner: item.owner}
	if r.group() {
		members, known := d.opt.Catalog.Groups[name]
		if !known {
			if !d.full() {
				d.report(codeUnknownGroup, item.span, "unknown group %q", name).hint(didYouMean(nearest(name, maps.Keys(d.opt.Catalog.Groups))))
			}
			return rule{}, false
		}
		r.calls = members
		return r, true
	}
	if _, known := d.opt.Catalog.Calls[name]; !known {
		d.unknownCall(item, name)
		return rule{}, false
	}
	r.calls = []string{name}
	return r, true
}

func (d *decoder) unknownCall(item *node, name string) {
	if d.full() {
		return
	}
	if arch := foreignArchitecture(name); arch != "" {
		d.report(codeForeignCall, item.span, "%q is a system call of %s and not of this architecture", name, arch).
			help("remove it; only the native table is open")
		return
	}
	if _, group := d.opt.Catalog.Groups["@"+name]; group {
		d.report(codeUnknownCall, item.span, "unknown system call %q", name).hint(didYouMean("@" + name))
		return
	}
	d.report(codeUnknownCall, item.span, "unknown system call %q", name).hint(didYouMean(nearest(name, maps.Keys(d.opt.Catalog.Calls))))
}

// rulesTwice reports names that a list has twice where somebody can see it: in one profile or module, or in a profile
// and what extends it. Two profiles that know nothing of each other may name the same call.
func (d *decoder) rulesTwice(rules []rule) {
	seen := map[string][]rule{}
	for _, r := range rules {
		for _, earlier := range seen[r.name] {
			if d.above(earlier.owner, r.owner) {
				d.report(codeListedTwice, r.at, "%q is listed twice", r.name).
					help("the first one is on line %d; remove one of them", earlier.at.pos.Line)
				break
			}
		}
		seen[r.name] = append(seen[r.name], r)
	}
}

// calls returns what rules stand for, sorted and without what is in the set. A call that is named is not shown as
// one of a group.
func calls(rules []rule, without map[string]struct{}) []Call {
	byName := map[string]Call{}
	for _, r := range rules {
		for _, name := range r.calls {
			if _, gone := without[name]; gone {
				continue
			}
			if old, there := byName[name]; there && (old.Group == "" || r.group()) {
				continue
			}
			c := Call{Name: name, Pos: r.at.pos}
			if r.group() {
				c.Group = r.name
			}
			byName[name] = c
		}
	}
	return slices.SortedFunc(maps.Values(byName), func(a, b Call) int { return cmp.Compare(a.Name, b.Name) })
}

// allowed takes what is denied from what is allowed, and reports the entries that have no effect.
func (d *decoder) allowed(allow, deny []rule) []Call {
	denied := map[string]struct{}{}
	byCall := map[string][]rule{}
	for _, r := range deny {
		for _, c := range r.calls {
			denied[c] = struct{}{}
			byCall[c] = append(byCall[c], r)
		}
	}
	for _, r := range allow {
		d.deniedCompletely(r, byCall)
	}
	d.covered(allow)
	return calls(allow, denied)
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
	if len(r.calls) > 0 {
		d.report(codeDenied, r.at, "%q has no effect: deny on line %d takes it away", r.name, by.at.pos.Line).
			help("deny beats allow at any depth; remove one of them")
	}
}

// covered warns of entries that a group beside them has already.
func (d *decoder) covered(allow []rule) {
	var groups []rule // each once for each owner
	sets := map[string]map[string]struct{}{}
	for _, r := range allow {
		if !r.group() || slices.ContainsFunc(groups, func(g rule) bool { return g.name == r.name && g.owner == r.owner }) {
			continue
		}
		groups = append(groups, r)
		if sets[r.name] == nil {
			set := make(map[string]struct{}, len(r.calls))
			for _, c := range r.calls {
				set[c] = struct{}{}
			}
			sets[r.name] = set
		}
	}
	redundant := make([][]rule, len(groups)) // what each group covers
	for _, r := range allow {
		for i, g := range groups {
			set := sets[g.name]
			if r.name == g.name || !d.above(g.owner, r.owner) || !contains(set, r.calls) {
				continue
			}
			if r.group() && len(set) == len(r.calls) && r.name < g.name { // two names of one set: one is enough to report
				continue
			}
			redundant[i] = append(redundant[i], r)
			break
		}
	}
	for i, rules := range redundant {
		d.reportCovered(groups[i], rules)
	}
}

// reportCovered makes one finding of all the entries that a group covers: they tend to come in dozens.
func (d *decoder) reportCovered(g rule, rules []rule) {
	switch len(rules) {
	case 0:
	case 1:
		d.report(codeCovered, rules[0].at, "%q has no effect: %q on line %d allows it already", rules[0].name, g.name, g.at.pos.Line).
			help("remove it")
	default:
		names := make([]string, len(rules))
		for i, r := range rules {
			names[i] = r.name
		}
		d.report(codeCovered, rules[0].at, "%d entries have no effect: %q on line %d allows them already", len(rules), g.name, g.at.pos.Line).
			help("remove %s", strings.Join(names, ", "))
	}
}

func contains(set map[string]struct{}, calls []string) bool {
	for _, c := range calls {
		if _, in := set[c]; !in {
			return false
		}
	}
	return len(calls) > 0
}
