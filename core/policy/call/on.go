package call

import "github.com/bulkhead/bulkhead/sandbox/seccomp"

// On returns an architecture with all that its catalog knows. Where the catalog has no constants, none is known.
func On(a seccomp.Arch) Arch {
	c := a.Catalog()
	return catalogued{a, c.Constant, c.Constants}
}

// catalogued is an architecture with the functions of its catalog, which may be nil.
type catalogued struct {
	seccomp.Arch
	constant  func(string) (uint64, bool)
	constants func() []string
}

// Constant returns the value of a C constant.
func (c catalogued) Constant(name string) (uint64, bool) {
	if c.constant == nil {
		return 0, false
	}
	return c.constant(name)
}

// Constants returns the names of all constants that are known.
func (c catalogued) Constants() []string {
	if c.constants == nil {
		return nil
	}
	return c.constants()
}
