package seccomp

import (
	"errors"
	"fmt"
)

// Choose returns the filter to load for a decision function, of which another compiler makes a program at the same time, in another
// goroutine, or says why it cannot. how says which of the two filters it is, and why; it is for the enforcement report.
//
//   - Our program, when it is proved to answer as the decision function says and as the other program does, so that a mistake
//     has to be made by both compilers and the policy's resolver alike to go unnoticed.
//   - Our program with a remark, when the other compiler cannot say what the function says, or was proved to say something else.
//   - The other program, when ours cannot be proved, or is larger: loading takes as long as a program has instructions.
//   - None, when neither is proved to answer as the function says.
func Choose(d *Decision, other func() ([]byte, error)) (chosen *Filter, how string, err error) {
	return choose(d, other, Emit)
}

func choose(d *Decision, other func() ([]byte, error), emit func(*Decision) (*Filter, error)) (*Filter, string, error) {
	type result struct {
		filter *Filter
		err    error
	}
	made := make(chan result, 1)
	go func() {
		program, err := other()
		if err != nil {
			made <- result{nil, err}
			return
		}
		f, err := Verify(program, d)
		made <- result{f, err}
	}()
	own, err := emit(d)
	theirs := <-made
	if err == nil && theirs.err == nil {
		err = Equal(own.Program, theirs.filter.Program)
	}
	return judge(own, err, theirs.filter, theirs.err)
}

// judge chooses between two filters. An error is why one is not to be had, or not proved.
func judge(own *Filter, err error, other *Filter, failed error) (*Filter, string, error) {
	const proved = "%d instructions, proved to answer as the policy says"
	var differs *Difference
	switch {
	case err != nil && failed != nil:
		return nil, "", fmt.Errorf("no filter is proved to be what the policy says: %w; libseccomp: %w", err, failed)
	case err != nil:
		return other, fmt.Sprintf("%d instructions of libseccomp; the smaller program is not used: %v (a bug of ours, please report it)",
			other.Instructions, err), nil
	case errors.As(failed, &differs):
		return own, fmt.Sprintf(proved+"; libseccomp's program differs for %v; not used", own.Instructions, differs), nil
	case failed != nil:
		return own, fmt.Sprintf(proved+"; not compared with libseccomp: %v", own.Instructions, failed), nil
	case other.Instructions < own.Instructions:
		return other, fmt.Sprintf("%d instructions of libseccomp", other.Instructions), nil
	}
	return own, fmt.Sprintf(proved+" and as %d instructions of libseccomp do", own.Instructions, other.Instructions), nil
}
