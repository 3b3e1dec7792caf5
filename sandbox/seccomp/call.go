package seccomp

import "github.com/bulkhead/bulkhead/sandbox/policy"

// group is a named set of system calls.
type group struct {
	name  string
	calls []string
}

// Number returns the number of a system call of the native architecture.
func Number(name string) (uint32, bool) { return native.Number(name) }

// Name returns the name of a system call of the native architecture, or "" when the table has no such number.
func Name(nr uint32) string { return native.CallName(nr) }

// Catalog returns what a policy may name on the native architecture; see [Arch.Catalog].
func Catalog() policy.Catalog { return native.Catalog() }

// Catalog returns what a policy may name: the calls of the architecture, and the groups without the calls that it does not
// have. Both are new; the caller may change them.
func (a Arch) Catalog() policy.Catalog {
	c := policy.Catalog{
		Calls:  make(map[string]struct{}, len(a.table().calls)),
		Groups: make(map[string][]string, len(groupTable)),

		Native:        a.Name(),
		Architectures: a.companions(),
		Everywhere:    everywhere,
		Known:         func(call string) bool { _, known := callIndex(call); return known },
		Prototype:     a.Prototype,
		Constant:      a.Constant,
		Constants:     a.Constants,
		Since:         a.Since,
		On:            catalogOf,
	}
	for name := range a.Calls() {
		c.Calls[name] = struct{}{}
	}
	for _, g := range groupTable {
		members := make([]string, 0, len(g.calls))
		for _, name := range g.calls {
			if _, has := c.Calls[name]; has {
				members = append(members, name)
			}
		}
		c.Groups[g.name] = members
	}
	return c
}

// everywhere tells whether all architectures that this program is for have a call.
func everywhere(call string) bool {
	for _, a := range [...]Arch{X8664, AArch64} {
		if _, has := a.Number(call); !has {
			return false
		}
	}
	return true
}

// companions returns the architectures that a kernel of this one can be told to run too, and this one.
func (a Arch) companions() []string {
	switch a {
	case X8664, X86, X32:
		return []string{X8664.Name(), X86.Name(), X32.Name()}
	case AArch64, ARM:
		return []string{AArch64.Name(), ARM.Name()}
	}
	return nil
}

// Origin says what the tables were taken from, with versions: packages, headers and systemd, apart by semicolons.
func Origin() string { return numbersFrom + "; " + groupsFrom }

// catalogOf returns the catalog of an architecture by its name.
func catalogOf(name string) (policy.Catalog, bool) {
	a, known := ArchByName(name)
	if !known {
		return policy.Catalog{}, false
	}
	return a.Catalog(), true
}
