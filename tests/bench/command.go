package main

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/program"
)

// command is a program that is started with a bare vfork and exec.
type command struct {
	argv []string // the first is an absolute path
	env  []string
	// filter is a descriptor that the program inherits, rewound; -1 is none.
	filter posix.FD
	// user is whom it runs as; 0 is who runs this.
	user posix.UID
	// mounts is the mount namespace that it runs in; 0 is that of who runs this.
	mounts posix.FD
}

// child returns the steps of the process. Its standard streams are null, but for the errors.
func (c command) child(null posix.FD) *posix.Program {
	b := program.NewBuilder("bench", "")
	call := func(number uint32, args ...program.Value) { b.Call(program.Origin{}, "", number, args...) }
	call(unix.SYS_RT_SIGPROCMASK, program.Int(unix.SIG_SETMASK), program.At(b.Words(0), ""), program.Null(), program.Int(8))
	call(unix.SYS_CLOSE_RANGE, program.Int(3), program.Hex(uint64(^uint32(0))), program.Int(unix.CLOSE_RANGE_CLOEXEC))
	call(unix.SYS_DUP3, program.Int(int(null)), program.Int(0), program.Int(0))
	call(unix.SYS_DUP3, program.Int(int(null)), program.Int(1), program.Int(0))
	if c.filter >= 0 {
		call(unix.SYS_LSEEK, program.Int(int(c.filter)), program.Int(0), program.Int(unix.SEEK_SET))
		call(unix.SYS_FCNTL, program.Int(int(c.filter)), program.Int(unix.F_SETFD), program.Int(0))
	}
	if c.mounts != 0 {
		call(unix.SYS_SETNS, program.Int(int(c.mounts)), program.Int(unix.CLONE_NEWNS))
	}
	if id := int(c.user); id != 0 {
		call(unix.SYS_SETGROUPS, program.Int(0), program.Null())
		call(unix.SYS_SETRESGID, program.Int(id), program.Int(id), program.Int(id))
		call(unix.SYS_SETRESUID, program.Int(id), program.Int(id), program.Int(id))
	}
	list := func(texts []string) program.Value {
		at := make([]uint32, len(texts))
		for i, s := range texts {
			at[i] = uint32(b.String(s).Arg.Value)
		}
		return program.At(b.Pointers(at...), "")
	}
	call(unix.SYS_EXECVE, b.String(c.argv[0]), list(c.argv), list(c.env))
	return raw(b)
}

// raw returns the steps as the child takes them.
func raw(b *program.Builder) *posix.Program {
	p := &posix.Program{Memory: b.Memory, Relocations: b.Relocations}
	for _, s := range b.Steps {
		p.Steps = append(p.Steps, s.Step)
	}
	return p
}

// starter returns a function that runs a child and says how long it took.
func (b *bench) starter(image *posix.Program) func() (time.Duration, error) {
	return func() (time.Duration, error) { return b.spawn(image) }
}

// spawn runs a child, from its creation to its end, which must be a good one.
func (b *bench) spawn(image *posix.Program) (time.Duration, error) {
	begin := time.Now()
	child, err := b.kernel.Clone3(&posix.CloneArgs{Program: image, ExitSignal: unix.SIGCHLD})
	if err != nil {
		return 0, fmt.Errorf("create a process: %w", err)
	}
	var info posix.WaitInfo
	err = b.kernel.Waitid(posix.PPidfd, int(child.Pidfd), &info, unix.WEXITED)
	took := time.Since(begin)
	if err := errors.Join(err, b.kernel.Close(child.Pidfd)); err != nil {
		return 0, fmt.Errorf("wait for a process: %w", err)
	}
	switch {
	case child.Failed != nil:
		return 0, fmt.Errorf("step %d of its start: %w", child.Failed.Step, child.Failed.Errno)
	case info.Code != posix.CldExited || info.Status != 0:
		return 0, fmt.Errorf("it ended with code %d, status %d; want 1, 0", info.Code, info.Status)
	}
	return took, nil
}
