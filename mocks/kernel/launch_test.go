package kernel_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
)

// calls is a step that makes a call with these arguments.
func calls(number uint32, args ...posix.Arg) posix.Step {
	s := posix.Step{Number: number}
	copy(s.Args[:], args)
	return s
}

func number(n uint64) posix.Arg  { return posix.Arg{Value: n} }
func address(n uint64) posix.Arg { return posix.Arg{Kind: posix.Address, Value: n} }

// launched runs a program in a child of process 1, and reaps it when it has ended.
func launched(t *testing.T, p *kernel.Process, flags uint64, program *posix.Program) (posix.Child, posix.WaitInfo) {
	t.Helper()
	child, err := p.Clone3(&posix.CloneArgs{Flags: flags, ExitSignal: unix.SIGCHLD, Program: program})
	if err != nil {
		t.Fatal(err)
	}
	var info posix.WaitInfo
	if err := errors.Join(p.Waitid(posix.PPidfd, int(child.Pidfd), &info, unix.WEXITED), p.Close(child.Pidfd)); err != nil {
		t.Fatal(err)
	}
	return child, info
}

func TestLaunchSteps(t *testing.T) {
	kept := calls(unix.SYS_UMASK, number(0o27))
	kept.Result = 1
	allowed := calls(unix.SYS_CLOSE, number(99))
	allowed.MayFail, allowed.Result = true, 2
	program := &posix.Program{
		Memory:      make([]byte, 64),
		Relocations: []posix.Relocation{{At: 0, To: 40}},
		Steps: []posix.Step{
			kept, allowed,
			{Op: posix.StepStore, Args: [6]posix.Arg{{Kind: posix.Slot, Value: 1}, address(8)}},
			{Op: posix.StepStore, Args: [6]posix.Arg{{Kind: posix.Slot, Value: 2}, address(16)}},
			{Op: posix.StepDecimal, Args: [6]posix.Arg{number(1234567890), address(40)}},
			{Op: posix.StepExpect, Args: [6]posix.Arg{{Kind: posix.Load, Value: 8}, number(0xff), number(0o22)}},
			{Op: posix.StepExpect, Args: [6]posix.Arg{number(5), number(^uint64(0)), number(6)}},
		},
	}
	p := kernel.New(kernel.Config{}).Init()
	child, info := launched(t, p, 0, program)
	if child.Failed == nil || *child.Failed != (posix.StepFailure{Step: 6, Got: 5}) {
		t.Errorf("failed %+v, want step 6 with 5", child.Failed)
	}
	if info.Code != posix.CldExited || info.Status != 127 {
		t.Errorf("ended with %+v, want status 127", info)
	}
	if got := binary.NativeEndian.Uint64(program.Memory[8:]); got != 0o22 {
		t.Errorf("kept result %o, want 22", got)
	}
	if got := int64(binary.NativeEndian.Uint64(program.Memory[16:])); got != -int64(unix.EBADF) {
		t.Errorf("kept errno %d, want -EBADF", got)
	}
	if got := string(program.Memory[40:51]); got != "1234567890\x00" {
		t.Errorf("decimal %q", got)
	}
	if got, _ := p.Umask(0); got != 0o22 {
		t.Errorf("the parent's umask became %o", got)
	}
}

func TestLaunchRefused(t *testing.T) {
	p := kernel.New(kernel.Config{}).Init()
	for name, program := range map[string]*posix.Program{
		"none":                     nil,
		"an unknown step":          {Steps: []posix.Step{{Op: posix.StepExpect + 1}}},
		"an unknown kind":          {Steps: []posix.Step{calls(1, posix.Arg{Kind: 99})}},
		"slot 0":                   {Steps: []posix.Step{calls(1, posix.Arg{Kind: posix.Slot})}},
		"an address outside":       {Steps: []posix.Step{calls(1, address(1))}},
		"a load outside":           {Memory: make([]byte, 8), Steps: []posix.Step{calls(1, posix.Arg{Kind: posix.Load, Value: 1})}},
		"a decimal without room":   {Memory: make([]byte, 20), Steps: []posix.Step{{Op: posix.StepDecimal, Args: [6]posix.Arg{{}, address(0)}}}},
		"a relocation outside":     {Memory: make([]byte, 8), Relocations: []posix.Relocation{{At: 1}}},
		"a result that is no slot": {Steps: []posix.Step{{Result: posix.MaxSlots + 1}}},
	} {
		if _, err := p.Clone3(&posix.CloneArgs{Program: program}); !errors.Is(err, unix.EINVAL) {
			t.Errorf("%s: %v, want EINVAL", name, err)
		}
	}
}

// TestLaunchTrace: each step is traced by its number.
func TestLaunchTrace(t *testing.T) {
	var got []uint32
	k := kernel.New(kernel.Config{Trace: func(c kernel.Call) {
		if c.Number != 0 {
			got = append(got, c.Number)
		}
	}})
	want := []uint32{unix.SYS_SETSID, unix.SYS_GETPID, unix.SYS_DUP3}
	child, _ := launched(t, k.Init(), 0, &posix.Program{Steps: []posix.Step{calls(want[0]), calls(want[1]), calls(want[2], number(7), number(8))}})
	if !slices.Equal(got, want) {
		t.Errorf("traced %v, want %v", got, want)
	}
	if child.Failed == nil || child.Failed.Errno != unix.EBADF {
		t.Errorf("failed %+v, want EBADF", child.Failed)
	}
}

// TestLaunchNamespaces: a new root, entered as a module's is, and what stays of that outside.
func TestLaunchNamespaces(t *testing.T) {
	k := kernel.New(kernel.Config{})
	p := k.Init()
	fs, err := p.Fsopen("tmpfs", 0)
	if err == nil {
		err = p.Fsconfig(posix.FsConfig{FS: fs, Cmd: unix.FSCONFIG_CMD_CREATE})
	}
	root, err2 := p.Fsmount(fs, 0, 0)
	if err := errors.Join(err, err2, p.Mkdirat(root, "inside", 0o755)); err != nil {
		t.Fatal(err)
	}
	cwd := posix.AtFDCWD
	at := func(fd posix.FD) posix.Arg { return number(uint64(fd)) }
	const empty, slash, dot, inside, etc, name = 0, 1, 3, 5, 13, 18
	program := &posix.Program{
		Memory: []byte("\x00/\x00.\x00/inside\x00/etc\x00module\x00\x00"),
		Steps: []posix.Step{
			calls(unix.SYS_UNSHARE, number(unix.CLONE_NEWNS|unix.CLONE_NEWUTS)),
			calls(unix.SYS_MOUNT, number(0), address(slash), number(0), number(unix.MS_REC|unix.MS_PRIVATE)),
			calls(unix.SYS_MOVE_MOUNT, at(root), address(empty), at(cwd), address(slash), number(unix.MOVE_MOUNT_F_EMPTY_PATH)),
			calls(unix.SYS_FCHDIR, at(root)),
			calls(unix.SYS_PIVOT_ROOT, address(dot), address(dot)),
			calls(unix.SYS_UMOUNT2, address(dot), number(unix.MNT_DETACH)),
			calls(unix.SYS_SETHOSTNAME, address(name), number(6)),
			calls(unix.SYS_CHDIR, address(inside)),
			calls(unix.SYS_CHDIR, address(etc)),
		},
	}
	child, _ := launched(t, p, 0, program)
	if child.Failed == nil || *child.Failed != (posix.StepFailure{Step: 8, Errno: unix.ENOENT}) {
		t.Errorf("failed %+v, want the last step with ENOENT", child.Failed)
	}
	var st posix.Stat
	if err := p.Fstatat(posix.AtFDCWD, "/etc", &st, 0); err != nil {
		t.Errorf("/etc of the parent: %v", err)
	}
	if u, err := p.Uname(); err != nil || u.Nodename == "module" {
		t.Errorf("the parent is called %q now, %v", u.Nodename, err)
	}
}

func TestRecognize(t *testing.T) {
	k := kernel.New(kernel.Config{})
	p := k.Init()
	contents := []byte("\x7fELF of our own")
	k.Recognize(contents, func(*kernel.Process, []string, []string) int { return 9 })
	fd, err := p.MemfdCreate("x", unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Write(fd, contents); err != nil {
		t.Fatal(err)
	}
	// What is open for writing cannot be executed.
	image, err := p.Openat2(posix.AtFDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), posix.OpenHow{Flags: unix.O_RDONLY})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Close(fd); err != nil {
		t.Fatal(err)
	}
	run := &posix.Program{Memory: make([]byte, 8), Steps: []posix.Step{
		calls(unix.SYS_EXECVEAT, number(uint64(image)), address(0), number(0), number(0), number(unix.AT_EMPTY_PATH))}}
	if _, info := launched(t, p, 0, run); info.Status != 9 {
		t.Errorf("ended with %+v, want status 9", info)
	}
	k.Recognize(contents, nil)
	if child, _ := launched(t, p, 0, run); child.Failed == nil || child.Failed.Errno != unix.ENOEXEC {
		t.Errorf("failed %+v, want ENOEXEC", child.Failed)
	}
}

// FuzzLaunch makes calls with hostile arguments: nothing may panic, and the parent goes on.
func FuzzLaunch(f *testing.F) {
	for _, n := range []uint32{
		unix.SYS_MOUNT, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_UMOUNT2, unix.SYS_MOVE_MOUNT, unix.SYS_OPEN_TREE, unix.SYS_MOUNT_SETATTR,
		unix.SYS_FSOPEN, unix.SYS_FSCONFIG,
		unix.SYS_FSMOUNT, unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_SECCOMP, unix.SYS_LANDLOCK_CREATE_RULESET, unix.SYS_LANDLOCK_ADD_RULE,
		unix.SYS_LANDLOCK_RESTRICT_SELF, unix.SYS_PRCTL, unix.SYS_CAPSET, unix.SYS_CAPGET, unix.SYS_SETGROUPS, unix.SYS_GETGROUPS, unix.SYS_PRLIMIT64,
		unix.SYS_EXECVEAT, unix.SYS_IOCTL, unix.SYS_CLOSE_RANGE, unix.SYS_MKNODAT, unix.SYS_OPENAT, unix.SYS_OPENAT2, unix.SYS_RT_SIGACTION, 9999,
	} {
		f.Add(n, []byte("/\x00.\x00tmpfs\x00"), uint64(0), uint64(1)<<63, uint64(8))
		f.Add(n, make([]byte, 64), ^uint64(0), uint64(1), uint64(1)<<32)
	}
	f.Fuzz(func(t *testing.T, n uint32, memory []byte, a, b, c uint64) {
		switch n {
		case unix.SYS_READ, unix.SYS_WRITE, unix.SYS_KILL: // a kill may stop those that would go on
			t.Skip("it may wait for something that never happens")
		}
		p := kernel.New(kernel.Config{}).Init()
		var at []posix.Arg
		for _, v := range []uint64{a, b, c} {
			at = append(at, number(v))
			if len(memory) > 0 {
				at = append(at, address(v%uint64(len(memory))))
			}
		}
		for i := range at {
			s := calls(n, slices.Concat(at[i:], at[:i])[:min(6, len(at))]...)
			s.MayFail = true
			launched(t, p, 0, &posix.Program{Memory: slices.Clone(memory), Steps: []posix.Step{s}})
		}
		if p.Getpid() != 1 {
			t.Error("process 1 is not 1 any more")
		}
	})
}
