package policy

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
)

// environmentMap turns a list of NAME=value into a map, so that both forms are merged and read alike.
func (d *decoder) environmentMap(n *node) *node {
	m := &node{span: n.span, kind: kindMap, owner: n.owner, entries: make([]entry, 0, len(n.items))}
	first := map[string]Pos{}
	for _, item := range n.items {
		if item.kind != kindScalar || item.plainKind() != plainString {
			d.wrongType(item, "NAME=value")
			continue
		}
		name, value, ok := strings.Cut(item.text, "=")
		if !ok || name == "" {
			d.report(codeEnvironment, item.span, "%q is not NAME=value", item.text).
				help("nothing is taken over from the supervisor's own environment")
			continue
		}
		if earlier, twice := first[name]; twice {
			d.twice(item.span, name, earlier)
			continue
		}
		first[name] = item.pos
		v := *item
		v.text, v.quoted = value, true
		m.entries = append(m.entries, entry{name, item.span, &v})
	}
	return m
}

// environment reads the variables of a module.
func (d *decoder) environment(n *node) []EnvVar {
	if n.kind == kindList {
		n = d.environmentMap(n)
	}
	if n.kind != kindMap {
		d.wrongType(n, "a map or a list of NAME=value")
		return nil
	}
	vars := make([]EnvVar, 0, len(n.entries))
	for _, e := range n.entries {
		if !d.variableName(e) {
			continue
		}
		if e.value.kind == kindScalar && (e.value.plainKind() == plainNull || e.value.plainKind() == plainBool) {
			g := d.wrongType(e.value, "a string or a number")
			if e.value.text == "" {
				g.help(`write "" for an empty value; nothing is taken over from the supervisor's own environment`)
			} else {
				g.help("write it in quotes: %q", e.value.text)
			}
			continue
		}
		if v, ok := d.word(e.value, "a string or a number"); ok {
			vars = append(vars, EnvVar{Name: e.key, Value: v, Pos: e.at.pos})
		}
	}
	slices.SortFunc(vars, func(a, b EnvVar) int { return cmp.Compare(a.Name, b.Name) })
	return vars
}

func (d *decoder) variableName(e entry) bool {
	switch e.key {
	case "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID":
		d.report(codeReservedEnv, e.at, "%s is set by the supervisor", e.key).help("remove it")
		return false
	}
	if e.key == "" || strings.ContainsFunc(e.key, func(r rune) bool { return r == '=' || unicode.IsControl(r) }) {
		d.report(codeName, e.at, "%q cannot be the name of a variable", e.key).help("a name has no '=' and no control characters")
		return false
	}
	return true
}
