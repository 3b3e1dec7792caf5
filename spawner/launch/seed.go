package launch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/cgroup"
	"github.com/bulkhead/bulkhead/sandbox/program"
)

// needSeed makes the launcher's seed when a program of the request begins with it and there is none yet: see [program.Seed]. A launch copies a
// namespace with one mount then, and not all of the host's, which it would have to take away again.
func (l *Launcher) needSeed(r *Request) error {
	wanted := func(p *program.Program) bool {
		return p != nil && slices.ContainsFunc(p.Prepare, func(want program.Prepare) bool { return want.Kind == program.Seed })
	}
	if l.seed >= 0 || !wanted(r.Program) && !wanted(r.Init) {
		return nil
	}
	p, at := seedProgram(r.Program.Module)
	memory, err := l.lend(p, 0)
	if err != nil {
		return err
	}
	l.seed = posix.FD(int32(binary.NativeEndian.Uint64(memory[at:])))
	return nil
}

// seedProgram makes the namespace and leaves a descriptor of it at an offset of its memory. The root is pivoted once, here: below the empty
// directory is nothing but what the kernel began with.
func seedProgram(module string) (p *program.Program, at uint32) {
	b := program.NewBuilder(module, "")
	var every program.Origin
	top := b.Add(program.Prepare{Kind: program.Tmpfs, Path: "/",
		Attr:    unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC | unix.MOUNT_ATTR_RDONLY,
		Options: []program.Option{{Key: "mode", Value: "0555"}, {Key: "size", Value: "4k"}}})
	proc := b.Add(program.Prepare{Kind: program.HostPath, Path: "/proc", Directory: true})
	root, dot := program.FD(top, "root"), b.String(".")
	b.Call(every, "unshare", unix.SYS_UNSHARE, program.Const(unix.CLONE_NEWNS, "CLONE_NEWNS"))
	b.Call(every, "mount", unix.SYS_MOUNT, program.Null(), b.String("/"), program.Null(),
		program.Const(unix.MS_REC|unix.MS_PRIVATE, "MS_REC|MS_PRIVATE"), program.Null())
	b.Call(every, "move_mount", unix.SYS_MOVE_MOUNT, root, b.String(""), program.Const(^uint64(99), "AT_FDCWD"), b.String("/"),
		program.Const(unix.MOVE_MOUNT_F_EMPTY_PATH, "MOVE_MOUNT_F_EMPTY_PATH"))
	b.Call(every, "fchdir", unix.SYS_FCHDIR, root)
	b.Call(every, "pivot_root", unix.SYS_PIVOT_ROOT, dot, dot)
	b.Call(every, "umount2", unix.SYS_UMOUNT2, dot, program.Const(unix.MNT_DETACH, "MNT_DETACH"))
	return &b.Program, lendNamespace(b, proc, "mnt")
}

// lendNamespace ends a program that gives the launcher a namespace of its process: the descriptor comes into being in the launcher's own table, and
// its number is left at an offset of the memory. Source: clone(2), CLONE_FILES; namespaces(7).
func lendNamespace(b *program.Builder, proc int, name string) (at uint32) {
	var every program.Origin
	at = b.Words(^uint64(0))
	b.Call(every, "openat", unix.SYS_OPENAT, program.FD(proc, "/proc"), b.String("self/ns/"+name),
		program.Const(unix.O_RDONLY|unix.O_CLOEXEC, "O_RDONLY|O_CLOEXEC"), program.Int(0)).Keep(1)
	b.Store(every, program.Kept(1, "$1"), at, "descriptor")
	return at
}

// lend runs a program that executes nothing in a process that shares the launcher's descriptors, and returns its memory when it has ended.
func (l *Launcher) lend(p *program.Program, flags uint64) ([]byte, error) {
	d, err := l.begin(p, &Request{Program: p}).take(nil)
	if err != nil {
		return nil, err
	}
	defer d.close()
	linked, err := l.link(p, d, &cgroup.Join{Into: -1})
	if err != nil {
		return nil, err
	}
	child, err := l.kernel.Clone3(&posix.CloneArgs{Flags: flags | unix.CLONE_FILES, Program: linked.program, ExitSignal: unix.SIGCHLD})
	if err != nil {
		return nil, fmt.Errorf("%s: create a process: %w%s", p.Module, err, cloneHint(err))
	}
	if child.Failed != nil {
		err = linked.stepError(p, child.Failed)
	}
	if err = errors.Join(err, l.reap(child.Pidfd)); err != nil {
		return nil, err
	}
	return linked.program.Memory, nil
}
