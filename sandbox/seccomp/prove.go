package seccomp

import (
	"fmt"

	"github.com/bulkhead/bulkhead/posix/bpf"
)

// Prove shows that a program, which the kernel takes, answers every call there can be as a decision function does: each
// number, architecture, instruction pointer and argument. Where it does not, the error wraps a [*Difference]; where that cannot be decided within
// bounded work, the error says at which instruction.
//
// The program is carried out once for all calls, and every answer kept as a function of the bits that were read (see
// [Decision]). Two such functions are the same thing exactly when they are equal, so nothing is tried and nothing left out.
func Prove(p bpf.Program, d *Decision) error {
	if err := p.Check(); err != nil {
		return err
	}
	graph := newDiagram(maxWork)
	want := graph.take(d.graph, d.root)
	got, err := graph.execute(p)
	if err != nil {
		return err
	}
	if differences := graph.compare(want, got, 1); len(differences) > 0 {
		return fmt.Errorf("the program differs from the policy: %w", &differences[0])
	}
	return nil
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
	graph := newDiagram(maxWork)
	want, err := graph.execute(q)
	if err != nil {
		return err
	}
	got, err := graph.execute(p)
	if err != nil {
		return err
	}
	if differences := graph.compare(want, got, 1); len(differences) > 0 {
		return fmt.Errorf("the programs differ: %w", &differences[0])
	}
	return nil
}
