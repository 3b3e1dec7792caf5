package kernel_test

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
)

// groups is a process with calls about the files of control groups.
type groups struct {
	*testing.T
	p *kernel.Process
}

const top = "/sys/fs/cgroup/"

func (g groups) write(path, value string) error {
	g.Helper()
	fd, err := g.p.Openat2(posix.AtFDCWD, top+path, posix.OpenHow{Flags: unix.O_WRONLY | unix.O_TRUNC | unix.O_CLOEXEC})
	if err != nil {
		return err
	}
	defer func() { _ = g.p.Close(fd) }()
	n, err := g.p.Write(fd, []byte(value))
	if err == nil && n != len(value) {
		g.Errorf("%d of %d bytes taken", n, len(value))
	}
	return err
}

func (g groups) want(path, value string, want posix.Errno) {
	g.Helper()
	if err := g.write(path, value); want == 0 && err != nil || want != 0 && !errors.Is(err, want) {
		g.Errorf("write %q to %s: %v, want %v", value, path, err, want)
	}
}

func (g groups) read(path string) string {
	g.Helper()
	fd, err := g.p.Openat2(posix.AtFDCWD, top+path, posix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC})
	if err != nil {
		g.Fatal(path, err)
	}
	defer func() { _ = g.p.Close(fd) }()
	b := make([]byte, 4096)
	n, err := g.p.Read(fd, b)
	if err != nil {
		g.Fatal(path, err)
	}
	return strings.TrimSpace(string(b[:n]))
}

func (g groups) mkdir(path string) posix.FD {
	g.Helper()
	if err := g.p.Mkdirat(posix.AtFDCWD, top+path, 0o755); err != nil {
		g.Fatal(path, err)
	}
	fd, err := g.p.Openat2(posix.AtFDCWD, top+path, posix.OpenHow{Flags: unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC})
	if err != nil {
		g.Fatal(path, err)
	}
	return fd
}

// nap is a launch program that ends at once.
var nap = &posix.Program{Steps: []posix.Step{{Number: unix.SYS_GETPID}}}

func TestGroups(t *testing.T) {
	k := kernel.New(kernel.Config{})
	g := groups{t, k.Init()}
	g.want("cgroup.subtree_control", "+pids +memory +cpu", 0)
	g.want("cgroup.subtree_control", "+nothing", unix.EINVAL)
	g.mkdir("a")
	if got := g.read("a/cgroup.controllers"); got != "cpu memory pids" {
		t.Errorf("controllers %q", got)
	}
	for _, c := range []struct {
		file, value string
		want        posix.Errno
		reads       string
	}{
		{"pids.max", "7", 0, "7"}, {"pids.max", "max", 0, "max"}, {"pids.max", "-1", unix.EINVAL, "max"}, {"pids.max", "4194304", unix.EINVAL, "max"},
		{"memory.max", "1M", 0, "1048576"}, {"memory.max", "4097", 0, "4096"}, {"memory.max", "x", unix.EINVAL, "4096"},
		{"cpu.max", "50000 100000", 0, "50000 100000"}, {"cpu.max", "max", 0, "max 100000"}, {"cpu.max", "10", unix.EINVAL, "max 100000"},
		{"cpu.weight", "0", unix.ERANGE, "100"}, {"cgroup.max.depth", "3", 0, "3"},
	} {
		g.want("a/"+c.file, c.value, c.want)
		if got := g.read("a/" + c.file); got != c.reads {
			t.Errorf("%s reads %q, want %q", c.file, got, c.reads)
		}
	}
	g.want("a/cgroup.kill", "2", unix.ERANGE)
	g.want("a/cgroup.subtree_control", "+io", unix.ENOENT)
	if err := g.p.Unlinkat(posix.AtFDCWD, top+"a/pids.max", 0); !errors.Is(err, unix.EPERM) {
		t.Errorf("unlink of a file: %v", err)
	}
	if err := g.p.Unlinkat(posix.AtFDCWD, top+"a", unix.AT_REMOVEDIR); err != nil {
		t.Errorf("rmdir: %v", err)
	}
}

func TestCloneIntoGroup(t *testing.T) {
	k := kernel.New(kernel.Config{})
	g := groups{t, k.Init()}
	g.want("cgroup.subtree_control", "+pids", 0)
	dir := g.mkdir("a")
	if err := k.Install("/wait", 0o755, func(p *kernel.Process, _, _ []string) int {
		_, _ = p.Ppoll(nil, nil)
		return 0
	}); err != nil {
		t.Fatal(err)
	}
	events, err := g.p.Openat2(posix.AtFDCWD, top+"a/cgroup.events", posix.OpenHow{Flags: unix.O_RDONLY})
	if err != nil {
		t.Fatal(err)
	}
	poll := func() int16 {
		fds := []posix.PollFD{{FD: events, Events: unix.POLLPRI}}
		if _, err := g.p.Ppoll(fds, &posix.Timespec{}); err != nil {
			t.Fatal(err)
		}
		return fds[0].Revents & unix.POLLPRI
	}
	if poll() != 0 {
		t.Error("an exceptional condition before anything has happened")
	}
	if _, err := g.p.Fork(func(*kernel.Process) {}); err != nil {
		t.Fatal(err)
	}
	g.want("a/pids.max", "0", 0)
	args := &posix.CloneArgs{Flags: unix.CLONE_INTO_CGROUP, Cgroup: dir, ExitSignal: unix.SIGCHLD, Program: nap}
	if _, err := g.p.Clone3(args); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("clone3 over pids.max: %v, want EAGAIN", err)
	}
	if got := g.read("a/pids.events"); got != "max 1" {
		t.Errorf("pids.events %q", got)
	}
	g.want("a/pids.max", "1", 0)
	args.Program = execs("/wait")
	child, err := g.p.Clone3(args)
	if err != nil || child.Failed != nil {
		t.Fatal(err, child.Failed)
	}
	if got := g.read("a/cgroup.events"); got != "populated 1\nfrozen 0" {
		t.Errorf("cgroup.events %q", got)
	}
	if poll() == 0 {
		t.Error("no exceptional condition, and the group became populated")
	}
	if err := g.p.Unlinkat(posix.AtFDCWD, top+"a", unix.AT_REMOVEDIR); !errors.Is(err, unix.EBUSY) {
		t.Errorf("rmdir of a populated group: %v, want EBUSY", err)
	}
	g.want("a/cgroup.kill", "1", 0)
	var info posix.WaitInfo
	if err := g.p.Waitid(posix.PPidfd, int(child.Pidfd), &info, unix.WEXITED); err != nil || info.Status != int(unix.SIGKILL) {
		t.Errorf("waitid: %v, %+v", err, info)
	}
	if got := g.read("a/pids.current") + g.read("a/cgroup.procs"); got != "0" {
		t.Errorf("what is left: %q", got)
	}
	if err := g.p.Unlinkat(posix.AtFDCWD, top+"a", unix.AT_REMOVEDIR); err != nil {
		t.Errorf("rmdir: %v", err)
	}
	if _, err := g.p.Clone3(args); !errors.Is(err, unix.ENODEV) {
		t.Errorf("clone3 into a group that was removed: %v, want ENODEV", err)
	}
}

// execs is a launch program that executes a path.
func execs(path string) *posix.Program {
	cwd := posix.AtFDCWD
	return &posix.Program{
		Memory: append(make([]byte, 8), path+"\x00"...),
		Steps: []posix.Step{{Number: unix.SYS_EXECVEAT, Args: [6]posix.Arg{
			{Value: uint64(cwd)}, {Kind: posix.Address, Value: 8}, {Kind: posix.Address}, {Kind: posix.Address}}}},
	}
}
