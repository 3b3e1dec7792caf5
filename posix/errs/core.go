package errs

import "github.com/bulkhead/bulkhead/posix"

// Core makes the errors of the layer below say what failed. Its methods are generated.
type Core struct{ next posix.Core }

// New returns a layer on top of next.
func New(next posix.Core) *Core { return &Core{next: next} }

// Name returns "errs".
func (d *Core) Name() string { return "errs" }

// Unwrap returns the layer below.
func (d *Core) Unwrap() posix.Core { return d.next }

// Wrap makes a *posix.Error of an errno, as the methods of Core do. Anything else already says more than an errno does, and is returned as it is.
//
//go:noinline
func Wrap(op posix.Op, fd posix.FD, path string, err error) error {
	errno, ok := err.(posix.Errno) // the layers below return bare errnos; a wrapped one is no business of ours
	if !ok {
		return err
	}
	return &posix.Error{Op: op, FD: fd, Path: path, Errno: errno}
}
