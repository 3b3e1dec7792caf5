package program

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Bounding returns the capabilities that the steps take from the bounding set of the process, which is at first that of the thread that creates it.
// fresh: the process enters a user namespace, where it begins with a full set whatever it had before. Source: user_namespaces(7).
func (p *Program) Bounding() (taken uint64, fresh bool) {
	for i := range p.Steps {
		s := &p.Steps[i]
		if c, ok := s.Bounds(); ok {
			taken |= 1 << c
		}
		fresh = fresh || s.entersUser()
	}
	return taken, fresh
}

// Bounds returns the capability that a step takes from the bounding set, if that is what it does. A launcher leaves such a step out when the set of its
// own thread lacks the capability already, unless the process gets a fresh one.
func (s *Step) Bounds() (capability uint64, ok bool) {
	op, of := s.Args[0], s.Args[1]
	if s.Op != posix.StepCall || s.Number != unix.SYS_PRCTL || s.MayFail || op.Kind != posix.Immediate || op.Value != unix.PR_CAPBSET_DROP ||
		of.Kind != posix.Immediate || of.Value > 63 {
		return 0, false
	}
	return of.Value, true
}

// entersUser tells whether a step enters a user namespace, as far as that can be known.
func (s *Step) entersUser() bool {
	const user = unix.CLONE_NEWUSER
	switch {
	case s.Op != posix.StepCall:
		return false
	case s.Number == unix.SYS_UNSHARE:
		return s.Args[0].Kind != posix.Immediate || s.Args[0].Value&user != 0
	case s.Number == unix.SYS_SETNS: // without a kind it may be any
		return s.Args[1].Kind != posix.Immediate || s.Args[1].Value == 0 || s.Args[1].Value&user != 0
	}
	return false
}
