package kernel_test

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
)

// TestGroupFiles: what each file of a new group reads, and what it takes.
func TestGroupFiles(t *testing.T) {
	k := machine(t, kernel.Config{})
	g := groups{t, k.Init()}
	g.want("cgroup.subtree_control", "+pids +memory +cpu +io", 0)
	if got := g.read("cgroup.subtree_control"); got != "cpu io memory pids" {
		t.Errorf("controllers for the children: %q", got)
	}
	must(t, "close", k.Init().Close(g.mkdir("a")))
	for file, want := range map[string]string{
		"cgroup.freeze": "0", "cgroup.type": "domain", "cgroup.stat": "nr_descendants 0\nnr_dying_descendants 0", "cgroup.max.depth": "max",
		"cgroup.max.descendants": "max", "cgroup.subtree_control": "", "cgroup.procs": "", "pids.peak": "0", "pids.current": "0",
		"cpu.weight": "100", "cpu.max": "max 100000", "io.max": "", "memory.events": "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0",
		"memory.current": "0", "memory.low": "0", "memory.high": "max", "memory.oom.group": "0",
	} {
		if got := g.text("a/" + file); got != want {
			t.Errorf("%s reads %q, want %q", file, got, want)
		}
	}
	if got := g.text("a/cpu.stat"); !strings.HasPrefix(got, "usage_usec ") || !strings.Contains(got, "nr_throttled") {
		t.Errorf("cpu.stat %q", got)
	}
	if got := g.text("cpu.stat"); strings.Contains(got, "nr_throttled") {
		t.Errorf("cpu.stat of the root %q, which cannot be throttled", got)
	}
	if got := g.text("a/memory.stat"); !strings.HasPrefix(got, "anon ") {
		t.Errorf("memory.stat %q", got)
	}
	for _, c := range []struct {
		file, value string
		want        posix.Errno
		reads       string
	}{
		{"cgroup.freeze", "1", 0, "1"}, {"cgroup.freeze", "2", unix.ERANGE, "1"}, {"cgroup.freeze", "x", unix.EINVAL, "1"}, {"cgroup.freeze", "0", 0, "0"},
		{"memory.oom.group", "1", 0, "1"}, {"memory.high", "max", 0, "max"}, {"memory.high", "2G", 0, "2147483648"},
		{"cpu.weight", "50", 0, "50"}, {"cpu.weight", "10001", unix.ERANGE, "50"}, {"cpu.weight", "x", unix.EINVAL, "50"},
		{"cpu.max", "1000 5000", 0, "1000 5000"}, {"cpu.max", "2000", 0, "2000 5000"}, {"cpu.max", "2000 999", unix.EINVAL, "2000 5000"},
		{"cpu.max", "max 1000001", unix.EINVAL, "2000 5000"}, {"cgroup.threads", "0", unix.EOPNOTSUPP, ""}, {"cgroup.type", "threaded", unix.EOPNOTSUPP, "domain"},
		{"cgroup.max.descendants", "-1", unix.EINVAL, "max"}, {"io.max", "8:0 rbps=1", unix.EINVAL, ""},
		{"pids.max", strings.Repeat("1", 4096), unix.E2BIG, "max"},
	} {
		g.want("a/"+c.file, c.value, c.want)
		if got := g.text("a/" + c.file); got != c.reads {
			t.Errorf("after %.20q, %s reads %q, want %q", c.value, c.file, got, c.reads)
		}
	}
	g.want("a/cgroup.kill", "x", unix.EINVAL)
	g.want("cgroup.subtree_control", "-cpu -io", 0)
	if err := g.write("a/cpu.max", "max"); err == nil {
		t.Error("cpu.max is there without its controller")
	}
	if got := g.read("a/cgroup.controllers"); got != "memory pids" {
		t.Errorf("controllers %q", got)
	}
	g.want("a/pids.max", "5", 0)
	g.want("cgroup.subtree_control", "-pids", 0)
	g.want("cgroup.subtree_control", "+pids", 0)
	if got := g.text("a/pids.max"); got != "max" {
		t.Errorf("pids.max is %q when its controller comes back, want max", got)
	}
}

// text returns what a file of a group reads, which may be nothing.
func (g groups) text(path string) string {
	g.Helper()
	got, err := readText(g.p, top+path)
	if err != nil {
		g.Fatal(path, err)
	}
	return strings.TrimSpace(got)
}

// TestGroupMoves: processes are moved by their numbers, and groups with controllers for their children take none.
func TestGroupMoves(t *testing.T) {
	k := machine(t, kernel.Config{})
	g := groups{t, k.Init()}
	g.want("cgroup.subtree_control", "+pids +memory", 0)
	must(t, "close", k.Init().Close(g.mkdir("a")))
	must(t, "close", k.Init().Close(g.mkdir("a/b")))
	child, err := k.Init().Child()
	must(t, "child", err)
	number := itoa(int(child.Getpid()))
	for _, c := range []struct {
		what, group, value string
		want               posix.Errno
	}{
		{"nobody", "a", "999", unix.ESRCH}, {"no number", "a", "x", unix.EINVAL}, {"a negative number", "a", "-1", unix.EINVAL},
		{"a child", "a", number, 0}, {"where it is", "a", number, 0}, {"the writer", "a/b", "0", 0},
	} {
		t.Log(c.what)
		g.want(c.group+"/cgroup.procs", c.value, c.want)
	}
	if got := g.text("a/cgroup.procs") + "," + g.text("a/b/cgroup.procs"); got != number+",1" {
		t.Errorf("members %s, want %s,1", got, number)
	}
	wantText(t, child, "/proc/self/cgroup", "0::/a\n")
	wantText(t, child, "/proc/1/cgroup", "0::/a/b\n")
	if got := g.text("a/pids.current") + " " + g.text("a/pids.peak"); got != "2 2" {
		t.Errorf("pids.current and pids.peak of the group above: %s, want 2 2", got)
	}
	g.want("a/cgroup.subtree_control", "+memory", unix.EBUSY) // it has a process
	g.want("a/cgroup.subtree_control", "+pids", 0)            // which those may have that can count both
	g.want("cgroup.subtree_control", "-pids", unix.EBUSY)     // a has it on for its children
	g.want("cgroup.procs", number, 0)
	g.want("a/cgroup.subtree_control", "+memory", 0)
	g.want("a/cgroup.procs", number, unix.EBUSY)
	g.want("a/cgroup.max.descendants", "1", 0)
	wantErrno(t, "one group too many", g.p.Mkdirat(posix.AtFDCWD, top+"a/c", 0o755), unix.EAGAIN)
	g.want("a/cgroup.max.descendants", "max", 0)
	g.want("a/cgroup.max.depth", "1", 0)
	wantErrno(t, "one level too many", g.p.Mkdirat(posix.AtFDCWD, top+"a/b/c", 0o755), unix.EAGAIN)
	wantErrno(t, "a name of two lines", g.p.Mkdirat(posix.AtFDCWD, top+"a/x\ny", 0o755), unix.EINVAL)
	wantErrno(t, "a file", g.p.Unlinkat(posix.AtFDCWD, top+"a/cgroup.procs", unix.AT_REMOVEDIR), unix.ENOTDIR)
	wantErrno(t, "a group with one below", g.p.Unlinkat(posix.AtFDCWD, top+"a", unix.AT_REMOVEDIR), unix.EBUSY)

	g.want("cgroup.procs", "0", 0)
	fd := open(t, g.p, top+"a/b/pids.max", unix.O_RDWR)
	must(t, "rmdir", g.p.Unlinkat(posix.AtFDCWD, top+"a/b", unix.AT_REMOVEDIR))
	_, err = g.p.Read(fd, make([]byte, 10))
	wantErrno(t, "reading a file of a group that was removed", err, unix.ENODEV)
	_, err = g.p.Write(fd, []byte("1"))
	wantErrno(t, "writing to one", err, unix.ENODEV)
	must(t, "close", g.p.Close(fd))
}

// TestGroupPermission: an ordinary user moves its processes within what has been handed over to it, and not out of that.
func TestGroupPermission(t *testing.T) {
	k := machine(t, kernel.Config{})
	root := groups{t, k.Init()}
	for _, name := range []string{"a", "a/b", "a/c", "d"} {
		must(t, "close", k.Init().Close(root.mkdir(name)))
		for _, file := range []string{"", "/cgroup.procs", "/cgroup.subtree_control"} {
			must(t, "chown", k.Chown(top+name+file, 9, 9))
		}
	}
	p, err := k.Init().Child()
	must(t, "child", err)
	root.want("a/b/cgroup.procs", itoa(int(p.Getpid())), 0)
	must(t, "setresuid", p.Setresuid(posix.Uids{Real: 9, Effective: 9, Saved: 9}))
	user := groups{t, p}
	user.want("a/c/cgroup.procs", "0", 0)
	user.want("d/cgroup.procs", "0", unix.EACCES) // the group above both is that of root
	user.want("cgroup.procs", "0", unix.EACCES)
	user.want("a/c/pids.max", "1", unix.ENOENT)
	wantText(t, p, "/proc/self/cgroup", "0::/a/c\n")
}

// TestGroupFileAsFile: a file of a group has an inode, an offset, and no size.
func TestGroupFileAsFile(t *testing.T) {
	p := machine(t, kernel.Config{}).Init()
	fd := open(t, p, top+"cgroup.controllers", unix.O_RDONLY)
	var st posix.Stat
	must(t, "fstat", p.Fstat(fd, &st))
	if st.Mode != unix.S_IFREG|0o444 || st.Size != 0 {
		t.Errorf("mode %o, size %d", st.Mode, st.Size)
	}
	b := make([]byte, 3)
	for _, c := range []struct {
		off, want int64
		whence    int
		errno     posix.Errno
		reads     string
	}{
		{0, 0, unix.SEEK_SET, 0, "cpu"}, {1, 4, unix.SEEK_CUR, 0, "io "}, {0, 0, unix.SEEK_END, unix.EINVAL, "mem"}, {-1, 0, unix.SEEK_SET, unix.EINVAL, "ory"},
		{0, 0, unix.SEEK_SET, 0, "cpu"},
	} {
		off, err := p.Lseek(fd, c.off, c.whence)
		wantErrno(t, "lseek", err, c.errno)
		if c.errno == 0 && off != c.want {
			t.Errorf("lseek %d, %d: %d, want %d", c.off, c.whence, off, c.want)
		}
		if n, err := p.Read(fd, b); string(b[:n]) != c.reads {
			t.Errorf("read %q, %v, want %q", b[:n], err, c.reads)
		}
	}
	must(t, "close", p.Close(fd))
	fd = open(t, p, top+"cgroup.procs", unix.O_WRONLY)
	if n, err := p.Write(fd, nil); n != 0 || err != nil {
		t.Errorf("writing nothing: %d, %v", n, err)
	}
	must(t, "close", p.Close(fd))
}
