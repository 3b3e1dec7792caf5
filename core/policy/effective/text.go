package effective

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bulkhead/bulkhead/core/policy/format"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Text returns a policy with the modules as they are when their profiles are merged, and with the listeners that they get. Texts are those of
// the files that the policy was read from, by the names in its positions. An empty module means all of them. An error says that there is no
// such module.
func Text(p *policy.Policy, texts map[string][]byte, module string) ([]byte, error) {
	names := make([]string, len(p.Modules))
	for i := range p.Modules {
		names[i] = p.Modules[i].Name
	}
	if module != "" && !slices.Contains(names, module) {
		return nil, fmt.Errorf("show module %q of %s: it is not defined; defined: %s", module, p.File, strings.Join(names, ", "))
	}
	w := &writer{origins: newOrigins(texts), kernel: p.Kernel.V}
	w.line(0, p.Version.Pos, "version: %d", p.Version.V)
	if p.Kernel.Set() {
		w.line(0, p.Kernel.Pos, `kernel: ">=%d.%d"`, p.Kernel.V.Major, p.Kernel.V.Minor)
	}
	w.listeners(p, module)
	w.heading(0, "modules:")
	for i := range p.Modules {
		if m := &p.Modules[i]; module == "" || m.Name == module {
			w.line(1, m.Pos, "%s:", text(m.Name))
			w.life(m)
			w.restrictions(m)
			w.seccomp(m.Seccomp)
		}
	}
	out, findings := format.Format(p.File, []byte(w.b.String()))
	if out == nil {
		return nil, fmt.Errorf("lay out the effective policy of %s: %w; this is a bug of ours, please report it with the file", p.File, findings)
	}
	return out, nil
}

// writer collects lines with their origins.
type writer struct {
	b       strings.Builder
	origins origins
	kernel  policy.KernelVersion // the oldest that the policy is for
}

// line writes a line at a depth, with where it comes from.
func (w *writer) line(depth int, pos policy.Pos, form string, args ...any) {
	w.heading(depth, form+"  # %s", append(args, w.origins.of(pos))...)
}

// heading writes a line that comes from nowhere.
func (w *writer) heading(depth int, form string, args ...any) {
	w.b.WriteString(strings.Repeat("  ", depth) + fmt.Sprintf(form, args...) + "\n")
}

// value writes a key whose value is a string.
func (w *writer) value(key string, v policy.Value[string]) {
	w.line(2, v.Pos, "%s: %s", key, text(v.V))
}

// text writes a string so that it is read as that string; the quotes that it does not need go when it is laid out.
func text(s string) string { return strconv.Quote(strings.ReplaceAll(s, "$", "$$")) }

// list writes strings as a list.
func list[T any](values []T, show func(T) string) string {
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = text(show(v))
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

func (w *writer) listeners(p *policy.Policy, module string) {
	used := map[string]bool{}
	for _, m := range p.Modules {
		for _, r := range m.Listeners {
			used[r.Name] = used[r.Name] || module == "" || m.Name == module
		}
	}
	first := true
	for _, l := range p.Listeners {
		if !used[l.Name] {
			continue
		}
		if first {
			w.heading(0, "listeners:")
			first = false
		}
		w.line(1, l.Pos, "%s:", text(l.Name))
		w.line(2, l.Pos, "address: %s", text(address(l)))
		if l.Network != "udp" {
			w.line(2, l.Backlog.Pos, "backlog: %d", l.Backlog.V)
		}
		if l.Network == "unix" {
			w.line(2, l.Mode.Pos, `mode: "%04o"`, l.Mode.V)
			w.account("user", l.User)
			w.account("group", l.Group)
		}
	}
}

func address(l policy.Listener) string {
	switch l.Network {
	case "unix":
		return "unix:" + l.Path
	case "udp":
		return "udp:" + l.Addr.String()
	}
	return l.Addr.String()
}

// account writes a user or a group that is named.
func (w *writer) account(key string, v policy.Value[string]) {
	if v.Set() {
		w.value(key, v)
	}
}
