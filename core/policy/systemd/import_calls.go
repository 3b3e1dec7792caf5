package systemd

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/policy/exchange"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// killed is the answer of a call in a list: the process ends.
const killed = -2

// callList is what SystemCallFilter says, as systemd keeps it.
type callList struct {
	allow bool
	calls map[string]int // with the error number that a call is answered with: -1 is the list's own
	where map[string]*assignment
}

// calls reads the directives about system calls.
func (im *importer) calls(u *unit, m *moduleYAML) {
	s := &m.seccomp
	im.architectures(u, s)
	list := im.callList(u)
	answer := "kill_process" // systemd.exec(5), SystemCallErrorNumber
	if a := u.scalar("Service", "SystemCallErrorNumber"); a != nil && a.value != "kill" {
		if n, ok := errnoOf(a.value); ok && n > 0 {
			answer = "errno " + errnoName(uint16(n))
		} else {
			im.note(a.pos, "SystemCallErrorNumber=%s is not carried: it is no error number", short(a.value))
		}
	}
	s.Denied, s.Default = answer, answer
	allowed := map[string]bool{}
	switch {
	case list == nil || !list.allow:
		if s.Default = "errno ENOSYS"; list == nil {
			s.Denied = "errno EPERM"
			im.note(m.pos, "there is no SystemCallFilter: all calls that the table has are allowed, and numbers that it does not have are answered with "+
				"ENOSYS")
		} else {
			im.note(m.pos, "SystemCallFilter is a list of what is denied: all other calls that the table has are allowed, and numbers that it does not "+
				"have are not")
		}
		for name := range seccomp.Native().Calls() {
			allowed[name] = true
		}
	}
	if list != nil {
		im.merge(list, allowed, s)
	}
	im.denials(u, m, allowed)
	s.Allow = slices.Sorted(maps.Keys(allowed))
}

// architectures reads which others than the native one are open. Without the directive all are.
func (im *importer) architectures(u *unit, s *exchange.Section) {
	others := seccomp.Catalog().Architectures
	open := map[string]bool{}
	lines := u.words("Service", "SystemCallArchitectures")
	for _, w := range lines {
		name := strings.ReplaceAll(strings.ReplaceAll(w.text, "x86-64", "x86_64"), "arm64", "aarch64")
		switch {
		case name == "native" || name == seccomp.Native().Name():
		case slices.Contains(others, name):
			open[name] = true
		default:
			im.note(w.of.pos, "the architecture %s is not carried: this machine has no such programs, or there is no table of its calls", short(w.text))
		}
	}
	if len(lines) == 0 {
		for _, name := range others {
			if name != seccomp.Native().Name() {
				im.note(policy.Pos{File: u.file, Line: 1, Col: 1},
					"the calls of %s are not carried: there is no SystemCallArchitectures, so systemd leaves them open; "+
						"add it to architectures if the program has them", name)
			}
		}
	}
	s.Architectures = slices.Sorted(maps.Keys(open))
}

// callList reads SystemCallFilter. The first line says which kind of list it is; systemd adds @default to a list of what is allowed.
func (im *importer) callList(u *unit) *callList {
	var list *callList
	for _, a := range u.lines("Service", "SystemCallFilter") {
		s, ok := u.text(a)
		if !ok {
			continue
		}
		names, deny := strings.CutPrefix(s, "~")
		ws, err := words(names)
		if err != nil {
			im.note(a.pos, "SystemCallFilter is not carried: %v", err)
			continue
		}
		if list == nil {
			list = &callList{allow: !deny, calls: map[string]int{}, where: map[string]*assignment{}}
			if list.allow {
				list.put([]string{"@default"}, -1, false, a, im)
			}
		}
		for _, w := range ws {
			name, text, suffixed := strings.Cut(w, ":")
			errno := -1
			if suffixed {
				if errno, ok = errnoOf(text); text == "kill" {
					errno, ok = killed, true
				}
				if !ok || !deny {
					im.note(a.pos, "%q is not carried: an answer is an error number or kill, of a call that is denied", short(w))
					continue
				}
			}
			list.put([]string{name}, errno, deny, a, im)
		}
	}
	return list
}

// put adds calls to the list or takes them out, as seccomp_parse_syscall_filter of systemd's seccomp-util.c does.
func (l *callList) put(names []string, errno int, deny bool, a *assignment, im *importer) {
	for _, name := range names {
		switch members, group := seccomp.Catalog().Groups[name]; {
		case group:
			l.put(members, errno, deny, a, im)
			continue
		case strings.HasPrefix(name, "@"):
			im.note(a.pos, "the group %q is not carried: there is none of that name in the table", short(name))
			continue
		}
		if _, has := seccomp.Number(name); !has {
			if !slices.ContainsFunc(seccomp.Arches(), func(a seccomp.Arch) bool { _, has := a.Number(name); return has }) {
				im.note(a.pos, "%q is not carried: no table has such a call", short(name))
			} else if a.value != "" && strings.Contains(a.value, name) {
				im.note(a.pos, "%s is left out: %s has no such call", name, seccomp.Native())
			}
			continue
		}
		if deny != l.allow || deny && l.allow && errno != -1 {
			l.calls[name], l.where[name] = errno, a
		} else {
			delete(l.calls, name)
		}
	}
}

// merge makes rules of a list.
func (im *importer) merge(l *callList, allowed map[string]bool, s *exchange.Section) {
	for _, name := range slices.Sorted(maps.Keys(l.calls)) {
		errno := l.calls[name]
		switch {
		case errno == -1 && l.allow:
			allowed[name] = true
			continue
		case !l.allow:
			delete(allowed, name)
		}
		action := ""
		switch {
		case errno == killed:
			action = "kill_process"
		case errno > 0:
			action = "errno " + errnoName(uint16(errno))
		case errno == 0:
			im.note(l.where[name].pos, "%s:0 is not carried: a call that does nothing and says that it succeeded; it is denied", name)
		}
		if action != "" && action != s.Denied {
			s.Deny = append(s.Deny, exchange.Rule{Call: name, Action: action, Comment: fmt.Sprintf("line %d", l.where[name].pos.Line)})
		}
	}
}

// denials reads the directives for which systemd loads filters of their own.
func (im *importer) denials(u *unit, m *moduleYAML, allowed map[string]bool) {
	apply := func(a *assignment, denials []denial) {
		for _, d := range denials {
			if !allowed[d.call] {
				continue
			}
			action := "errno " + errnoName(d.errno)
			if action == m.seccomp.Denied {
				action = ""
			}
			if d.when == "" {
				delete(allowed, d.call)
				if action == "" {
					continue
				}
			}
			m.seccomp.Deny = append(m.seccomp.Deny, exchange.Rule{Call: d.call, When: d.when, Action: action, Comment: a.key})
		}
	}
	for _, c := range carriers() {
		a := u.scalar("Service", c.directive)
		if a == nil {
			continue
		}
		if v, ok := boolean(a.value); ok && v || c.directive == "ProtectHostname" && a.value == "private" {
			apply(a, c.denials)
		} else if !ok {
			im.note(a.pos, "%s=%s is not carried: it is neither yes nor no", a.key, short(a.value))
		}
	}
	im.restrictNamespaces(u, apply)
	im.restrictFamilies(u, apply)
}

func (im *importer) restrictNamespaces(u *unit, apply func(*assignment, []denial)) {
	const all = policy.Namespace(unix.CLONE_NEWCGROUP | unix.CLONE_NEWIPC |
		unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWUSER |
		unix.CLONE_NEWUTS)
	left, set := all, false
	var last *assignment
	for _, a := range u.lines("Service", "RestrictNamespaces") {
		last = a
		if v, ok := boolean(a.value); ok {
			left, set = map[bool]policy.Namespace{true: 0, false: all}[v], true
			continue
		}
		names, without := strings.CutPrefix(a.value, "~")
		var flags policy.Namespace
		for _, name := range strings.Fields(names) {
			found := false
			for _, k := range namespaceBits {
				if k.name == name {
					flags |= k.flag
					found = true
				}
			}
			if !found {
				im.note(a.pos, "the namespace %q is not carried: there is none of that name", short(name))
			}
		}
		if !set {
			left = map[bool]policy.Namespace{true: all, false: 0}[without]
		}
		if set = true; without {
			left &^= flags
		} else {
			left |= flags
		}
	}
	if last != nil && left != all {
		apply(last, namespaces(left))
	}
}

func (im *importer) restrictFamilies(u *unit, apply func(*assignment, []denial)) {
	var names []string
	var last *assignment
	deny := false
	for _, a := range u.lines("Service", "RestrictAddressFamilies") {
		list, without := strings.CutPrefix(a.value, "~")
		if last == nil {
			deny = without
		}
		last = a
		for _, name := range strings.Fields(list) {
			if name == "none" {
				continue
			}
			if _, known := seccomp.Native().Constant(name); !known || !strings.HasPrefix(name, "AF_") {
				im.note(a.pos, "the address family %q is not carried: there is none of that name", short(name))
				continue
			}
			if without == deny {
				names = append(names, name)
			} else {
				names = slices.DeleteFunc(names, func(n string) bool { return n == name })
			}
		}
	}
	if last != nil {
		slices.Sort(names)
		apply(last, families(slices.Compact(names), deny))
	}
}

// errnoOf reads an error number or its name.
func errnoOf(s string) (int, bool) {
	if n, err := strconv.Atoi(s); err == nil {
		return n, n >= 0 && n <= 4095
	}
	for n := 1; n < 4096; n++ {
		if unix.ErrnoName(unix.Errno(n)) == s {
			return n, true
		}
	}
	return 0, false
}
