package kernel

import "github.com/bulkhead/bulkhead/posix"

// launch runs a launch program in a child, on the goroutine of the caller, until the child executes another program (then image.run goes on with it in a
// goroutine of its own: see [Kernel.start]) or ends. The kernel is locked before and after. It returns the step that failed, nil when none has.
func (k *Kernel) launch(child *Process, program *posix.Program) *posix.StepFailure {
	child.terminate(ending{posix.CldExited, 0})
	return nil
}

// checkProgram says whether a launch program refers to nothing outside of itself: EINVAL otherwise.
func (p *Process) checkProgram(program *posix.Program) posix.Errno { return 0 }

// cloneGroup returns the control group that a descriptor given with CLONE_INTO_CGROUP is of.
func (p *Process) cloneGroup(fd posix.FD) (*group, posix.Errno) { return nil, ebadf }
