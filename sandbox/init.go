package sandbox

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/program"
)

// InitCalls are the system calls that the init of a pid namespace makes.
var InitCalls = []string{"rt_sigprocmask", "rt_sigtimedwait", "wait4", "prctl", "exit_group"}

// buildInit makes the launch program of the init of a module's pid namespace. It makes the module's other namespaces with all that is mounted there,
// and holds them until the module enters: so that can be done before anybody wants the module, and undone after its end was seen. The network namespace
// is made by another process meanwhile.
//
// What is executed has no capability, no descriptor, and as root the overflow user. A module with that user cannot trace it, because its executable cannot be read and so the kernel makes it undumpable, nor
// end it, because it is process 1.
func (c *compiler) buildInit(r root) (*builder, error) {
	f, err := c.Filters.Init(InitCalls)
	if err != nil {
		return nil, err
	}
	b := c.builder()
	b.session()
	b.apart = c.has(unix.CLONE_NEWNET) && !c.Alone // `exec` is two threads at work already: another process costs more than it saves
	b.makeNamespaces(r)
	if b.apart {
		b.enterNetwork()
	}
	b.call(everyModule, "close_range", unix.SYS_CLOSE_RANGE, program.Int(0), program.Const(uint64(^uint32(0)), "~0U"),
		program.Const(unix.CLOSE_RANGE_CLOEXEC, "CLOSE_RANGE_CLOEXEC"))
	b.limits(func(policy.Rlimit) bool { return true })
	user := User{UID: c.facts.EUID, GID: c.facts.EGID}
	if c.root() {
		user = User{UID: c.facts.OverflowUID, GID: c.facts.OverflowGID}
	}
	b.credentials(everyModule, user, 0, everyModule, false, c.root())
	b.dieWithParent()
	b.readIDs(everyModule, user)
	b.readGroups(everyModule, user, false, c.root())
	b.readCaps(everyModule, 0)
	b.call(everyModule, "prctl", unix.SYS_PRCTL, program.Const(unix.PR_SET_NO_NEW_PRIVS, "PR_SET_NO_NEW_PRIVS"), program.Int(1),
		program.Int(0), program.Int(0), program.Int(0))
	b.seccomp(everyModule, f)
	file := b.Add(program.Prepare{Kind: program.InitProgram})
	b.exec(f, program.FD(file, "init"), b.String(""), b.arguments([]string{"bulkhead-init"}), program.At(b.Pointers(), "[]"),
		program.Const(unix.AT_EMPTY_PATH, "AT_EMPTY_PATH"), everyModule)
	return b, nil
}
