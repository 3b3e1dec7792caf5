package seccomp

import (
	"errors"
	"fmt"

	"github.com/bulkhead/bulkhead/posix/bpf"
)

// Unsaid is a call that another compiler has no words for. Its program answers the call as one that there is not.
type Unsaid struct {
	Arch Arch
	Nr   uint32
}

// String returns the call's name and architecture.
func (u Unsaid) String() string { return u.Arch.CallName(u.Nr) + " of " + u.Arch.Name() }

// Part is the program that another compiler makes for one architecture of a decision function, with kill_process for all others, and the
// calls that it has no words for.
type Part struct {
	Arch    Arch
	Program []byte
	Unsaid  []Unsaid
}

// Choose returns the filter to load for a decision function, of which another compiler makes a program for each architecture at the same time,
// in another goroutine, or says why it cannot. how says which filter it is, and why; it is for the enforcement report.
//
//   - Our program, when it is proved to answer as the decision function says and as the other programs do, so that a mistake
//     has to be made by both compilers and the policy's resolver alike to go unnoticed. With calls that the other compiler has no words
//     for, as the other programs do for all others.
//   - Our program with a remark, when the other compiler cannot say what the function says, or was proved to say something else.
//   - The other program, for a function of one architecture, when ours cannot be proved, or is larger: loading takes as long as a program
//     has instructions.
//   - None, when neither is proved to answer as the function says.
func Choose(d *Decision, other func() ([]Part, error)) (chosen *Filter, how string, err error) {
	return choose(d, other, Emit)
}

func choose(d *Decision, other func() ([]Part, error), emit func(*Decision) (*Filter, error)) (*Filter, string, error) {
	made := make(chan candidate, 1)
	go func() { made <- verifyParts(d, other) }()
	own, err := emit(d)
	theirs := <-made
	if err == nil && theirs.err == nil && theirs.filter != nil {
		err = Equal(own.Program, theirs.filter.Program)
	}
	return judge(own, err, theirs)
}

// candidate is what another compiler made, or why there is nothing that was proved.
type candidate struct {
	filter       *Filter // that could be loaded; nil when there are several parts, or calls are left out
	instructions int
	unsaid       []Unsaid
	err          error
}

func verifyParts(d *Decision, other func() ([]Part, error)) candidate {
	parts, err := other()
	if err == nil && len(parts) != len(d.open) {
		err = fmt.Errorf("%d programs for %d architectures", len(parts), len(d.open))
	}
	if err != nil {
		return candidate{err: err}
	}
	var c candidate
	for _, part := range parts {
		want := d
		if len(parts) > 1 || len(part.Unsaid) > 0 {
			if want, err = d.part(part); err != nil {
				return candidate{err: err}
			}
		}
		if c.filter, err = Verify(part.Program, want); err != nil {
			return candidate{err: err}
		}
		c.instructions += c.filter.Instructions
		c.unsaid = append(c.unsaid, part.Unsaid...)
	}
	if len(parts) > 1 || len(c.unsaid) > 0 {
		c.filter = nil
	}
	return c
}

// judge chooses between two filters. An error is why ours is not to be had, or not proved.
func judge(own *Filter, err error, other candidate) (*Filter, string, error) {
	const proved = "%d instructions, proved to answer as the policy says"
	var differs *Difference
	switch failed := other.err; {
	case err != nil && failed != nil:
		return nil, "", fmt.Errorf("no filter is proved to be what the policy says: %w; libseccomp: %w", err, failed)
	case err != nil && other.filter == nil:
		return nil, "", fmt.Errorf("no filter is proved to be what the policy says: %w; libseccomp's is not for all of it", err)
	case err != nil:
		return other.filter, fmt.Sprintf("%d instructions of libseccomp; the smaller program is not used: %v (a bug of ours, please report it)",
			other.instructions, err), nil
	case errors.As(failed, &differs):
		return own, fmt.Sprintf(proved+"; libseccomp's program differs for %v; not used", own.Instructions, differs), nil
	case failed != nil:
		return own, fmt.Sprintf(proved+"; not compared with libseccomp: %v", own.Instructions, failed), nil
	case len(other.unsaid) > 0:
		return own, fmt.Sprintf(proved+" and, but for %d calls that it has no words for, as %d instructions of libseccomp do",
			own.Instructions, len(other.unsaid), other.instructions), nil
	case other.filter != nil && other.instructions < own.Instructions:
		return other.filter, fmt.Sprintf("%d instructions of libseccomp", other.instructions), nil
	}
	return own, fmt.Sprintf(proved+" and as %d instructions of libseccomp do", own.Instructions, other.instructions), nil
}

// part returns what a part is to answer: as d on its architecture, but for the calls that are left out, which are answered as those that there
// are not, and kill_process on all others.
func (d *Decision) part(p Part) (*Decision, error) {
	unknown, same := d.Always(p.Arch, noCall)
	if !same {
		return nil, fmt.Errorf("%s has no answer for calls that there are not", p.Arch)
	}
	graph := newDiagram(maxWork)
	left := make([]entry, 0, len(p.Unsaid))
	for _, c := range p.Unsaid {
		left = append(left, entry{c.Nr, always})
	}
	numbers := graph.where(graph.take(d.graph, d.root), archWord, p.Arch.Audit())
	numbers = graph.ite(graph.pick(nrWord, left, never), graph.leaf(unknown), numbers)
	root := graph.ite(graph.isOf(p.Arch), numbers, graph.leaf(bpf.RetKillProcess))
	return (&Decision{graph: graph, root: root}).settle([]Arch{p.Arch})
}
