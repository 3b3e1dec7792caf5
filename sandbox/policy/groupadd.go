package policy

import "strings"

// maxGroupAdd keeps a list short enough for all of it to be looked up and, after the launch has set it, read back one by one.
const maxGroupAdd = 64

// groupAdd reads a list of groups, each once.
func (d *decoder) groupAdd(n *node) []Value[string] {
	var list []Value[string]
	if n.kind == kindScalar && n.plainKind() != plainNull {
		d.wrongType(n, "a list of groups").help("write [%s]", strings.Join(strings.FieldsFunc(n.text, func(r rune) bool { return r == ',' || r == ' ' }), ", "))
		return nil
	}
	items := d.list(n, "a list of groups such as [audio, 44]")
	if n.kind == kindList && len(items) == 0 && !d.partial {
		d.report(codeNoEffect, n.span, "group_add has no effect: it is empty").help("remove it, or list groups")
	}
	if len(items) > maxGroupAdd {
		d.report(codeRange, items[maxGroupAdd].span, "group_add has %d groups; at most %d", len(items), maxGroupAdd).help("list fewer, or put the user into them: usermod -aG")
		return nil
	}
	first := map[string]Pos{}
	for _, item := range items {
		v := d.account(item, "group")
		if !v.Set() {
			continue
		}
		if earlier, twice := first[v.V]; twice {
			d.twice(item.span, "group "+v.V, earlier)
			continue
		}
		first[v.V] = v.Pos
		list = append(list, v)
	}
	return list
}

// groupContradictions reports supplementary groups that change nothing.
func (d *decoder) groupContradictions(f fields, m *Module) {
	if len(m.GroupAdd) > 0 && !m.User.Set() && !m.DynamicUser.V {
		d.report(codeNoEffect, f.get("group_add").span, "group_add has no effect without user").help("name a user as well, or say user: {dynamic: true}")
	}
	for _, g := range m.GroupAdd {
		if m.Group.Set() && g.V == m.Group.V {
			d.report(codeNoEffect, d.src.at(g.Pos, len(g.V)), "group %s has no effect in group_add: it is the module's group already", g.V).help("remove it")
		}
	}
}
