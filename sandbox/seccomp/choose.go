package seccomp

import (
	"errors"
	"fmt"
)

// Choose returns the filter to load for a decision function, when another compiler made a program for it, or could not (failed). how says
// which one it is, and why; it is for the enforcement report.
//
//   - Our program, when it is proved to answer as the decision function says and as the other program does, so that a mistake has to be made
//     by both compilers and the policy's resolver alike to go unnoticed.
//   - Our program with a remark, when the other compiler cannot say what the function says, or was proved to say something else.
//   - The other program, when ours cannot be proved, or is larger: loading takes as long as a program has instructions.
//   - None, when neither is proved to answer as the function says.
func Choose(d *Decision, theirs []byte, failed error) (chosen *Filter, how string, err error) {
	return choose(d, theirs, failed, Emit)
}

func choose(d *Decision, theirs []byte, failed error, emit func(*Decision) (*Filter, error)) (*Filter, string, error) {
	var other *Filter
	if failed == nil {
		other, failed = Verify(theirs, d)
	}
	own, err := emit(d)
	if err == nil && failed == nil {
		err = Equal(own.Program, other.Program)
	}
	var differs *Difference
	switch {
	case err != nil && failed != nil:
		return nil, "", fmt.Errorf("no filter is proved to be what the policy says: %w; libseccomp: %w", err, failed)
	case err != nil:
		return other, fmt.Sprintf("%d instructions of libseccomp; the smaller program is not used: %v (a bug of ours, please report it)", other.Instructions, err), nil
	case errors.As(failed, &differs):
		return own, fmt.Sprintf("%d instructions, proved to answer as the policy says; libseccomp's program differs for %v; not used",
			own.Instructions, differs), nil
	case failed != nil:
		return own, fmt.Sprintf("%d instructions, proved to answer as the policy says; not compared with libseccomp: %v", own.Instructions, failed), nil
	case other.Instructions < own.Instructions:
		return other, fmt.Sprintf("%d instructions of libseccomp", other.Instructions), nil
	}
	return own, fmt.Sprintf("%d instructions, proved to answer as the policy says and as %d instructions of libseccomp do",
		own.Instructions, other.Instructions), nil
}
