package exchange

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Section is the seccomp section of a module that is written.
type Section struct {
	Architectures   []string // besides native
	Default, Denied string   // actions
	Allow           []string // calls of the native architecture, whatever their arguments are
	Foreign         []string // the same of other open architectures only
	AllowWhen       []Rule
	Deny            []Rule
}

// Rule is a rule with keys.
type Rule struct {
	Call        string
	When        string // "" for always
	Action      string // of a rule in deny; "" for the section's
	IfSupported bool
	Comment     string // where it comes from
}

func (r Rule) String() string {
	keys := "call: " + Scalar(r.Call)
	if r.When != "" {
		keys += ", when: " + Scalar(r.When)
	}
	if r.IfSupported {
		keys += ", if_supported: true"
	}
	if r.Action != "" {
		keys += ", action: " + r.Action
	}
	line := "- {" + keys + "}"
	if r.Comment != "" {
		line += "   # " + Printable(r.Comment)
	}
	return line + "\n"
}

// YAML writes the section, each line behind an indent.
func (s Section) YAML(indent string) string {
	var b strings.Builder
	in := indent + "  "
	arches := append([]string{"native"}, s.Architectures...)
	fmt.Fprintf(&b, "%sseccomp:\n%sarchitectures: [%s]\n%sdefault: %s\n%sdenied: %s\n", indent, in, strings.Join(arches, ", "), in, s.Default, in,
		s.Denied)
	if len(s.Allow)+len(s.Foreign)+len(s.AllowWhen) == 0 {
		b.WriteString(in + "allow: []\n")
	} else {
		b.WriteString(in + "allow:\n" + Lists(in+"  ", s.Allow))
	}
	if len(s.Foreign) > 0 {
		b.WriteString(in + "  # Calls of the other open architectures only.\n")
		for _, line := range strings.Split(strings.TrimSpace(Lists("", s.Foreign)), "\n") {
			fmt.Fprintf(&b, "%s  - {call: %s, if_supported: true}\n", in, strings.TrimPrefix(line, "- "))
		}
	}
	for _, r := range s.AllowWhen {
		b.WriteString(in + "  " + r.String())
	}
	if len(s.Deny) > 0 {
		b.WriteString(in + "deny:\n")
	}
	for _, r := range s.Deny {
		b.WriteString(in + "  " + r.String())
	}
	return b.String()
}

// Program is a module of which only the system calls are known. What is there to be replaced is said in a comment.
func (s Section) Program(title, module string, notes []Note) []byte {
	var b strings.Builder
	b.WriteString(Comment("", title))
	for _, n := range Sorted(notes) {
		b.WriteString(Comment("", "not carried: "+n.String()))
	}
	fmt.Fprintf(&b, "version: 1\n\nmodules:\n  %s:\n", Scalar(cmp.Or(module, "program")))
	b.WriteString("    # It says nothing of the program: put its command, its user and its files here.\n")
	b.WriteString("    command: [/usr/bin/true]\n    user: {dynamic: true}\n    filesystem:\n")
	b.WriteString("      - {path: /usr, access: rx}\n      - {path: /lib, access: rx, if_exists: true}\n      - {path: /lib64, access: rx, " +
		"if_exists: true}\n")
	b.WriteString(s.YAML("    "))
	return []byte(b.String())
}

// Dropped is a rule that the policy language refuses.
type Dropped struct {
	Rule Rule
	Why  string
}

// Drop takes the rules out that the policy language refuses, by what the parser finds in a text with the section.
func (s *Section) Drop(text []byte, findings policy.Diagnostics) []Dropped {
	lines := strings.Split(string(text), "\n")
	refused := map[string]string{}
	for _, g := range findings {
		if n := g.Pos.Line; g.Severity == policy.SeverityError && n > 0 && n <= len(lines) {
			refused[strings.TrimSpace(lines[n-1])] = g.Message
		}
	}
	var out []Dropped
	keep := func(rules []Rule) []Rule {
		return slices.DeleteFunc(rules, func(r Rule) bool {
			why, bad := refused[strings.TrimSpace(r.String())]
			if bad {
				out = append(out, Dropped{r, why})
			}
			return bad
		})
	}
	s.AllowWhen, s.Deny = keep(s.AllowWhen), keep(s.Deny)
	return out
}
