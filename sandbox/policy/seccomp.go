package policy

import (
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

	when        *Expr   // nil for all calls of the name
	answer      *Action // nil for the section's
	ifSupported bool
	overridable bool
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
		deny, _ = d.ruleList(n, true)
	}
	allowNode := f.get("allow")
	if allowNode == nil {
		if !d.partial {
			f.need("allow", n.span, "seccomp", `allow: ["@default", ...]`)
		}
		return s
	}
	allow, allRead := d.ruleList(allowNode, false)
	d.rulesTwice(allow)
	d.rulesTwice(deny)
	d.conditionsElsewhere(s.Architectures, slices.Concat(allow, deny))
	deny = d.lifted(allow, deny)
	s.Deny = calls(deny, nil)
	s.Allow = d.allowed(allow, deny)
	s.Idle = d.idle(allow, deny, s.Denied.V)
	if len(s.Allow) == 0 && !d.partial && allRead {
		d.report(codeNothingLeft, allowNode.span, "no system call is allowed, so the program cannot even end").help(`start with allow: ["@default"]`)
	}
	return s
}

// architectures reads the list of system call tables that are open.
func (d *decoder) architectures(n *node) []Value[string] {
	var archs []Value[string]
	d.words(n, "architecture", "a list such as [native]", func(item *node, word string) bool {
		if word != "native" && !slices.Contains(d.opt.Catalog.Architectures, word) {
			known := append([]string{"native"}, d.opt.Catalog.Architectures...)
			d.report(codeArchitecture, item.span, "unknown architecture %q", word).suggest(word, known)
			return false
		}
		if native := d.opt.Catalog.Native; native != "" && (word == native && hasValue(archs, "native") || word == "native" && hasValue(archs, native)) {
			d.report(codeTwice, item.span, "native is %s here, so it is listed twice", native).help("remove %s; native is right on every machine", native)
			return false
		}
		archs = append(archs, Value[string]{word, item.pos})
		return true
	})
	if n.kind == kindList && len(n.items) == 0 {
		d.report(codeArchitecture, n.span, "no architecture is open, so no system call can be made").help("write [native] or remove it")
	} else if !d.partial && n.kind == kindList && !slices.ContainsFunc(n.items, func(i *node) bool { return i.text == "native" }) {
		d.report(codeArchitecture, n.span, "native is not open, so the program could make no system call").help("add native to the list")
	}
	return archs
}

func hasValue(list []Value[string], word string) bool {
	return slices.ContainsFunc(list, func(v Value[string]) bool { return v.V == word })
}

// ruleList reads the names of a list and of the lists in it, and tells whether it could read all of them.
func (d *decoder) ruleList(n *node, deny bool) (rules []rule, whole bool) {
	whole = n.kind == kindList
	for _, item := range d.list(n, "a list of system calls and @groups") {
		switch item.kind {
		case kindList:
			more, all := d.ruleList(item, deny)
			rules = append(rules, more...)
			whole = whole && all
		case kindMap:
			more, all := d.ruleMap(item, deny)
			rules = append(rules, more...)
			whole = whole && all
		default:
			r, ok := d.ruleName(item, false)
			if ok {
				rules = append(rules, r)
			}
			whole = whole && ok
		}
	}
	return rules, whole
}

// ruleName looks a name up in the catalog. A call that only other architectures have is no error if supported says so.
func (d *decoder) ruleName(item *node, supported bool) (rule, bool) {
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
		if supported && d.elsewhereKnown(name) {
			r.calls = []string{name} // another open architecture may have it
			return r, true
		}
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
	if calls := meantCalls(name); calls != "" {
		g := d.report(codeUnknownCall, item.span, "%q is a function of the C library and no system call of this architecture", name)
		if strings.Contains(calls, ",") {
			g.help("it makes %s", calls)
		} else {
			g.hint(didYouMean(calls))
		}
		return
	}
	if arch := foreignArchitecture(name); arch != "" {
		d.report(codeForeignCall, item.span, "%q is a system call of %s and not of this architecture", name, arch).
			help("remove it, or write {call: %s, if_supported: true}", name)
		return
	}
	if d.elsewhereKnown(name) {
		d.report(codeForeignCall, item.span, "%q is a system call of other architectures and not of this one", name).
			help("remove it, or write {call: %s, if_supported: true}", name)
		return
	}
	if _, group := d.opt.Catalog.Groups["@"+name]; group {
		d.report(codeUnknownCall, item.span, "unknown system call %q", name).hint(didYouMean("@" + name))
		return
	}
	d.report(codeUnknownCall, item.span, "unknown system call %q", name).hint(didYouMean(nearest(name, maps.Keys(d.opt.Catalog.Calls))))
}

// covered warns of entries that a group beside them has already.
func (d *decoder) covered(allow []rule) {
	var groups []rule // each once for each owner
	sets := map[string]map[string]struct{}{}
	for _, r := range allow {
		if !r.group() || r.when != nil || slices.ContainsFunc(groups, func(g rule) bool { return g.name == r.name && g.owner == r.owner }) {
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
			if r.name == g.name || r.when != nil || !d.above(g.owner, r.owner) || !contains(set, r.calls) {
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
		d.report(codeCovered, rules[0].at, "%q has no effect: %q on %s allows it already", rules[0].name, g.name, lineOf(g.at.pos, rules[0].at.pos)).
			help("remove it")
	default:
		names := make([]string, len(rules))
		for i, r := range rules {
			names[i] = r.name
		}
		d.report(codeCovered, rules[0].at, "%d entries have no effect: %q on %s allows them already", len(rules), g.name, lineOf(g.at.pos, rules[0].at.pos)).
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
