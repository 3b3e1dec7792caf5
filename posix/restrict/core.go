package restrict

import (
	"errors"
	"syscall"

	"github.com/bulkhead/bulkhead/posix"
)

// ErrDenied is what errors.Is finds in the error of a call that was not made because the rules deny it.
var ErrDenied = errors.New("denied by the process's own list of operations")

// Allow is the rule that allows an operation whatever its arguments are.
const Allow = always(true)

type always bool

// Rule is a rule about an operation without arguments: [Allow].
type Rule interface{ rule() }

func (always) rule() {}

// Core denies the calls that its rules do not allow, and passes the others on to the layer below. Its methods are generated.
type Core struct {
	next  posix.Core
	rules Rules
	open  [posix.OpCount]bool // the operations whose rule is Allow, which need not be asked
}

// New returns a layer on top of next that allows what rules say. It keeps a copy of them.
func New(next posix.Core, rules Rules) *Core {
	return &Core{next: next, rules: rules, open: opened(&rules)}
}

// Name returns "restrict".
func (d *Core) Name() string { return "restrict" }

// Unwrap returns the layer below.
func (d *Core) Unwrap() posix.Core { return d.next }

// Open tells whether the rule of an operation with arguments is [Allow], so that its calls need not be asked about.
func (d *Core) Open(op posix.Op) bool { return d.open[op] }

// Denied is a call that was not made because the rules deny it.
type Denied struct {
	Call   posix.Error // what was attempted, on what; its Errno is EPERM
	Listed bool        // there is a rule for the operation, which does not allow these arguments
}

// Error says what was denied and why, for example "kill: operation not permitted: this process's own list of operations does not have kill".
func (e *Denied) Error() string {
	op := e.Call.Op.String()
	if e.Listed {
		return e.Call.Error() + ": this process's own list of operations has " + op + ", but not with these arguments"
	}
	return e.Call.Error() + ": this process's own list of operations does not have " + op
}

// Unwrap makes errors.Is find [ErrDenied] and the errno, and errors.As the [*posix.Error].
func (e *Denied) Unwrap() []error { return []error{ErrDenied, &e.Call} }

// denied returns the error of a call.
//
//go:noinline
func denied(op posix.Op, fd posix.FD, path string, listed bool) error {
	return &Denied{Call: posix.Error{Op: op, FD: fd, Path: path, Errno: syscall.EPERM}, Listed: listed}
}
