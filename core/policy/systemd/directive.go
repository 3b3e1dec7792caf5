package systemd

import (
	"cmp"
	"slices"
	"strings"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// taken is what the directives of a unit deny of a call.
type taken struct {
	denials    []denial
	directives []string // as they are written
}

// directives writes those that deny nothing that the policy allows.
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
	f.kinds()
	f.families()
}

// kinds writes the kinds of namespaces that can be made or entered.
func (f *filter) kinds() {
	var left policy.Namespace
	var names []string
	for _, k := range namespaceBits {
		for _, d := range []denial{{"clone", "clone_flags & " + k.constant, eperm}, {"unshare", "unshare_flags & " + k.constant, eperm},
			{"setns", "nstype & " + k.constant, eperm}} {
			if f.effect(d.call, []denial{d}).narrower && left&k.flag == 0 {
				left |= k.flag
				names = append(names, k.name)
			}
		}
	}
	if len(names) < len(namespaceBits) {
		f.carry("RestrictNamespaces", cmp.Or(strings.Join(names, " "), "yes"), namespaces(left))
	}
}

// families writes the address families of which sockets can be made. Where the policy leaves numbers open that have no name, it writes
// those of which none can be made.
func (f *filter) families() {
	nr, has := seccomp.Number("socket")
	if !has {
		return
	}
	var open, closed []string
	for value, name := range familyNames() {
		list := &closed
		for answer := range f.decision.Answers(bpf.Data{Arch: seccomp.Native().Audit(), Nr: nr, Args: [6]uint64{value}}, [6]uint64{0xffffffff}) {
			if answer == bpf.RetAllow {
				list = &open
			}
		}
		*list = append(*list, name)
	}
	if len(closed) == 0 {
		return
	}
	slices.Sort(open)
	slices.Sort(closed)
	const directive = "RestrictAddressFamilies"
	if !f.carry(directive, cmp.Or(strings.Join(open, " "), "none"), families(open, false)) {
		f.carry(directive, "~"+strings.Join(closed, " "), families(closed, true))
	}
}

// carry writes a directive when it takes nothing away that the policy allows, and tells whether it did. Strictly, what it leaves of the calls
// that it is about has to be what the policy allows of them; these are allowed besides it then.
func (f *filter) carry(directive, value string, denials []denial) bool {
	calls := map[string][]denial{}
	for _, d := range denials {
		if f.allowed[d.call] || len(f.rules[d.call]) > 0 {
			calls[d.call] = append(calls[d.call], d)
		}
	}
	for call, ds := range calls {
		if e := f.effect(call, ds); e.narrower || f.strict && e.wider {
			return false
		}
	}
	f.set(directive, "%s", value)
	for call, ds := range calls {
		t := f.taken[call]
		f.taken[call] = taken{append(t.denials, ds...), append(t.directives, directive+"="+value)}
	}
	return true
}
