package seccomp

import (
	"fmt"

	"github.com/bulkhead/bulkhead/posix/bpf"
)

// Smaller returns the program to load for the rules of f, which another compiler made: that of [Emit] when it is smaller, and f
// otherwise. Loading takes as long as a program has instructions. how says which one it is, and why.
//
// The program of Emit was proved to answer as the rules say; here it is proved to answer as f does, too, so that a mistake has to be made
// by both compilers and by the rules alike to go unnoticed.
func Smaller(f *Filter) (chosen *Filter, how string) {
	return smaller(f, Emit)
}

func smaller(f *Filter, emit func(Rules) (*Filter, error)) (*Filter, string) {
	theirs := fmt.Sprintf("%d instructions of libseccomp", f.Instructions)
	own, err := emit(f.Rules)
	if err != nil {
		return f, fmt.Sprintf("%s; the smaller program is not used: %v (a bug of ours, please report it)", theirs, err)
	}
	if own.Instructions >= f.Instructions {
		return f, theirs
	}
	if err := Equal(own.Program, f.Program); err != nil {
		return f, fmt.Sprintf("%s; the smaller program is not used: %v (a bug of ours, please report it)", theirs, err)
	}
	return own, fmt.Sprintf("%d instructions, proved to answer as the policy says and as %s do", own.Instructions, theirs)
}

// Equal checks that a program answers every call there can be as another one does. When it does not, the error wraps a
// [*Difference], whose Want is the answer of the other.
func Equal(program, other []byte) error {
	p, err := bpf.Decode(program)
	if err != nil {
		return err
	}
	q, err := bpf.Decode(other)
	if err != nil {
		return err
	}
	at, err := comparisons(q)
	if err != nil {
		return err
	}
	if err := prove(p, q.Run, at); err != nil {
		return fmt.Errorf("the programs differ: %w", err)
	}
	return nil
}
