package seccomp

import (
	"fmt"

	"github.com/bulkhead/bulkhead/posix/bpf"
)

// Filter is a program that was proved to answer what its rules say.
type Filter struct {
	Program      []byte // struct sock_filter after struct sock_filter, in the machine's byte order
	Instructions int
	Rules        Rules
	Allowed      int // calls of the table that are allowed
	Known        int // calls of the table
}

// Verify checks that a program is one that the kernel takes and that it answers every call there can be as the rules
// say. When it does not, the error wraps a [*Difference].
func Verify(program []byte, r Rules) (*Filter, error) {
	p, err := bpf.Decode(program)
	if err != nil {
		return nil, err
	}
	if err := prove(p, r.Want, r.cuts()); err != nil {
		return nil, fmt.Errorf("the program differs from the policy: %w", err)
	}
	f := &Filter{Program: program, Instructions: len(p), Rules: r, Known: len(native.table().calls)}
	for _, nr := range native.Calls() {
		if r.Want(bpf.Data{Nr: nr, Arch: nativeArch}) == bpf.RetAllow {
			f.Allowed++
		}
	}
	return f, nil
}
