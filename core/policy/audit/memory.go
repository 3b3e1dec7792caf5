package audit

import (
	"cmp"
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/policy/call"
	"github.com/bulkhead/bulkhead/core/policy/reach"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Flags that x/sys/unix lacks. Source: linux/memfd.h, linux/shm.h.
const (
	mfdNoexecSeal = 0x8
	shmExec       = 0o100000
)

// fileless reports programs that are executed from memory (C10): a file in memory, and a way to execute a descriptor.
func (c *check) fileless() {
	memory, found := c.allowed("memfd_create", reach.Masked(1, asInt, mfdNoexecSeal, 0))
	if !found {
		return
	}
	if o, found := c.allowed("execveat", nil); found {
		c.add(o, Finding{Rule: "C10", Severity: High, Subject: "execveat",
			Message: "may execute what it has written into memory: " + call.Describe(memory.data, call.On(memory.arch)) + ", then execveat of the descriptor"})
	}
	if o, found := c.allowed("execve", nil); found && c.hasProc() {
		c.add(o, Finding{Rule: "C10", Severity: High, Subject: "execve",
			Message: "may execute what it has written into memory: " + call.Describe(memory.data, call.On(memory.arch)) + ", then execve of /proc/self/fd"})
	}
}

// hasProc tells whether the module sees a proc file system.
func (c *check) hasProc() bool {
	for _, f := range c.module.Filesystem {
		if f.Kind == policy.MountProc || within(cmp.Or(f.Source, f.Path), "/proc") {
			return true
		}
	}
	return false
}

// writableCode reports memory that is writable and executable at once (C11), or one after the other.
func (c *check) writableCode() {
	const both = unix.PROT_WRITE | unix.PROT_EXEC
	for _, call := range [...]string{"mmap", "mmap2", "mprotect", "pkey_mprotect"} {
		if o, found := c.allowed(call, reach.HasAll(2, asLong, both)); found {
			c.add(o, Finding{Rule: "C11", Severity: Medium, Subject: call, Message: "may have memory that is writable and executable: " + call,
				Source: call + "(2)", Fix: c.fix(o, keepEither)})
		}
	}
	if o, found := c.allowed("mprotect", reach.HasAll(2, asLong, unix.PROT_EXEC)); found {
		c.add(o, Finding{Rule: "C11", Severity: Info, Subject: "mprotect PROT_EXEC",
			Message: "may make memory executable that was writable before: mprotect",
			Fix:     c.fix(o, keepNoExec) + ", where no loader needs it"})
	}
	if o, found := c.allowed("shmat", reach.HasAll(2, asInt, shmExec)); found {
		c.add(o, Finding{Rule: "C11", Severity: Medium, Subject: "shmat",
			Message: "may have shared memory that is writable and executable: shmat with SHM_EXEC",
			Source:  "shmat(2)", Fix: c.fix(o, keepNoShmExec)})
	}
}
