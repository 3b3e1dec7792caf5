package policy

import (
	"maps"
	"slices"
	"strings"
)

// variableDir is the directory of the file that it is written in, with symbolic links resolved: that of the included file in an included file.
const variableDir = "POLICY_DIR"

// interpolate replaces ${NAME} and $$ in a scalar.
func (d *decoder) interpolate(n *node) (string, bool) {
	if !strings.Contains(n.text, "$") {
		return n.text, true
	}
	var b strings.Builder
	ok := true
	rest := n.text
	for {
		before, after, found := strings.Cut(rest, "$")
		b.WriteString(before)
		if !found {
			return b.String(), ok
		}
		switch {
		case strings.HasPrefix(after, "$"):
			b.WriteByte('$')
			rest = after[1:]
		case strings.HasPrefix(after, "{"):
			name, tail, closed := strings.Cut(after[1:], "}")
			if !closed {
				d.report(codeDollar, d.src.within(n.span, "${"), "${ without its }")
				return "", false
			}
			ok = d.variable(n, name, &b) && ok
			rest = tail
		default:
			d.report(codeDollar, d.src.within(n.span, "$"+firstWord(after)), "a dollar sign by itself").
				help("${NAME} is a variable, $$ a dollar sign")
			rest, ok = after, false
		}
	}
}

// variable writes the value of a variable.
func (d *decoder) variable(n *node, name string, b *strings.Builder) bool {
	if dir := d.src.of(n.pos.File).dir; name == variableDir && dir != "" {
		b.WriteString(dir)
		return true
	}
	if v, known := d.opt.Variables[name]; known {
		b.WriteString(v)
		return true
	}
	at := d.src.within(n.span, "${"+name+"}")
	if word := firstWord(name); word != name && word != "" {
		d.report(codeNotYet, at, "defaults and other forms of ${…} are not in this version of supervisor").
			help("write ${%s}", word)
		return false
	}
	known := slices.Collect(maps.Keys(d.opt.Variables))
	if d.opt.Dir != "" {
		known = append(known, variableDir)
	}
	slices.Sort(known)
	known = slices.Compact(known)
	g := d.report(codeUnknownVariable, at, "unknown variable %q", name)
	if len(known) == 0 {
		g.help("no variables are defined; $$ is a dollar sign")
	} else {
		g.hint(didYouMean(nearest(name, slices.Values(known)))).help("known: %s; $$ is a dollar sign", strings.Join(known, ", "))
	}
	return false
}

// firstWord returns the letters, digits and underscores that a string starts with.
func firstWord(s string) string {
	end := strings.IndexFunc(s, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
	if end < 0 {
		return s
	}
	return s[:end]
}
