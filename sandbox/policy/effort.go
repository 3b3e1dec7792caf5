package policy

import "slices"

// protections are the names that best_effort may have.
func protections() []string {
	names := append(ResourceKeys(), "seccomp", "landlock", "capabilities", "resources", "nosymfollow", "group_add")
	for _, k := range namespaceNames {
		names = append(names, k.name)
	}
	slices.Sort(names)
	return names
}

// bestEffort reads which protections a host may lack. The module's other keys are read already.
func (d *decoder) bestEffort(n *node, m *Module) []Value[string] {
	var list []Value[string]
	resources := slices.ContainsFunc(n.items, func(i *node) bool { return i.text == "resources" })
	d.words(n, "protection", "a list of protections, [] for none", func(item *node, word string) bool {
		if !slices.Contains(protections(), word) {
			d.report(codeUnknownProtection, item.span, "unknown protection %q", word).suggest(word, protections())
			return false
		}
		if resources && slices.Contains(ResourceKeys(), word) {
			d.report(codeTwice, item.span, "%s is listed twice: it is one of resources", word).help("remove one of them")
			return false
		}
		if !d.partial && !m.asksFor(word) {
			d.report(codeNotAskedFor, item.span, "best_effort names %q, which the module does not ask for", word).help("remove it")
			return false
		}
		list = append(list, Value[string]{word, item.pos})
		return true
	})
	return list
}

// asksFor tells whether a module has a protection. Every module has a filter, a file-system list and an exact set of
// capabilities.
func (m *Module) asksFor(protection string) bool {
	switch protection {
	case "seccomp", "landlock", "capabilities":
		return true
	case "nosymfollow":
		return slices.ContainsFunc(m.Filesystem, func(f Mount) bool { return f.NoSymFollow })
	case "group_add":
		return len(m.GroupAdd) > 0
	case "resources":
		return len(m.Resources) > 0
	}
	for _, r := range m.Resources {
		if r.Key == protection {
			return true
		}
	}
	for _, n := range m.Namespaces {
		if n.V.String() == protection {
			return true
		}
	}
	return false
}
