package kernel_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
)

// readText returns what a file contains.
func readText(p *kernel.Process, path string) (string, error) {
	fd, err := p.Openat2(posix.AtFDCWD, path, posix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC})
	if err != nil {
		return "", err
	}
	b := make([]byte, 8192)
	n, err := p.Read(fd, b)
	return string(b[:max(n, 0)]), errors.Join(err, p.Close(fd))
}

// writeText writes to a file in one write.
func writeText(p *kernel.Process, path, text string) error {
	fd, err := p.Openat2(posix.AtFDCWD, path, posix.OpenHow{Flags: unix.O_WRONLY | unix.O_CLOEXEC})
	if err != nil {
		return err
	}
	_, err = p.Write(fd, []byte(text))
	return errors.Join(err, p.Close(fd))
}

// inNamespaces runs inner as the program of a child in new namespaces, after outer, which is told where the child is in /proc.
func inNamespaces(t *testing.T, k *kernel.Kernel, p *kernel.Process, flags uint64, outer func(child string), inner func(p *kernel.Process)) {
	t.Helper()
	must(t, "install", k.Install("/inner", 0o755, func(p *kernel.Process, _, _ []string) int { inner(p); return 7 }))
	child, err := p.Clone3(&posix.CloneArgs{Flags: flags, ExitSignal: unix.SIGCHLD, Program: execs("/inner")})
	if err != nil || child.Failed != nil {
		t.Fatal(err, child.Failed)
	}
	outer("/proc/" + itoa(int(child.PID)))
	var info posix.WaitInfo
	must(t, "waitid", p.Waitid(posix.PPidfd, int(child.Pidfd), &info, unix.WEXITED))
	must(t, "close", p.Close(child.Pidfd))
	if info.Status != 7 {
		t.Errorf("the child ended with %+v", info)
	}
}

func wantErrno(t *testing.T, what string, err error, want posix.Errno) {
	t.Helper()
	if want == 0 && err != nil || want != 0 && !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func wantText(t *testing.T, p *kernel.Process, path, want string) {
	t.Helper()
	if got, err := readText(p, path); got != want || err != nil {
		t.Errorf("%s is %q, %v, want %q", path, got, err, want)
	}
}

// TestIDMaps: the parent maps users and groups of a child's user namespace, and both see them with the numbers that are theirs.
func TestIDMaps(t *testing.T) {
	k := machine(t, kernel.Config{})
	p := k.Init()
	wantText(t, p, "/proc/self/uid_map", "         0          0 4294967295\n")
	wantErrno(t, "a map of the first user namespace", writeText(p, "/proc/self/uid_map", "0 0 1\n"), unix.EPERM)
	must(t, "mkdir", k.Mkdir("/d", 0o777))
	must(t, "install", k.Install("/second", 0o755, mapped(t)))
	inNamespaces(t, k, p, unix.CLONE_NEWUSER, func(child string) {
		wantText(t, p, child+"/uid_map", "")
		for name, text := range map[string]string{
			"two numbers": "0 1\n", "no number": "0 x 1\n", "nothing": "", "a count of 0": "0 1 0\n", "a range that wraps around": "0 4294967295 2\n",
			"ranges that overlap inside": "0 0 2\n1 10 1\n", "ranges that overlap outside": "0 0 2\n7 1 1\n",
			"more than a page": strings.Repeat(" ", 4096), "341 ranges": ranges(341),
		} {
			wantErrno(t, name, writeText(p, child+"/uid_map", text), unix.EINVAL)
		}
		wantErrno(t, "users", writeText(p, child+"/uid_map", "0 0 1\n1 100000 1000\n"), 0)
		wantErrno(t, "users again", writeText(p, child+"/uid_map", "0 0 1\n"), unix.EPERM)
		wantErrno(t, "groups", writeText(p, child+"/gid_map", "0 0 1\n5 200000 10\n"), 0)
		wantErrno(t, "deny when groups are mapped", writeText(p, child+"/setgroups", "deny"), unix.EPERM)
		wantText(t, p, child+"/uid_map", "         0          0          1\n         1     100000       1000\n")
	}, func(p *kernel.Process) {
		wantText(t, p, "/proc/self/gid_map", "         0          0          1\n         5     200000         10\n")
		wantErrno(t, "setgroups of one who was nobody when it was executed", p.Setgroups(nil), unix.EPERM)
		_ = p.Execve("/second", nil, nil) // as user 0, that it is now
	})
	var st posix.Stat
	must(t, "stat", p.Fstatat(posix.AtFDCWD, "/d/made", &st, 0))
	if st.UID != 100999 || st.GID != 200000 {
		t.Errorf("made by %d:%d, seen from outside", st.UID, st.GID)
	}
}

// mapped is what a program in a user namespace does that has users and groups.
func mapped(t *testing.T) func(p *kernel.Process, _, _ []string) int {
	return func(p *kernel.Process, _, _ []string) int {
		must(t, "setgroups", p.Setgroups([]posix.GID{5, 14}))
		wantErrno(t, "setgroups of one that is not mapped", p.Setgroups([]posix.GID{15}), unix.EINVAL)
		must(t, "setresgid", p.Setresgid(posix.Gids{Real: 6, Effective: 6, Saved: 6}))
		wantErrno(t, "setresuid to one that is not mapped", p.Setresuid(posix.Uids{Real: 1001, Effective: 1001, Saved: 1001}), unix.EINVAL)
		must(t, "setresuid", p.Setresuid(posix.Uids{Real: 1000, Effective: 1000, Saved: 1000}))
		if uid, gid := p.Geteuid(), p.Getegid(); uid != 1000 || gid != 6 {
			t.Errorf("user %d and group %d inside", uid, gid)
		}
		must(t, "mkdirat", p.Mkdirat(posix.AtFDCWD, "/d/made", 0o755))
		var st posix.Stat
		must(t, "stat", p.Fstatat(posix.AtFDCWD, "/d/made", &st, 0))
		if st.UID != 1000 || st.GID != 6 {
			t.Errorf("made by %d:%d, seen from inside", st.UID, st.GID)
		}
		wantErrno(t, "chown to a group that is not mapped", p.Fchownat(posix.Chown{Dir: posix.AtFDCWD, Path: "/d/made", UID: ^posix.UID(0), GID: 15}), unix.EINVAL)
		wantErrno(t, "chown to a user that is not mapped", p.Fchownat(posix.Chown{Dir: posix.AtFDCWD, Path: "/d/made", UID: 1001, GID: 5}), unix.EINVAL)
		wantErrno(t, "chown to a group of its own", p.Fchownat(posix.Chown{Dir: posix.AtFDCWD, Path: "/d/made", UID: ^posix.UID(0), GID: 5}), 0)
		must(t, "stat", p.Fstatat(posix.AtFDCWD, "/", &st, 0))
		if st.UID != 0 {
			t.Errorf("the root directory is that of %d, seen from inside", st.UID)
		}
		return 7
	}
}

// ranges are so many lines of one number each.
func ranges(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(itoa(2*i) + " " + itoa(2*i) + " 1\n")
	}
	return b.String()
}

// TestIDMapOfOneself: who made a user namespace may map itself alone, and groups only without setgroups. What it maps further below is what it has itself.
func TestIDMapOfOneself(t *testing.T) {
	k := machine(t, kernel.Config{})
	p, err := k.Init().Child()
	must(t, "child", err)
	must(t, "setgroups", p.Setgroups(nil))
	must(t, "setresgid", p.Setresgid(posix.Gids{Real: 8, Effective: 8, Saved: 8}))
	must(t, "setresuid", p.Setresuid(posix.Uids{Real: 9, Effective: 9, Saved: 9}))
	var own script
	for _, c := range []struct {
		what, file, text string
		want             posix.Errno
	}{
		{"another user", "uid_map", "0 10 1", unix.EPERM},
		{"more users", "uid_map", "0 9 2", unix.EPERM},
		{"itself", "uid_map", "0 9 1", 0},
		{"its group while setgroups is allowed", "gid_map", "0 8 1", unix.EPERM},
		{"another word", "setgroups", "forbid", unix.EINVAL},
		{"a long word", "setgroups", "deny     ", unix.EINVAL},
		{"deny", "setgroups", "deny\n", 0},
		{"allow after deny", "setgroups", "allow", unix.EPERM},
		{"its group", "gid_map", "3 8 1", 0},
		{"deny after the map", "setgroups", "deny", unix.EPERM},
	} {
		own.writes(c.what, "/proc/self/"+c.file, c.text, c.want)
	}
	own.refuses("setgroups", unix.EPERM, unix.SYS_SETGROUPS)
	own.answers("the user", 0, unix.SYS_GETUID)
	own.answers("the group", 3, unix.SYS_GETGID)
	own.exec("/first")
	must(t, "install", k.Install("/first", 0o755, func(p *kernel.Process, _, _ []string) int {
		wantText(t, p, "/proc/self/setgroups", "deny\n")
		inNamespaces(t, k, p, unix.CLONE_NEWUSER, func(child string) {
			wantErrno(t, "a user that the parent does not have", writeText(p, child+"/uid_map", "0 5 1"), unix.EPERM)
			wantErrno(t, "the user that the parent has", writeText(p, child+"/uid_map", "7 0 1"), 0)
			wantErrno(t, "the group that the parent has", writeText(p, child+"/gid_map", "7 3 1"), 0)
			wantText(t, p, child+"/uid_map", "         7          0          1\n")
		}, func(p *kernel.Process) {
			if uid, gid := p.Getuid(), p.Getgid(); uid != 7 || gid != 7 {
				t.Errorf("user %d and group %d in the namespace below", uid, gid)
			}
			wantText(t, p, "/proc/self/uid_map", "         7          0          1\n")
		})
		return 7
	}))
	if info := own.run(t, p, unix.CLONE_NEWUSER); info.Status != 7 {
		t.Errorf("the child ended with %+v", info)
	}
	must(t, "setgroups of the first user namespace", writeText(k.Init(), "/proc/self/setgroups", "allow"))
	wantErrno(t, "deny there", writeText(k.Init(), "/proc/self/setgroups", "deny"), unix.EPERM)
}

func itoa(n int) string { return strconv.Itoa(n) }
