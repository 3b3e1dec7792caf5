package seccomp

import (
	"cmp"
	"slices"
	"strings"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// call is a system call of the native architecture.
type call struct {
	name string
	nr   uint32
}

// group is a named set of system calls.
type group struct {
	name  string
	calls []string
}

// Number returns the number of a system call of the native architecture.
func Number(name string) (uint32, bool) {
	i, found := slices.BinarySearchFunc(callsByName[:], name, func(at uint16, name string) int {
		return strings.Compare(callTable[at].name, name)
	})
	if !found {
		return 0, false
	}
	return callTable[callsByName[i]].nr, true
}

// Name returns the name of a system call of the native architecture, or "" when the table has no such number.
func Name(nr uint32) string {
	i, found := slices.BinarySearchFunc(callTable[:], nr, func(c call, nr uint32) int { return cmp.Compare(c.nr, nr) })
	if !found {
		return ""
	}
	return callTable[i].name
}

// Catalog returns what a policy may name: the calls of the native architecture, and the groups without the calls that it
// does not have. Both are new; the caller may change them.
func Catalog() policy.Catalog {
	c := policy.Catalog{
		Calls:  make(map[string]struct{}, len(callTable)),
		Groups: make(map[string][]string, len(groupTable)),
	}
	for _, call := range callTable {
		c.Calls[call.name] = struct{}{}
	}
	for _, g := range groupTable {
		members := make([]string, 0, len(g.calls))
		for _, name := range g.calls {
			if _, native := c.Calls[name]; native {
				members = append(members, name)
			}
		}
		c.Groups[g.name] = members
	}
	return c
}

// Origin says what the tables were taken from, such as "golang.org/x/sys v0.49.0; systemd 252 (252.38-1)".
func Origin() string { return numbersFrom + "; " + groupsFrom }
