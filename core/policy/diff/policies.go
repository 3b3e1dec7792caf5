package diff

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Policies compares two policies. An error says what could not be compared; the report has the rest.
func Policies(a, b *policy.Policy) (*Report, error) {
	r := &Report{}
	var errs []error
	if a.Kernel.V != b.Kernel.V {
		r.Changes = append(r.Changes, Change{Other, "policy", "kernel", fmt.Sprintf("kernel: >=%d.%d, before: >=%d.%d",
			b.Kernel.V.Major, b.Kernel.V.Minor, a.Kernel.V.Major, a.Kernel.V.Minor), a.Kernel.Pos, b.Kernel.Pos, nil, nil})
		r.showLaunch("uname(…)", "started from that version on", "started from this one on")
	}
	r.listeners(a, b)
	for i := range a.Modules {
		before := &a.Modules[i]
		after := moduleOf(b, before.Name)
		if after == nil {
			r.add(Narrower, "module "+before.Name, "modules", "the module is gone", before.Pos, policy.Pos{})
			r.showLaunch(execveText(before), "started", "not made")
			continue
		}
		errs = append(errs, r.module(before, after))
	}
	for i := range b.Modules {
		if m := &b.Modules[i]; moduleOf(a, m.Name) == nil {
			r.add(Wider, "module "+m.Name, "modules", "the module is new", policy.Pos{}, m.Pos)
			r.showLaunch(execveText(m), "not made", "started")
		}
	}
	slices.SortStableFunc(r.Changes, func(x, y Change) int { return cmp.Compare(x.Direction, y.Direction) })
	return r, errors.Join(errs...)
}

func moduleOf(p *policy.Policy, name string) *policy.Module {
	i := slices.IndexFunc(p.Modules, func(m policy.Module) bool { return m.Name == name })
	if i < 0 {
		return nil
	}
	return &p.Modules[i]
}

func (r *Report) add(d Direction, of, key, message string, a, b policy.Pos) {
	r.Changes = append(r.Changes, Change{d, of, key, message, a, b, nil, nil})
}

func (r *Report) listeners(a, b *policy.Policy) {
	find := func(p *policy.Policy, name string) *policy.Listener {
		i := slices.IndexFunc(p.Listeners, func(l policy.Listener) bool { return l.Name == name })
		if i < 0 {
			return nil
		}
		return &p.Listeners[i]
	}
	for i := range a.Listeners {
		before := &a.Listeners[i]
		of := "listener " + before.Name
		after := find(b, before.Name)
		if after == nil {
			r.add(Narrower, of, "listeners", "the listener is gone", before.Pos, policy.Pos{})
			r.showLaunch("listen(…) at "+before.Sections()[1].Items[0], "0", "not made")
			continue
		}
		r.sections(of, before.Sections(), after.Sections(), func(key string) bool {
			if key != "mode" || before.Mode.V == after.Mode.V {
				return false
			}
			r.add(subset(before.Mode.V, after.Mode.V), of, key, fmt.Sprintf("mode: %04o, before: %04o", after.Mode.V, before.Mode.V),
				or(before.Mode.Pos, before.Pos), or(after.Mode.Pos, after.Pos))
			return true
		})
	}
	for i := range b.Listeners {
		if l := &b.Listeners[i]; find(a, l.Name) == nil {
			r.add(Wider, "listener "+l.Name, "listeners", "the listener is new", policy.Pos{}, l.Pos)
			r.showLaunch("listen(…) at "+l.Sections()[1].Items[0], "not made", "0")
		}
	}
}

// sections compares what is in canonical form, but for the keys that done has compared itself.
func (r *Report) sections(of string, a, b []policy.Section, done func(key string) bool) {
	for i := range a {
		before, after := a[i], b[i]
		if slices.Equal(before.Items, after.Items) || done(before.Key) {
			continue
		}
		r.add(Other, of, before.Key, fmt.Sprintf("%s: %s, before: %s", before.Key, list(after.Items), list(before.Items)), before.Pos, after.Pos)
	}
}

func list(items []string) string {
	text := strings.Join(items, ", ")
	if strings.Trim(text, ", ") == "" {
		return "nothing"
	}
	return text
}

// subset compares two sets of bits that are permissions.
func subset(a, b uint32) Direction {
	switch {
	case b&^a != 0:
		return Wider
	case a&^b != 0:
		return Narrower
	}
	return Other
}

// ordered compares two amounts of which more permits more.
func ordered[T cmp.Ordered](a, b T) Direction {
	switch {
	case b > a:
		return Wider
	case b < a:
		return Narrower
	}
	return Other
}

// or returns the first place that is one.
func or(a, b policy.Pos) policy.Pos {
	if a.Line != 0 {
		return a
	}
	return b
}
