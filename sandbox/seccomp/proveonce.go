package seccomp

import (
	"errors"
	"fmt"

	"github.com/bulkhead/bulkhead/posix/bpf"
)

// onceTests is which instructions of a program compare with the halves of the exec-once value, the lower one first, plus 1. misused tells
// that one of them was come to with something else in the accumulator than that half of the argument.
type onceTests struct {
	places  [2]int
	misused bool
}

// at returns which half an instruction compares with.
func (o *onceTests) at(pc int) (half int, is bool) {
	for half, place := range o.places {
		if place == pc+1 {
			return half, true
		}
	}
	return 0, false
}

// once returns the condition that a half of the argument is the half of the value.
func (d *diagram) once(half int) ref { return d.make(onceLevel+uint32(half), never, always) }

// testOnce carries out a test of a half of the value.
func (m *machine) testOnce(s state, in bpf.Instruction, half int) ref {
	word, raw := m.raw[s.a]
	if !raw || word != argWord+2*secretArg+1-uint32(half) || in.Code != bpf.JMP|bpf.JEQ|bpf.K {
		m.once.misused = true
		return never
	}
	return m.fork(s, in, m.d.once(half))
}

// ProveOnce shows that a program, whatever the secret at the places of the patch is, answers every call there can be as the decision function
// does, but for one: execveat of the native architecture is allowed when its sixth argument is the secret.
//
// The program is carried out once, as for [Prove], with two more unknowns: whether the lower half of the argument is that of the secret, and
// whether the upper half is. They stand for the results of the two comparisons at the places of the patch, of which it is checked
// that they are comparisons of just those halves. What is found equal for every value of all unknowns is equal for the values that
// they have for any one secret. Nothing else in the program depends on the secret, because [Patch] changes the constants of these
// two instructions and nothing else.
//
// Where it does not, and a secret shows it, the error wraps a [*Difference].
func ProveOnce(program []byte, patch ExecOncePatch, d *Decision) error {
	if d == nil {
		return errors.New("the filter comes without what it is to answer")
	}
	p, err := bpf.Decode(program)
	if err != nil {
		return err
	}
	var tests onceTests
	for half, at := range []int{patch.LowAt, patch.HighAt} {
		const offsetK = 4
		if at < 0 || at >= len(program) || at%bpf.InstructionSize != offsetK {
			return fmt.Errorf("offset %d is not that of an instruction's constant", at)
		}
		tests.places[half] = at/bpf.InstructionSize + 1
	}
	graph := newDiagram(maxWork)
	want, err := graph.withOnce(graph.take(d.graph, d.root), graph.and(graph.once(0), graph.once(1)))
	if err != nil {
		return err
	}
	got, err := graph.executeOnce(p, tests)
	switch {
	case err != nil:
		return err
	case graph.exhausted():
		return errors.New("what it is to answer cannot be decided within the work allowed")
	case got == want:
		return nil
	}
	return differsOnce(p, tests, d)
}

// withOnce returns the function that allows execveat where a condition holds, and is f elsewhere.
func (d *diagram) withOnce(f, holds ref) (ref, error) {
	nr, err := execOnceCall()
	if err != nil {
		return never, err
	}
	exec := d.pick(archWord, []entry{{Native().Audit(), d.pick(nrWord, []entry{{nr, always}}, never)}}, never)
	return d.ite(d.and(exec, holds), d.leaf(bpf.RetAllow), f), nil
}

// differsOnce returns the error for a program that is not what it should be, with a call that shows it for the secret that it holds.
func differsOnce(p bpf.Program, tests onceTests, d *Decision) error {
	graph := newDiagram(maxWork)
	is := always
	for half, place := range tests.places {
		value, arg := constant(p[place-1].K), graph.load(argWord+2*secretArg+1-uint32(half))
		is = graph.and(is, graph.equal(arg[:], value[:]))
	}
	want, err := graph.withOnce(graph.take(d.graph, d.root), is)
	if err != nil {
		return err
	}
	got, err := graph.execute(p)
	if err != nil {
		return err
	}
	if differences := graph.compare(want, got, 1); len(differences) > 0 {
		return fmt.Errorf("the program differs from the policy with exec once: %w", &differences[0])
	}
	return errors.New("the program differs from the policy with exec once for some secrets")
}
