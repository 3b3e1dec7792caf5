package explain

import (
	"fmt"
	"io"
	"strings"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Explanation is what a policy means for one system call of one module.
type Explanation struct {
	Module string `json:"module"`
	Call   string `json:"call"`
	// Takes are the call's parameters, by whose names conditions go: "int family"; none when no table has them.
	Takes []string `json:"takes,omitempty"`
	// Answer is what the filter says where no rule of Rules holds: "allow", "errno EPERM", …
	Answer string     `json:"answer"`
	Why    string     `json:"why"`
	Pos    policy.Pos `json:"-"`
	Rules  []Rule     `json:"rules,omitempty"` // in the order in which they count: deny beats allow
	Layers []Layer    `json:"layers,omitempty"`
}

// Rule is an entry of the policy about the call.
type Rule struct {
	Answer string     `json:"answer"`
	When   string     `json:"when,omitempty"`  // the condition; empty is always
	Group  string     `json:"group,omitempty"` // the group that the call came through
	Pos    policy.Pos `json:"-"`
}

// Call explains a call. It is an error when no table has the call.
func Call(m *policy.Module, call string, c policy.Catalog) (Explanation, error) {
	e := Explanation{Module: m.Name, Call: call}
	_, native := c.Calls[call]
	if !native && (c.Known == nil || !c.Known(call)) {
		return e, fmt.Errorf("%q is no system call that the tables know", call)
	}
	s := &m.Seccomp
	if !native {
		e.Answer, e.Pos, e.Why = s.Default.V.String(), place(s.Default.Pos, s.Pos), "default: this architecture has no such call"
		return e, nil
	}
	e.Takes = takes(call, c)
	e.Answer, e.Pos, e.Why = s.Denied.V.String(), place(s.Denied.Pos, s.Pos), "denied: no rule allows it"
	denied := e.Answer
	for _, d := range named(s.Deny, call) {
		answer := denied
		if d.Answer != nil {
			answer = d.Answer.String()
		}
		e.add(d, answer)
	}
	allowed := named(s.Allow, call)
	for _, a := range allowed {
		e.add(a, "allow")
	}
	if len(allowed) > 0 {
		e.Layers = layers(m, call)
	}
	return e, nil
}

// takes returns the parameters of a call as C declares them.
func takes(call string, c policy.Catalog) []string {
	if c.Prototype == nil {
		return nil
	}
	prototype, _ := c.Prototype(call)
	var list []string
	for _, p := range prototype.Params {
		declared := p.Type + " " + p.Name
		if strings.HasSuffix(p.Type, "*") {
			declared = p.Type + p.Name
		}
		list = append(list, declared)
	}
	return list
}

// add adds a rule. One without a condition decides whatever the rules before it leave.
func (e *Explanation) add(c policy.Call, answer string) {
	if e.Why == "" {
		return
	}
	r := Rule{Answer: answer, Group: c.Group, Pos: c.Pos}
	if c.When != nil {
		r.When = c.When.Text
	}
	e.Rules = append(e.Rules, r)
	if c.When == nil {
		e.Answer, e.Pos, e.Why = answer, c.Pos, ""
	}
}

func named(calls []policy.Call, name string) []policy.Call {
	var out []policy.Call
	for _, c := range calls {
		if c.Name == name {
			out = append(out, c)
		}
	}
	return out
}

func place(pos, section policy.Pos) policy.Pos {
	if pos.Line == 0 {
		return section
	}
	return pos
}

// Text prints the explanation for a person.
func (e Explanation) Text(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s(%s)\n", e.Module, e.Call, strings.Join(e.Takes, ", "))
	for _, r := range e.Rules {
		line := "  " + r.Answer
		if r.When != "" {
			line += " when " + r.When
		}
		if r.Group != "" {
			line += ", as one of " + r.Group
		}
		fmt.Fprintf(&b, "%-48s %s\n", line, at(r.Pos))
	}
	if e.Why != "" {
		fmt.Fprintf(&b, "%-48s %s\n", "  "+e.Answer+", "+e.Why, at(e.Pos))
	}
	for _, l := range e.Layers {
		fmt.Fprintf(&b, "  then %s decides: %s\n%48s %s\n", l.Name, l.Says, "", at(l.Pos))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func at(p policy.Pos) string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col) }
