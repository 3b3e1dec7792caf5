package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bulkhead/bulkhead/spawner/wire"
)

// section is one key of a module or a listener as policies have it, with its place as text.
type section struct {
	key   string
	place string // "web.yaml:14"
	items []string
}

func place(file string, line int) string { return file + ":" + strconv.Itoa(line) }

func sectionsOf(m *wire.Module) []section {
	out := make([]section, len(m.Sections))
	for i, s := range m.Sections {
		out[i] = section{s.Key, place(s.Pos.File, s.Pos.Line), s.Items}
	}
	return out
}

// listenerSections returns the sections of the listener at an index.
func listenerSections(o *wire.Outline, i int) []section {
	list := o.Listeners[i].Sections()
	out := make([]section, len(list))
	for i, s := range list {
		out[i] = section{s.Key, place(s.Pos.File, s.Pos.Line), s.Items}
	}
	return out
}

// change is a section that is not what it was.
type change struct {
	key    string
	reason string
}

// compare returns the sections that differ, in the order of the new configuration; keys that it does not have any more come last.
func compare(from, to []section) []change {
	var out []change
	old := make(map[string]section, len(from))
	for _, s := range from {
		old[s.key] = s
	}
	for _, s := range to {
		was, ok := old[s.key]
		delete(old, s.key)
		if !ok || !slices.Equal(was.items, s.items) {
			out = append(out, change{s.key, reason(s.key, was.items, s.items) + " (" + s.place + ")"})
		}
	}
	for _, s := range from {
		if _, left := old[s.key]; left {
			out = append(out, change{s.key, reason(s.key, s.items, nil)})
		}
	}
	return out
}

// reason says how the items of a section have changed: "seccomp.allow: added socket, connect; removed chmod".
func reason(key string, was, is []string) string {
	switch {
	case key == "environment":
		return key + ": " + variables(was, is)
	case key == "command":
		return key + ": " + shortened(strings.Join(was, " ")) + " -> " + shortened(strings.Join(is, " "))
	case len(was) == len(is) && (len(is) == 1 || key == "restart" || key == "healthcheck"):
		return key + ": " + pairs(was, is)
	}
	added, removed := without(is, was), without(was, is)
	if len(added)+len(removed) == 0 {
		return key + ": another order"
	}
	return key + ": " + sentence(part("added", added), part("removed", removed))
}

// pairs shows items that have a place each.
func pairs(was, is []string) string {
	var out []string
	for i := range is {
		if was[i] != is[i] {
			out = append(out, shown(was[i])+" -> "+shown(is[i]))
		}
	}
	return strings.Join(out, ", ")
}

func shown(item string) string {
	if item == "" {
		return "none"
	}
	return shortened(item)
}

// longest is how many bytes of one value a reason shows.
const longest = 120

func shortened(s string) string {
	if len(s) <= longest {
		return s
	}
	return strings.ToValidUTF8(s[:longest], "") + "..."
}

// variables shows environment variables, whose items are a name and a hash.
func variables(was, is []string) string {
	name := func(item string) string {
		name, _, _ := strings.Cut(item, " ")
		return name
	}
	names := func(items []string) []string {
		out := make([]string, len(items))
		for i, item := range items {
			out[i] = name(item)
		}
		return out
	}
	oldNames, newNames := names(was), names(is)
	var changed []string
	for _, item := range without(is, was) {
		if slices.Contains(oldNames, name(item)) {
			changed = append(changed, name(item))
		}
	}
	text := sentence(part("changed", changed), part("added", without(newNames, oldNames)), part("removed", without(oldNames, newNames)))
	if text == "" {
		return "another order"
	}
	return text
}

// without returns the items of a that are not in b. An item that a has more often than b is returned that many times.
func without(a, b []string) []string {
	count := make(map[string]int, len(b))
	for _, s := range b {
		count[s]++
	}
	var out []string
	for _, s := range a {
		if count[s]--; count[s] < 0 {
			out = append(out, s)
		}
	}
	return out
}

// most is how many items of a kind a reason names.
const most = 8

func part(verb string, items []string) string {
	if len(items) == 0 {
		return ""
	}
	more := ""
	if len(items) > most {
		more = fmt.Sprintf(" and %d more", len(items)-most)
		items = items[:most]
	}
	short := make([]string, len(items))
	for i, item := range items {
		short[i] = shown(item)
	}
	return verb + " " + strings.Join(short, ", ") + more
}

func sentence(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), "; ")
}
