package sandbox

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/program"
)

// Tool is a process of our own that confines itself by being launched: it computes, talks to its parent over one descriptor, and
// can reach nothing else.
type Tool struct {
	Name string
	// Executable names the descriptor of the tool's program, opened with O_PATH. It is no path: a program that was replaced on the disk
	// since it was started can still start itself.
	Executable string
	Argv       []string
	// Channel names the descriptor that the tool gets as number 3, beside the standard error as 2.
	Channel string
	// CPUSeconds limits the processor time.
	CPUSeconds uint64
	Facts      host.Facts
	Filter     Filter
}

// CompileTool makes the launch program of a tool: no capability, as root the overflow user, no access to any file but its own
// executable, no new descriptors to speak of, and the filter. A host without Landlock is no obstacle: the filter opens nothing.
func CompileTool(t Tool) *program.Program {
	module := policy.Module{Name: t.Name}
	c := &compiler{Request: Request{Policy: &policy.Policy{}, Module: module}, module: &module, facts: t.Facts, argv: t.Argv,
		seccomp: true}
	b := &builder{Builder: program.NewBuilder(t.Name, "built in"), c: c, proc: -1, ruleset: -1}
	b.session()
	b.call(everyModule, "close_range", unix.SYS_CLOSE_RANGE, program.Int(3), program.Const(uint64(^uint32(0)), "~0U"),
		program.Const(unix.CLOSE_RANGE_CLOEXEC, "CLOSE_RANGE_CLOEXEC"))
	for fd, name := range [...]string{"stdin", "stdout", "stderr"} {
		from := b.Add(program.Prepare{Kind: program.Stdio, From: fd})
		b.call(everyModule, "dup3", unix.SYS_DUP3, program.FD(from, name), program.Int(fd), program.Int(0))
	}
	channel := b.Add(program.Prepare{Kind: program.Listener, Path: t.Channel})
	b.call(everyModule, "dup3", unix.SYS_DUP3, program.FD(channel, t.Channel), program.Int(3), program.Int(0))
	for _, l := range []policy.Rlimit{
		{Name: "core", Resource: unix.RLIMIT_CORE},
		{Name: "nofile", Resource: unix.RLIMIT_NOFILE, Soft: 16, Hard: 16},
		{Name: "cpu", Resource: unix.RLIMIT_CPU, Soft: t.CPUSeconds, Hard: t.CPUSeconds},
	} {
		b.limit(everyModule, l)
	}
	user := User{UID: t.Facts.EUID, GID: t.Facts.EGID}
	if c.root() {
		user = User{UID: t.Facts.OverflowUID, GID: t.Facts.OverflowGID}
	}
	// Without privileges to give up there is nothing to do but to check.
	if t.Facts.Capabilities.Has(unix.CAP_SETPCAP) {
		b.credentials(everyModule, user, 0, everyModule, false, c.root())
		b.readCaps(everyModule, 0)
	}
	b.readIDs(everyModule, user)
	b.readGroups(everyModule, user, false, c.root())
	b.dieWithParent()
	executable := b.Add(program.Prepare{Kind: program.Listener, Path: t.Executable})
	ruleset := -1
	if t.Facts.Landlock.ABI > 0 {
		ruleset = b.Add(program.Prepare{Kind: program.Ruleset, Handled: landlockHandled(t.Facts.Landlock.ABI), Scoped: landlockScopes(t.Facts.Landlock.ABI),
			// The kernel opens a program for reading, too, to execute it.
			Rules: []program.Rule{{From: executable, Access: landlockExecute | unix.LANDLOCK_ACCESS_FS_READ_FILE}}})
	}
	b.call(everyModule, "prctl", unix.SYS_PRCTL, program.Const(unix.PR_SET_NO_NEW_PRIVS, "PR_SET_NO_NEW_PRIVS"), program.Int(1),
		program.Int(0), program.Int(0), program.Int(0))
	if ruleset >= 0 {
		b.call(everyModule, "landlock_restrict_self", unix.SYS_LANDLOCK_RESTRICT_SELF, program.FD(ruleset, "ruleset"), program.Int(0))
	}
	b.seccomp(everyModule, t.Filter)
	b.exec(t.Filter, program.FD(executable, t.Executable), b.String(""), b.arguments(t.Argv), program.At(b.Pointers(), "[]"),
		program.Const(unix.AT_EMPTY_PATH, "AT_EMPTY_PATH"), everyModule)
	b.Listeners = 1
	return &b.Program
}
