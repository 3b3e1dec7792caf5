package systemd

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// filter works out which directives say what a seccomp section says.
type filter struct {
	*writer
	m        *policy.Module
	s        policy.Seccomp
	decision *seccomp.Decision
	rules    map[string][]policy.Call // those with a condition or an answer, by call
	allowed  map[string]bool          // calls for SystemCallFilter
}

// calls writes the directives about system calls.
func (w *writer) calls(m *policy.Module) {
	f := &filter{writer: w, m: m, s: m.Seccomp, rules: map[string][]policy.Call{}, allowed: map[string]bool{}}
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
	for _, c := range f.s.Allow {
		if c.When == nil {
			f.allowed[c.Name] = true
		} else {
			f.rules[c.Name] = append(f.rules[c.Name], c)
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
			f.rules[c.Name] = append(f.rules[c.Name], c)
		}
	}
	if len(archs) <= 1 { // on others some of the directives do nothing
		f.directives()
	}
	for _, call := range slices.Sorted(maps.Keys(f.rules)) {
		if !f.allowed[call] {
			w.note(f.rules[call][0].Pos, "the condition on %s is not carried: no directive says it, so the call is not allowed", call)
		}
	}
	f.list()
	f.answers()
}

// directives writes those that restrict arguments as the policy does, and those that deny what it does not allow.
func (f *filter) directives() {
	for _, c := range carriers() {
		switch c.directive {
		case "ProtectHostname", "PrivateDevices": // these do more: the first is written for its namespace, the second brings devices
			continue
		case "ProtectKernelModules": // it hides the modules' files
			if !slices.ContainsFunc(f.m.Filesystem, func(m policy.Mount) bool {
				return strings.HasPrefix("/usr/lib/modules/", m.Path+"/") || m.Path == "/lib"
			}) {
				f.carry(c.directive, "yes", c.denials)
			}
		case "ProtectClock": // it closes devices
			if closedDevices(f.m) {
				f.carry(c.directive, "yes", c.denials)
			}
		default:
			f.carry(c.directive, "yes", c.denials)
		}
	}
	f.carry("RestrictNamespaces", "yes", namespaces(0))
	f.families()
}

// families writes the address families of which sockets can be made, where that depends on nothing else.
func (f *filter) families() {
	nr, has := seccomp.Number("socket")
	if !has {
		return
	}
	var names []string
	for value, name := range familyNames() {
		for answer := range f.decision.Answers(bpf.Data{Arch: seccomp.Native().Audit(), Nr: nr, Args: [6]uint64{value}}, [6]uint64{0xffffffff}) {
			if answer == bpf.RetAllow && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	if len(names) == len(familyNames()) {
		return
	}
	slices.Sort(names)
	f.carry("RestrictAddressFamilies", cmp.Or(strings.Join(names, " "), "none"), families(names, false))
}

// carry writes a directive when it takes nothing away that the policy allows. Calls of which the policy allows the rest, and exactly that,
// are allowed besides it.
func (f *filter) carry(directive, value string, denials []denial) {
	var with []string
	other := map[string]string{}
	calls := map[string]bool{}
	for _, d := range denials {
		calls[d.call] = true
	}
	for call := range calls {
		_, has := seccomp.Number(call)
		switch {
		case !has || !f.allowed[call] && len(f.rules[call]) == 0:
		case f.allowed[call]:
			return
		default:
			same, answer := f.same(call, of(denials, call))
			if !same {
				return
			}
			with = append(with, call)
			other[call] = answer
		}
	}
	f.set(directive, "%s", value)
	for _, call := range with {
		f.allowed[call] = true
		if other[call] != "" {
			f.note(f.rules[call][0].Pos, "what is denied of %s is answered with %s by %s, and not as the policy says", call, other[call], directive)
		}
	}
}

// same tells whether what a policy allows of a call is what is left when denials take theirs away, and, where denied calls get
// another answer, which one.
func (f *filter) same(call string, denials []denial) (same bool, answer string) {
	section := policy.Seccomp{Default: f.s.Default, Denied: f.s.Denied, Allow: []policy.Call{{Name: call}}}
	for _, d := range denials {
		rule, _ := d.rule()
		section.Deny = append(section.Deny, rule)
	}
	decision, err := seccomp.Resolve(section)
	if err != nil {
		return false, ""
	}
	nr, _ := seccomp.Number(call)
	for _, diff := range seccomp.Compare(f.decision, decision, 10_000) {
		if diff.Call.Arch != seccomp.Native().Audit() || nr < diff.First || nr > diff.Last {
			continue
		}
		if diff.Want == bpf.RetAllow || diff.Got == bpf.RetAllow {
			return false, ""
		}
		answer = bpf.Describe(diff.Got)
	}
	return true, answer
}

// list writes SystemCallFilter. systemd allows @default with every list, so what of it is not allowed is taken away again, but not execve,
// which systemd needs after it loaded the filter.
func (f *filter) list() {
	f.lines("", slices.Sorted(maps.Keys(f.allowed)))
	var away []string
	for _, name := range seccomp.Catalog().Groups["@default"] {
		if !f.allowed[name] && name != "execve" {
			away = append(away, name)
		}
	}
	f.lines("~", away)
	if !f.allowed["execve"] {
		f.note(f.s.Pos, "execve stays allowed: systemd loads its filter before it starts the program")
	}
	f.note(f.s.Pos, "calls that no table has are answered as those that are not allowed: systemd has one answer for both")
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
