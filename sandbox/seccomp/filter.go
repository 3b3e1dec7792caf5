package seccomp

import (
	"github.com/bulkhead/bulkhead/posix/bpf"
)

// Filter is a program that was proved to answer what its decision function says.
type Filter struct {
	Program      []byte // struct sock_filter after struct sock_filter, in the machine's byte order
	Instructions int
	Decision     *Decision
	Allowed      int // calls of the native table that are allowed whatever their arguments are
	Known        int // calls of the native table
}

// Verify checks that a program is one that the kernel takes and that it answers every call there can be as the decision
// function says. When it does not, the error wraps a [*Difference].
func Verify(program []byte, d *Decision) (*Filter, error) {
	p, err := bpf.Decode(program)
	if err != nil {
		return nil, err
	}
	if err := Prove(p, d); err != nil {
		return nil, err
	}
	f := &Filter{Program: program, Instructions: len(p), Decision: d, Allowed: d.Allowed(Native())}
	for range Native().Calls() {
		f.Known++
	}
	return f, nil
}
