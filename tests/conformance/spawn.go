package conformance

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Child is a process that a case has started. It is killed and reaped at the end, unless the case has reaped it.
type Child struct {
	posix.Child
	t      *T
	reaped bool
}

// Spawn starts a child that runs [Helper] with arguments; its descriptors 0 to 2 are what the case has there. pass are copied to descriptors 3, 4, ….
func (t *T) Spawn(pass []posix.FD, args ...string) *Child {
	t.Helper()
	return t.spawn(t.program(pass, args))
}

// spawnAfter is Spawn, and the child makes the calls of b before.
func (t *T) spawnAfter(b builder, pass []posix.FD, args ...string) *Child {
	t.Helper()
	exe := t.FD(t.Core.Openat2(posix.AtFDCWD, t.helper, posix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC}))
	return t.spawn(helperProgram(b, exe, pass, args))
}

func (t *T) spawn(program *posix.Program) *Child {
	t.Helper()
	child, err := t.Core.Clone3(&posix.CloneArgs{ExitSignal: unix.SIGCHLD, Program: program})
	t.Must("clone3", err)
	if child.Failed != nil {
		t.Fatalf("the child ended at step %d: %s", child.Failed.Step, name(child.Failed.Errno))
	}
	c := &Child{Child: child, t: t}
	t.children = append(t.children, c)
	return c
}

// Wait reaps the child and returns how it ended.
func (c *Child) Wait() posix.WaitInfo {
	c.t.Helper()
	var info posix.WaitInfo
	c.t.Must("waitid", c.t.Core.Waitid(posix.PPidfd, int(c.Pidfd), &info, unix.WEXITED))
	c.reaped = true
	return info
}

// Reaped says that the case has reaped the child by itself.
func (c *Child) Reaped() { c.reaped = true }

func (c *Child) end() {
	if !c.reaped {
		_ = c.t.Core.PidfdSendSignal(c.Pidfd, unix.SIGKILL)
		_ = c.t.Core.Waitid(posix.PPidfd, int(c.Pidfd), &posix.WaitInfo{}, unix.WEXITED)
	}
	_ = c.t.Core.Close(c.Pidfd)
}

// program is what a child of Spawn does: it puts the descriptors in their places, takes signals again and executes the helper.
func (t *T) program(pass []posix.FD, args []string) *posix.Program {
	t.Helper()
	return helperProgram(builder{}, t.FD(t.Core.Openat2(posix.AtFDCWD, t.helper, posix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC})), pass, args)
}

// helperProgram is what b has and then what program says; exe is the helper.
func helperProgram(b builder, exe posix.FD, pass []posix.FD, args []string) *posix.Program {
	for i, fd := range pass {
		// Twice, because a source may lie where another one goes.
		b.call(unix.SYS_FCNTL, posix.Arg{Value: uint64(fd)}, posix.Arg{Value: unix.F_DUPFD_CLOEXEC}, posix.Arg{Value: 100})
		b.steps[len(b.steps)-1].Result = uint8(i + 1)
	}
	b.call(unix.SYS_FCNTL, posix.Arg{Value: uint64(exe)}, posix.Arg{Value: unix.F_DUPFD_CLOEXEC}, posix.Arg{Value: 100})
	b.steps[len(b.steps)-1].Result = posix.MaxSlots
	for i := range pass {
		b.call(unix.SYS_DUP3, posix.Arg{Kind: posix.Slot, Value: uint64(i + 1)}, posix.Arg{Value: uint64(3 + i)}, posix.Arg{})
	}
	none := b.bytes(make([]byte, 8))
	b.call(unix.SYS_RT_SIGPROCMASK, posix.Arg{Value: unix.SIG_SETMASK}, none, posix.Arg{}, posix.Arg{Value: 8})
	argv := b.strings(append([]string{helperName}, args...))
	envp := b.strings([]string{"PATH=/"})
	b.call(unix.SYS_EXECVEAT, posix.Arg{Kind: posix.Slot, Value: posix.MaxSlots}, b.bytes([]byte{0}), argv, envp, posix.Arg{Value: unix.AT_EMPTY_PATH})
	return &posix.Program{Steps: b.steps, Memory: b.memory, Relocations: b.relocations}
}

// builder puts a program together.
type builder struct {
	steps       []posix.Step
	memory      []byte
	relocations []posix.Relocation
}

func (b *builder) call(number uint32, args ...posix.Arg) {
	s := posix.Step{Number: number}
	copy(s.Args[:], args)
	b.steps = append(b.steps, s)
}

// bytes keeps p in the program's memory, at a multiple of eight.
func (b *builder) bytes(p []byte) posix.Arg {
	for len(b.memory)%8 != 0 {
		b.memory = append(b.memory, 0)
	}
	at := len(b.memory)
	b.memory = append(b.memory, p...)
	return posix.Arg{Kind: posix.Address, Value: uint64(at)}
}

// strings keeps an array of strings as execve wants it.
func (b *builder) strings(list []string) posix.Arg {
	array := b.bytes(make([]byte, 8*(len(list)+1)))
	for i, s := range list {
		text := b.bytes(append([]byte(s), 0))
		b.relocations = append(b.relocations, posix.Relocation{At: uint32(array.Value) + uint32(8*i), To: uint32(text.Value)})
	}
	return array
}
