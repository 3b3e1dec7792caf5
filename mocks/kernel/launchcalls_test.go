package kernel_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
)

// script is a launch program each call of which must answer what the test says.
type script struct {
	posix.Program
	lines []string // what each step is, for the message
}

// text keeps a string, with its zero byte, in the program's memory.
func (s *script) text(text string) posix.Arg { return s.bytes(append([]byte(text), 0)) }

// words keeps numbers of 64 bits there.
func (s *script) words(list ...uint64) posix.Arg {
	var b []byte
	for _, w := range list {
		b = binary.NativeEndian.AppendUint64(b, w)
	}
	return s.bytes(b)
}

func (s *script) bytes(b []byte) posix.Arg {
	at := len(s.Memory)
	s.Memory = append(s.Memory, b...)
	for len(s.Memory)%8 != 0 {
		s.Memory = append(s.Memory, 0)
	}
	return address(uint64(at))
}

// answers adds a call that must return want.
func (s *script) answers(what string, want int64, n uint32, args ...posix.Arg) {
	step := calls(n, args...)
	step.MayFail, step.Result = true, 1
	s.Steps = append(s.Steps, step)
	s.lines = append(s.lines, what)
	s.expect(fmt.Sprintf("%s, which must answer %d", what, want), posix.Arg{Kind: posix.Slot, Value: 1}, uint64(want))
}

// refuses adds a call that must fail.
func (s *script) refuses(what string, want posix.Errno, n uint32, args ...posix.Arg) {
	s.answers(what, -int64(want), n, args...)
}

// holds adds a look at the memory, which must contain want.
func (s *script) holds(what string, at posix.Arg, want uint64) {
	s.expect(what, posix.Arg{Kind: posix.Load, Value: at.Value}, want)
}

func (s *script) expect(what string, got posix.Arg, want uint64) {
	s.Steps = append(s.Steps, posix.Step{Op: posix.StepExpect, Args: [6]posix.Arg{got, number(^uint64(0)), number(want)}})
	s.lines = append(s.lines, what)
}

// writes adds writing to a file, which must be open in no other step, at descriptor 0.
func (s *script) writes(what, path, text string, want posix.Errno) {
	at := posix.AtFDCWD
	s.answers(path, 0, unix.SYS_OPENAT, number(uint64(at)), s.text(path), number(unix.O_WRONLY))
	answer := int64(len(text))
	if want != 0 {
		answer = -int64(want)
	}
	s.answers(what, answer, unix.SYS_WRITE, number(0), s.text(text), number(uint64(len(text))))
	s.answers("close", 0, unix.SYS_CLOSE, number(0))
}

// exec ends the program with that of a path.
func (s *script) exec(path string) {
	at := posix.AtFDCWD
	none := s.words(0)
	s.Steps = append(s.Steps, calls(unix.SYS_EXECVEAT, number(uint64(at)), s.text(path), none, none))
	s.lines = append(s.lines, "execveat of "+path)
}

// run runs the program in a child of p, reports the step that was not as it must be, and returns how the child ended.
func (s *script) run(t *testing.T, p *kernel.Process, flags uint64) posix.WaitInfo {
	t.Helper()
	child, info := launched(t, p, flags, &s.Program)
	if f := child.Failed; f != nil {
		t.Errorf("%s: got %d, %v", s.lines[f.Step], int64(f.Got), f.Errno)
	}
	return info
}

const nowhere = 1 << 40 // an address where nothing is

func TestLaunchCredentials(t *testing.T) {
	var s script
	for name, n := range map[string]uint32{"getuid": unix.SYS_GETUID, "geteuid": unix.SYS_GETEUID, "getgid": unix.SYS_GETGID, "getegid": unix.SYS_GETEGID} {
		s.answers(name, 0, n)
	}
	groups := s.words(5 | 6<<32)
	s.answers("setgroups", 0, unix.SYS_SETGROUPS, number(2), groups)
	s.answers("getgroups counts", 2, unix.SYS_GETGROUPS)
	got := s.words(0)
	s.answers("getgroups", 2, unix.SYS_GETGROUPS, number(2), got)
	s.holds("the groups", got, 5|6<<32)
	s.refuses("getgroups without room", unix.EINVAL, unix.SYS_GETGROUPS, number(1), got)
	s.refuses("getgroups of -1", unix.EINVAL, unix.SYS_GETGROUPS, number(1<<32-1))
	s.refuses("getgroups to nowhere", unix.EFAULT, unix.SYS_GETGROUPS, number(2), number(nowhere))
	s.refuses("setgroups of too many", unix.EINVAL, unix.SYS_SETGROUPS, number(65537), groups)
	s.refuses("setgroups of nowhere", unix.EFAULT, unix.SYS_SETGROUPS, number(2), number(nowhere))

	three, other, old := s.words(unix.LINUX_CAPABILITY_VERSION_3), s.words(unix.LINUX_CAPABILITY_VERSION_3|77<<32), s.words(7)
	const low, high = 1<<32 - 1, 1<<(unix.CAP_LAST_CAP-31) - 1
	caps := s.words(0, 0, 0)
	s.answers("capget", 0, unix.SYS_CAPGET, three, caps)
	s.holds("effective and permitted below 32", caps, low|low<<32)
	s.holds("effective from 32 on", address(caps.Value+8), uint64(high)<<32)
	s.refuses("capset of another process", unix.EPERM, unix.SYS_CAPSET, other, caps)
	s.refuses("capget to nowhere", unix.EFAULT, unix.SYS_CAPGET, three, number(nowhere))
	s.refuses("capset of nowhere", unix.EFAULT, unix.SYS_CAPSET, three, number(nowhere))
	s.refuses("capset of another version", unix.EINVAL, unix.SYS_CAPSET, old, caps)
	s.holds("the version that would do", old, unix.LINUX_CAPABILITY_VERSION_3)

	ids := s.words(0, 0, 0)
	second, third := address(ids.Value+8), address(ids.Value+16)
	s.answers("setresgid", 0, unix.SYS_SETRESGID, number(1), number(2), number(3))
	s.answers("getresgid", 0, unix.SYS_GETRESGID, ids, second, third)
	s.answers("setresuid", 0, unix.SYS_SETRESUID, number(4), number(5), number(6))
	for i, want := range []uint64{1, 2, 3} {
		s.holds("a group", address(ids.Value+8*uint64(i)), want)
	}
	s.answers("getresuid", 0, unix.SYS_GETRESUID, ids, second, third)
	for i, want := range []uint64{4, 5, 6} {
		s.holds("a user", address(ids.Value+8*uint64(i)), want)
	}
	s.answers("the effective user", 5, unix.SYS_GETEUID)
	s.answers("the effective group", 2, unix.SYS_GETEGID)
	s.refuses("getresuid to nowhere", unix.EFAULT, unix.SYS_GETRESUID, ids, number(nowhere), third)
	s.refuses("setresuid back", unix.EPERM, unix.SYS_SETRESUID, number(0), number(0), number(0))
	s.refuses("setresgid back", unix.EPERM, unix.SYS_SETRESGID, number(0), number(0), number(0))
	s.refuses("setgroups", unix.EPERM, unix.SYS_SETGROUPS)
	s.refuses("capset of what it had", unix.EPERM, unix.SYS_CAPSET, three, caps)
	s.answers("capset of nothing", 0, unix.SYS_CAPSET, three, s.words(0, 0, 0))
	s.answers("capget afterwards", 0, unix.SYS_CAPGET, three, caps)
	s.holds("nothing left", caps, 0)
	s.run(t, kernel.New(kernel.Config{}).Init(), 0)
}

func TestLaunchFiles(t *testing.T) {
	k := kernel.New(kernel.Config{})
	p := k.Init()
	must(t, "mkdir", k.Mkdir("/d", 0o755))
	at := posix.AtFDCWD
	cwd := number(uint64(at))
	var s script
	d, f, link := s.text("/d"), s.text("/d/f"), s.text("/d/link")
	s.answers("openat to create", 0, unix.SYS_OPENAT, cwd, f, number(unix.O_CREAT|unix.O_RDWR), number(0o640))
	s.answers("write", 5, unix.SYS_WRITE, number(0), s.text("hello"), number(5))
	s.refuses("write from nowhere", unix.EFAULT, unix.SYS_WRITE, number(0), number(nowhere), number(5))
	s.refuses("write to what is closed", unix.EBADF, unix.SYS_WRITE, number(9), f, number(1))
	how := s.words(unix.O_RDONLY|unix.O_NOFOLLOW, 0, unix.RESOLVE_NO_SYMLINKS)
	s.answers("openat2", 1, unix.SYS_OPENAT2, cwd, f, how, number(24))
	s.refuses("openat2 of less", unix.EINVAL, unix.SYS_OPENAT2, cwd, f, how, number(16))
	s.refuses("openat2 of more", unix.E2BIG, unix.SYS_OPENAT2, cwd, f, how, number(32))
	s.refuses("openat2 of nowhere", unix.EFAULT, unix.SYS_OPENAT2, cwd, f, number(nowhere), number(24))
	s.refuses("openat of nowhere", unix.EFAULT, unix.SYS_OPENAT, cwd, number(nowhere), number(0))
	room := s.words(0)
	s.answers("read", 5, unix.SYS_READ, number(1), room, number(8))
	s.holds("what was read", room, binary.NativeEndian.Uint64([]byte("hello\x00\x00\x00")))
	s.answers("read at the end", 0, unix.SYS_READ, number(1), room, number(8))
	s.answers("fchmodat", 0, unix.SYS_FCHMODAT, cwd, f, number(0o604))
	s.answers("symlinkat", 0, unix.SYS_SYMLINKAT, s.text("f"), cwd, link)
	s.refuses("symlinkat again", unix.EEXIST, unix.SYS_SYMLINKAT, s.text("f"), cwd, link)
	s.refuses("symlinkat to nowhere", unix.EFAULT, unix.SYS_SYMLINKAT, number(nowhere), cwd, link)
	s.answers("fchownat", 0, unix.SYS_FCHOWNAT, cwd, link, number(7), number(8), number(unix.AT_SYMLINK_NOFOLLOW))
	s.answers("mknodat", 0, unix.SYS_MKNODAT, cwd, s.text("/d/null"), number(unix.S_IFCHR|0o666), number(unix.Mkdev(1, 3)))
	s.refuses("mknodat of a directory", unix.EPERM, unix.SYS_MKNODAT, cwd, s.text("/d/x"), number(unix.S_IFDIR|0o666))
	s.refuses("mknodat of an unknown type", unix.EINVAL, unix.SYS_MKNODAT, cwd, s.text("/d/x"), number(0o170000))
	s.answers("openat of a node", 2, unix.SYS_OPENAT, cwd, s.text("/d/null"), number(unix.O_RDONLY))
	s.answers("a node of /dev/null", 0, unix.SYS_READ, number(2), room, number(8))
	s.answers("mkdirat", 0, unix.SYS_MKDIRAT, cwd, s.text("/d/sub"), number(0o700))
	s.refuses("unlinkat of a directory", unix.EISDIR, unix.SYS_UNLINKAT, cwd, s.text("/d/sub"))
	s.answers("unlinkat", 0, unix.SYS_UNLINKAT, cwd, s.text("/d/sub"), number(unix.AT_REMOVEDIR))
	s.answers("openat of the directory", 3, unix.SYS_OPENAT, cwd, d, number(unix.O_PATH|unix.O_CREAT))
	s.refuses("fchdir to a file", unix.ENOTDIR, unix.SYS_FCHDIR, number(0))
	s.refuses("fchdir to what is closed", unix.EBADF, unix.SYS_FCHDIR, number(9))
	s.answers("fchdir", 0, unix.SYS_FCHDIR, number(3))
	s.answers("getcwd", 3, unix.SYS_GETCWD, room, number(8))
	s.holds("the directory", room, binary.NativeEndian.Uint64([]byte("/d\x00lo\x00\x00\x00")))
	s.refuses("getcwd without room", unix.ERANGE, unix.SYS_GETCWD, room, number(2))
	s.refuses("getcwd to nowhere", unix.EFAULT, unix.SYS_GETCWD, number(nowhere), number(8))
	s.answers("openat from there", 4, unix.SYS_OPENAT, cwd, s.text("f"), number(0))
	s.refuses("close_range without a range", unix.EINVAL, unix.SYS_CLOSE_RANGE, number(2), number(1))
	s.answers("close_range", 0, unix.SYS_CLOSE_RANGE, number(1), number(1<<32-1), number(unix.CLOSE_RANGE_UNSHARE))
	s.refuses("close", unix.EBADF, unix.SYS_CLOSE, number(4))
	s.answers("close_range for exec", 0, unix.SYS_CLOSE_RANGE, number(0), number(9), number(unix.CLOSE_RANGE_CLOEXEC))
	s.answers("the flag", unix.FD_CLOEXEC, unix.SYS_FCNTL, number(0), number(unix.F_GETFD))
	s.run(t, p, 0)
	for path, want := range map[string]posix.Stat{
		"/d/f":    {Mode: unix.S_IFREG | 0o604, Size: 5},
		"/d/link": {Mode: unix.S_IFLNK | 0o777, Size: 1, UID: 7, GID: 8},
		"/d/null": {Mode: unix.S_IFCHR | 0o644, Rdev: unix.Mkdev(1, 3)},
	} {
		var st posix.Stat
		must(t, path, p.Fstatat(posix.AtFDCWD, path, &st, unix.AT_SYMLINK_NOFOLLOW))
		if got := (posix.Stat{Mode: st.Mode, Size: st.Size, UID: st.UID, GID: st.GID, Rdev: st.Rdev}); got != want {
			t.Errorf("%s is %+v, want %+v", path, got, want)
		}
	}
}

func TestLaunchProcess(t *testing.T) {
	p := kernel.New(kernel.Config{}).Init()
	var s script
	s.answers("getpid", 2, unix.SYS_GETPID)
	s.answers("getppid", 1, unix.SYS_GETPPID)
	s.answers("setpgid", 0, unix.SYS_SETPGID)
	s.answers("getpgid", 2, unix.SYS_GETPGID)
	s.refuses("setsid of one that leads a group", unix.EPERM, unix.SYS_SETSID)
	s.refuses("getsid of nobody", unix.ESRCH, unix.SYS_GETSID, number(99))
	s.answers("kill of itself with nothing", 0, unix.SYS_KILL, number(2))
	s.refuses("kill of nobody", unix.ESRCH, unix.SYS_KILL, number(99))
	s.refuses("an unknown call", unix.ENOSYS, 9999)

	old, limit := s.words(0, 0), s.words(7, 9)
	s.answers("prlimit64", 0, unix.SYS_PRLIMIT64, number(0), number(unix.RLIMIT_NOFILE), limit)
	s.answers("prlimit64 afterwards", 0, unix.SYS_PRLIMIT64, number(0), number(unix.RLIMIT_NOFILE), number(0), old)
	s.holds("the soft limit", old, 7)
	s.holds("the hard limit", address(old.Value+8), 9)
	s.refuses("prlimit64 of nowhere", unix.EFAULT, unix.SYS_PRLIMIT64, number(0), number(unix.RLIMIT_NOFILE), number(nowhere))
	s.refuses("prlimit64 to nowhere", unix.EFAULT, unix.SYS_PRLIMIT64, number(0), number(unix.RLIMIT_NOFILE), number(0), number(nowhere))

	action := s.words(1, 0, 0, 0)
	s.answers("rt_sigaction", 0, unix.SYS_RT_SIGACTION, number(uint64(unix.SIGTERM)), action, number(0), number(8))
	s.refuses("rt_sigaction of SIGKILL", unix.EINVAL, unix.SYS_RT_SIGACTION, number(uint64(unix.SIGKILL)), action, number(0), number(8))
	s.refuses("rt_sigaction with another size", unix.EINVAL, unix.SYS_RT_SIGACTION, number(uint64(unix.SIGTERM)), action, number(0), number(4))
	s.refuses("rt_sigaction of nowhere", unix.EFAULT, unix.SYS_RT_SIGACTION, number(uint64(unix.SIGTERM)), number(nowhere), number(0), number(8))
	s.answers("an ignored signal", 0, unix.SYS_KILL, number(2), number(uint64(unix.SIGTERM)))

	const noRandomize = 0x40000 // ADDR_NO_RANDOMIZE, <linux/personality.h>
	s.answers("personality", 0, unix.SYS_PERSONALITY, number(noRandomize))
	s.answers("personality as it was", noRandomize, unix.SYS_PERSONALITY, number(0xffffffff))
	s.answers("personality as it stayed", noRandomize, unix.SYS_PERSONALITY, number(0))

	name := s.text("inside")
	s.refuses("sethostname of nowhere", unix.EFAULT, unix.SYS_SETHOSTNAME, number(nowhere), number(6))
	s.refuses("sethostname of 65 bytes", unix.EINVAL, unix.SYS_SETHOSTNAME, name, number(65))
	s.refuses("setdomainname of -1 bytes", unix.EINVAL, unix.SYS_SETDOMAINNAME, name, number(1<<32-1))

	actions := s.words(unix.SECCOMP_RET_ALLOW | 0x12340000<<32)
	s.answers("an action there is", 0, unix.SYS_SECCOMP, number(unix.SECCOMP_GET_ACTION_AVAIL), number(0), actions)
	s.refuses("an action there is not", unix.EOPNOTSUPP, unix.SYS_SECCOMP, number(unix.SECCOMP_GET_ACTION_AVAIL), number(0), address(actions.Value+4))
	s.refuses("an action with flags", unix.EINVAL, unix.SYS_SECCOMP, number(unix.SECCOMP_GET_ACTION_AVAIL), number(1), actions)
	s.refuses("an action of nowhere", unix.EFAULT, unix.SYS_SECCOMP, number(unix.SECCOMP_GET_ACTION_AVAIL), number(0), number(nowhere))
	s.refuses("an unknown operation of seccomp", unix.EINVAL, unix.SYS_SECCOMP, number(99))

	up := s.bytes(append([]byte("lo\x00"), make([]byte, 37)...))
	s.Memory[up.Value+16] = unix.IFF_UP
	s.answers("socket", 0, unix.SYS_SOCKET, number(unix.AF_INET), number(unix.SOCK_DGRAM))
	s.answers("the loopback interface", 0, unix.SYS_IOCTL, number(0), number(unix.SIOCSIFFLAGS), up)
	s.refuses("an interface that is not", unix.ENODEV, unix.SYS_IOCTL, number(0), number(unix.SIOCSIFFLAGS), s.bytes(make([]byte, 40)))
	s.refuses("an interface by what is closed", unix.EBADF, unix.SYS_IOCTL, number(9), number(unix.SIOCSIFFLAGS), up)
	s.refuses("an interface of nowhere", unix.EFAULT, unix.SYS_IOCTL, number(0), number(unix.SIOCSIFFLAGS), number(nowhere))
	s.refuses("a terminal that is none", unix.ENOTTY, unix.SYS_IOCTL, number(0), number(unix.TIOCSCTTY))
	s.refuses("an unknown ioctl", unix.ENOTTY, unix.SYS_IOCTL, number(0), number(1))
	s.refuses("an ioctl of what is closed", unix.EBADF, unix.SYS_IOCTL, number(9), number(1))
	s.run(t, p, unix.CLONE_NEWNET)
}

// TestLaunchLandlock: what the calls check before posix.Core's methods are asked.
func TestLaunchLandlock(t *testing.T) {
	p := kernel.New(kernel.Config{}).Init()
	var s script
	attr := s.words(unix.LANDLOCK_ACCESS_FS_READ_FILE, unix.LANDLOCK_ACCESS_NET_BIND_TCP, 0)
	s.answers("the version", 7, unix.SYS_LANDLOCK_CREATE_RULESET, number(0), number(0), number(unix.LANDLOCK_CREATE_RULESET_VERSION))
	s.refuses("the version with attributes", unix.EINVAL, unix.SYS_LANDLOCK_CREATE_RULESET, attr, number(24), number(1))
	s.refuses("a ruleset of 4 bytes", unix.EINVAL, unix.SYS_LANDLOCK_CREATE_RULESET, attr, number(4))
	s.refuses("a ruleset of nowhere", unix.EFAULT, unix.SYS_LANDLOCK_CREATE_RULESET, number(nowhere), number(24))
	s.answers("a ruleset", 0, unix.SYS_LANDLOCK_CREATE_RULESET, attr, number(16))
	at := posix.AtFDCWD
	s.answers("the root directory", 1, unix.SYS_OPENAT, number(uint64(at)), s.text("/"), number(unix.O_PATH))
	path := s.words(unix.LANDLOCK_ACCESS_FS_READ_FILE, 1)
	s.answers("a path", 0, unix.SYS_LANDLOCK_ADD_RULE, number(0), number(unix.LANDLOCK_RULE_PATH_BENEATH), path)
	s.refuses("a path of nowhere", unix.EFAULT, unix.SYS_LANDLOCK_ADD_RULE, number(0), number(unix.LANDLOCK_RULE_PATH_BENEATH), number(nowhere))
	s.refuses("flags", unix.EINVAL, unix.SYS_LANDLOCK_ADD_RULE, number(0), number(unix.LANDLOCK_RULE_PATH_BENEATH), path, number(1))
	port := s.words(unix.LANDLOCK_ACCESS_NET_BIND_TCP, 80)
	s.answers("a port", 0, unix.SYS_LANDLOCK_ADD_RULE, number(0), number(2), port)
	s.refuses("a port of nowhere", unix.EFAULT, unix.SYS_LANDLOCK_ADD_RULE, number(0), number(2), number(nowhere))
	s.refuses("an unknown rule", unix.EINVAL, unix.SYS_LANDLOCK_ADD_RULE, number(0), number(9), port)
	s.answers("restrict_self", 0, unix.SYS_LANDLOCK_RESTRICT_SELF, number(0), number(0))
	s.answers("a file that is beneath", 2, unix.SYS_OPENAT, number(uint64(at)), s.text("/dev/null"), number(unix.O_RDONLY))
	s.run(t, p, 0)
}
