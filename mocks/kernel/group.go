package kernel

import "github.com/bulkhead/bulkhead/posix"

// group is a control group of the version 2 hierarchy.
type group struct{}

// admit puts a new process into the control group into, or, when that is nil, into its parent's. It is called before the process is visible; nothing is to be undone after an
// error. EAGAIN: pids.max. EBUSY: into has controllers for its children.
func (k *Kernel) admit(parent, child *Process, into *group) posix.Errno {
	child.in = parent.in
	return 0
}

// discharge is called when a process has ended: it leaves its control group.
func (k *Kernel) discharge(p *Process) {}

// cloneGroup returns the control group that a descriptor given with CLONE_INTO_CGROUP is of.
func (p *Process) cloneGroup(fd posix.FD) (*group, posix.Errno) {
	if _, errno := p.file(fd); errno != 0 {
		return nil, errno
	}
	return nil, ebadf
}
