package sandbox

import (
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/program"
)

// Level says how much of a protection is in force.
type Level uint8

const (
	Enforced Level = iota
	Degraded       // a part is missing on this host, and the policy's best_effort accepts that
	Missing        // all of it is, likewise
)

// String returns "enforced", "degraded" or "missing".
func (l Level) String() string { return [...]string{"enforced", "degraded", "missing"}[l] }

// Enforcement is one protection of a module as it is in force on this host.
type Enforcement struct {
	Protection string // the name that best_effort uses
	Level      Level
	Detail     string // what exactly, and why not more
}

// Result is what [Compile] makes of a module.
type Result struct {
	// Program launches the module's command.
	Program *program.Program
	// Init launches the init of its pid namespace, which makes the other namespaces and the mounts; nil without one.
	Init *program.Program
	// User is whom the module runs as, or what it is shown where its user cannot be had.
	User User
	// Resources are the limits, with the disks of io.max by their numbers. A limit that cannot be had is there, too, and missing in Enforcement.
	Resources []policy.Resource
	// Enforcement is every protection, in the order of the launch.
	Enforcement []Enforcement
}

// Mounts is the program that makes the namespaces and the mounts: that of the init of the pid namespace, or the module's own without one.
func (r *Result) Mounts() *program.Program {
	if r.Init != nil {
		return r.Init
	}
	return r.Program
}
