package main

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
)

// emitRestrict writes the decorator that denies.
func emitRestrict(b *bytes.Buffer, p *Package) {
	decoratorStart(b, "restrict")
	for _, m := range p.Methods {
		methodStart(b, &m)
		listed := "false"
		if len(m.Params) > 0 {
			listed = fmt.Sprintf("d.rules.%s != nil", m.Name)
		}
		denied := fmt.Sprintf("denied(posix.Op%s, %s, %s, %s)", m.Name, subjectFD(p, &m), subjectPath(p, &m), listed)
		if m.Err {
			denied = "return " + strings.Join(failed(p, &m, "posix", denied), ", ")
		} else {
			denied = "panic(" + denied + ") // there is no error to return, and a made-up result would be believed"
		}
		fmt.Fprintf(b, "\tif !d.Allows%s(%s) {\n\t\t%s\n\t}\n\treturn d.next.%s(%s)\n}\n\n", m.Name, m.Args(), denied, m.Name, m.Args())
		cond := fmt.Sprintf("d.rules.%s == Allow", m.Name)
		if len(m.Params) > 0 {
			cond = fmt.Sprintf("d.open[posix.Op%s] || d.rules.%s != nil && d.rules.%s.%s(%s)", m.Name, m.Name, m.Name, lowerFirst(m.Name), m.Args())
		}
		fmt.Fprintf(b, "// Allows%s tells whether the rules allow a call of [posix.%s.%s].\nfunc (d *Core) Allows%s%s bool {\n\treturn %s\n}\n\n",
			m.Name, m.Interface, m.Name, m.Name, m.ParamList("posix"), cond)
	}
}

// emitRules writes the rules: a field for each method, and for each method with parameters the type of its predicate.
func emitRules(b *bytes.Buffer, p *Package) {
	fmt.Fprintf(b, "package restrict\n\nimport %q\n\n", modulePosix)
	b.WriteString("// Rules is what a process allows itself: a rule for each operation. What has no rule is denied, so the zero value denies everything.\ntype Rules struct {\n")
	iface := ""
	for _, m := range p.Methods {
		if m.Interface != iface {
			if iface != "" {
				b.WriteString("\n")
			}
			iface = m.Interface
			fmt.Fprintf(b, "\t// Of [posix.%s].\n", iface)
		}
		typ := "Rule"
		if len(m.Params) > 0 {
			typ = m.Name + "Rule"
		}
		fmt.Fprintf(b, "\t%s %s\n", m.Name, typ)
	}
	b.WriteString("}\n\n")
	b.WriteString("// opened returns the operations with arguments whose rule is Allow.\nfunc opened(r *Rules) [posix.OpCount]bool {\n\treturn [posix.OpCount]bool{\n")
	for _, m := range p.Methods {
		if len(m.Params) > 0 {
			fmt.Fprintf(b, "\t\tposix.Op%s: r.%s == Allow,\n", m.Name, m.Name)
		}
	}
	b.WriteString("\t}\n}\n\n")
	for _, m := range p.Methods {
		if len(m.Params) == 0 {
			continue
		}
		name, params := lowerFirst(m.Name), m.ParamList("posix")
		fmt.Fprintf(b, "// %s allows the calls of [posix.%s.%s] for which it returns true.\ntype %s func%s bool\n\n", m.Name, m.Interface, m.Name, m.Name, params)
		fmt.Fprintf(b, "// %sRule is a rule about [posix.%s.%s]: [Allow] or a [%s].\ntype %sRule interface {\n\t%s%s bool\n}\n\n",
			m.Name, m.Interface, m.Name, m.Name, m.Name, name, params)
		fmt.Fprintf(b, "func (d %s) %s%s bool { return d != nil && d(%s) }\n\n", m.Name, name, params, m.Args())
		fmt.Fprintf(b, "func (a always) %s%s bool { return bool(a) }\n\n", name, params)
	}
}

// emitPredicates writes a predicate of each type, for tests: the language has no list of a package's types.
func emitPredicates(b *bytes.Buffer, p *Package) {
	fmt.Fprintf(b, "package trial\n\nimport %q\n\n", modulePosix+"/restrict")
	b.WriteString("// Predicates returns a nil predicate of each type. The type has the name of its operation's method.\nfunc Predicates() []any {\n\treturn []any{\n")
	for _, m := range p.Methods {
		if len(m.Params) > 0 {
			fmt.Fprintf(b, "\t\trestrict.%s(nil),\n", m.Name)
		}
	}
	b.WriteString("\t}\n}\n")
}

// lowerFirst makes an exported name one that is not.
func lowerFirst(name string) string {
	first := []rune(name)
	first[0] = unicode.ToLower(first[0])
	return string(first)
}
