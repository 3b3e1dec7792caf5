package systemd

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// filter works out which directives say what a seccomp section says.
type filter struct {
	*writer
	m        *policy.Module
	s        policy.Seccomp
	decision *seccomp.Decision
	rules    map[string][]rule // those with a condition, by a call that is let through with some arguments
	allowed  map[string]bool   // calls for SystemCallFilter
	taken    map[string]taken  // what directives that are written deny besides
}

// rule is one with a condition, of one call.
type rule struct {
	policy.Call
	deny bool
}

// calls writes the directives about system calls.
func (w *writer) calls(m *policy.Module) {
	f := &filter{writer: w, m: m, s: m.Seccomp, rules: map[string][]rule{}, allowed: map[string]bool{}, taken: map[string]taken{}}
	d, err := seccomp.Resolve(f.s)
	if err != nil {
		w.note(f.s.Pos, "the system calls are not carried: %v", err)
		return
	}
	f.decision = d
	var archs []string
	for _, a := range f.s.Architectures {
		archs = append(archs, strings.ReplaceAll(strings.ReplaceAll(a.V, "_", "-"), "aarch64", "arm64"))
	}
	w.set("SystemCallArchitectures", "%s", cmp.Or(strings.Join(archs, " "), "native"))
	f.sort()
	if len(archs) <= 1 { // on others some of the directives do nothing
		f.directives()
	}
	for _, call := range slices.Sorted(maps.Keys(f.rules)) {
		f.conditional(call)
	}
	f.list()
	f.answers()
}

// sort tells calls that are let through whatever their arguments are from those with conditions.
func (f *filter) sort() {
	for _, c := range f.s.Allow {
		if c.When == nil {
			f.allowed[c.Name] = true
		}
	}
	for _, c := range f.s.Allow {
		if c.When != nil && !f.allowed[c.Name] {
			f.rules[c.Name] = append(f.rules[c.Name], rule{c, false})
		}
	}
	for _, c := range f.s.Deny {
		if c.When == nil {
			delete(f.allowed, c.Name)
			delete(f.rules, c.Name)
		}
	}
	for _, c := range f.s.Deny {
		if c.When != nil && (f.allowed[c.Name] || len(f.rules[c.Name]) > 0) {
			delete(f.allowed, c.Name)
			f.rules[c.Name] = append(f.rules[c.Name], rule{c, true})
		}
	}
	maps.DeleteFunc(f.rules, func(call string, _ []rule) bool { return !lets(f.decision, call) })
}

// list writes SystemCallFilter. systemd allows @default with every list, so what of it is not allowed is taken away again, but not execve,
// which systemd needs after it loaded the filter.
func (f *filter) list() {
	var names, away []string
	for _, name := range slices.Sorted(maps.Keys(f.allowed)) {
		if known(name) {
			names = append(names, name)
			continue
		}
		since, _ := seccomp.Native().Since(name)
		f.note(f.place(name), "%s is left out: systemd 252 with libseccomp 2.5.4 does not know it, which came with Linux %d.%d; where both do, the unit "+
			"needs it in its SystemCallFilter=", name, since.Major, since.Minor)
	}
	f.lines("", names)
	for _, name := range seccomp.Catalog().Groups["@default"] {
		switch {
		case f.allowed[name] || name == "execve":
		case known(name):
			away = append(away, name)
		default:
			f.note(f.s.Pos, "%s is not taken away: systemd 252 does not know it, but a newer one lets it through with @default", name)
		}
	}
	f.lines("~", away)
	if !f.allowed["execve"] {
		f.note(f.s.Pos, "execve stays allowed: systemd loads its filter before it starts the program")
	}
	f.note(f.s.Pos, "calls that no table has are answered as those that are not allowed: systemd has one answer for both")
}

// place returns where a call is allowed.
func (f *filter) place(call string) policy.Pos {
	for _, c := range f.s.Allow {
		if c.Name == call {
			return c.Pos
		}
	}
	return f.s.Pos
}

// known tells whether systemd 252 of Debian 12 reads a call's name; of others it says "Failed to parse system call, ignoring". Its libseccomp,
// 2.5.4-1+deb12u1, has the calls of Linux 6.7. TestKnown asks the one that is installed.
func known(call string) bool {
	since, has := seccomp.Native().Since(call)
	return !has || since.Major < 6 || since.Major == 6 && since.Minor <= 7
}

// lines writes names, a dozen a line. An empty list is written, too: without one there would be no filter.
func (f *filter) lines(sign string, names []string) {
	if len(names) == 0 && sign == "" {
		names = []string{"exit"}
	}
	for chunk := range slices.Chunk(names, 12) {
		f.set("SystemCallFilter", "%s%s", sign, strings.Join(chunk, " "))
	}
}

// answers writes what denied calls get: all, and single ones.
func (f *filter) answers() {
	for _, c := range f.s.Deny {
		if c.Answer == nil || c.When != nil {
			continue
		}
		switch {
		case c.Name == "execve":
		case !known(c.Name):
			f.note(c.Pos, "the answer %s for %s is not carried: systemd 252 does not know the call, and answers it as all that are denied", c.Answer, c.Name)
		case c.Answer.Kind == policy.ActionErrno:
			f.set("SystemCallFilter", "~%s:%s", c.Name, errnoName(c.Answer.Errno))
		case c.Answer.Kind == policy.ActionKillProcess:
			f.set("SystemCallFilter", "~%s:kill", c.Name)
		default:
			f.note(c.Pos, "the answer %s for %s is not carried: systemd has errno and kill", c.Answer, c.Name)
		}
	}
	switch d := f.s.Denied; d.V.Kind {
	case policy.ActionErrno:
		f.set("SystemCallErrorNumber", "%s", errnoName(d.V.Errno))
	case policy.ActionKillProcess: // what systemd does when nothing is said
	default:
		f.note(d.Pos, "denied: %s is not carried; the process is killed", d.V)
	}
}

// errnoName names an error number as systemd reads it.
func errnoName(n uint16) string {
	if name := unix.ErrnoName(unix.Errno(n)); name != "" {
		return name
	}
	return fmt.Sprint(n)
}
