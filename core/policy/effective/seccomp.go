package effective

import (
	"strings"

	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// seccomp writes which system calls a module may make. Those that one line of the policy allows are on one line.
func (w *writer) seccomp(s policy.Seccomp) {
	w.heading(2, "seccomp:")
	var pos policy.Pos
	if len(s.Architectures) > 0 {
		pos = s.Architectures[0].Pos
	}
	w.line(3, pos, "architectures: %s", list(s.Architectures, func(v policy.Value[string]) string { return v.V }))
	w.line(3, s.Default.Pos, "default: %s", s.Default.V)
	w.line(3, s.Denied.Pos, "denied: %s", s.Denied.V)
	w.calls("allow", s.Allow)
	if len(s.Deny) > 0 {
		w.calls("deny", s.Deny)
	}
}

func (w *writer) calls(key string, calls []policy.Call) {
	w.heading(3, "%s:", key)
	type line struct {
		group string
		pos   policy.Pos
	}
	var order []line
	names := map[line][]string{}
	for _, c := range calls {
		c.IfSupported = c.IfSupported || w.newer(c)
		if c.When != nil || c.Answer != nil || c.IfSupported {
			w.line(4, c.Pos, "- {%s}%s", rule(c), through(c.Group))
			continue
		}
		l := line{c.Group, policy.Pos{File: c.Pos.File, Line: c.Pos.Line}}
		if names[l] == nil {
			order = append(order, l)
		}
		names[l] = append(names[l], c.Name)
	}
	for _, l := range order {
		w.heading(4, "- [%s]  # %s%s", strings.Join(names[l], ", "), strings.TrimPrefix(l.group+", ", ", "), w.origins.of(l.pos))
	}
}

// newer tells whether a call that came by a group is newer than the oldest kernel of the policy: by its name that would be an error.
func (w *writer) newer(c policy.Call) bool {
	if w.kernel == (policy.KernelVersion{}) {
		return false
	}
	since, known := seccomp.Native().Since(c.Name)
	return known && c.Group != "" && (since.Major > w.kernel.Major || since.Major == w.kernel.Major && since.Minor > w.kernel.Minor)
}

// through makes the comment of a rule begin with the group that it came by.
func through(group string) string {
	if group == "" {
		return ""
	}
	return "  # " + group + ","
}

// rule writes a rule that is more than a name.
func rule(c policy.Call) string {
	parts := []string{"call: " + c.Name}
	if c.When != nil {
		parts = append(parts, "when: "+text(c.When.Text))
	}
	if c.Answer != nil {
		parts = append(parts, "action: "+c.Answer.String())
	}
	if c.IfSupported {
		parts = append(parts, "if_supported: true")
	}
	return strings.Join(parts, ", ")
}
