// Package reach tells which system calls a policy lets through: asked for a region of a call's arguments, it returns a call of that region
// that is allowed, or that there is none.
//
//	s, err := reach.New(module.Seccomp)
//	d, open, err := s.Allowed(seccomp.Native(), "socket", reach.Equal(0, 32, unix.AF_PACKET))
//
// The answer is exact: [Solve] decides any condition that the policy language has. What it finds is asked of the decision function itself
// ([Set.Want]) before it is returned, so a witness is never only the opinion of this package.
//
// # Limits
//
// Deciding such a condition takes exponential time in the worst case. After [Steps] steps Solve gives up with [ErrTooHard], and never
// answers that there is no such call when it did not see to the end.
package reach
