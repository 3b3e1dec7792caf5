package conformance

import (
	"errors"

	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Ruleset makes a ruleset. The case is skipped where Landlock is not built in, switched off or older than abi.
func (t *T) Ruleset(abi int, attr posix.LandlockRulesetAttr) posix.FD {
	t.Helper()
	t.Landlock(abi)
	return t.FD(t.Core.LandlockCreateRuleset(&attr))
}

// Landlock skips the case where Landlock is not built in, switched off or older than abi.
func (t *T) Landlock(abi int) {
	t.Helper()
	got, err := t.Core.LandlockABI()
	if err != nil {
		t.Skipf("landlock_create_ruleset: %v", err)
	}
	if got < abi {
		t.Skipf("the kernel has version %d of Landlock's interface, and this is about version %d", got, abi)
	}
}

// Allow adds a rule about a file.
func (t *T) Allow(ruleset posix.FD, access uint64, beneath posix.FD) {
	t.Helper()
	t.Must("landlock_add_rule", t.Core.LandlockAddPathRule(ruleset, &posix.LandlockPathBeneath{AllowedAccess: access, Parent: beneath}))
}

// Restrict restricts the process by a ruleset.
func (t *T) Restrict(ruleset posix.FD) {
	t.Helper()
	t.NoNewPrivs()
	t.Must("landlock_restrict_self", t.Core.LandlockRestrictSelf(ruleset, 0))
}

func loopback(port uint16) posix.Sockaddr {
	return posix.Sockaddr{Family: unix.AF_INET, Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)}
}

const (
	fsRead    = unix.LANDLOCK_ACCESS_FS_READ_FILE
	fsReadDir = unix.LANDLOCK_ACCESS_FS_READ_DIR
	fsWrite   = unix.LANDLOCK_ACCESS_FS_WRITE_FILE
	fsMakeReg = unix.LANDLOCK_ACCESS_FS_MAKE_REG
	fsMakeDir = unix.LANDLOCK_ACCESS_FS_MAKE_DIR
	fsRemove  = unix.LANDLOCK_ACCESS_FS_REMOVE_FILE
	fsRefer   = unix.LANDLOCK_ACCESS_FS_REFER
	tcpBind   = unix.LANDLOCK_ACCESS_NET_BIND_TCP
)

func landlockCases() []Case {
	return []Case{
		{Op: posix.OpLandlockABI, Name: "a positive number", Run: func(t *T) {
			t.Landlock(1)
			abi, err := t.Core.LandlockABI()
			t.Errno("landlock_create_ruleset", err, 0)
			t.Equal("positive", abi > 0, true)
		}},
		{Op: posix.OpLandlockABI, Name: "makes no descriptor", Run: func(t *T) {
			t.Landlock(1)
			a := t.Open(".", unix.O_PATH)
			_ = t.Core.Close(a)
			_, err := t.Core.LandlockABI()
			t.Errno("landlock_create_ruleset", err, 0)
			t.Equal("the next descriptor", t.Open(".", unix.O_PATH), a)
		}},
		{Op: posix.OpLandlockABI, Name: "under a domain", Alone: true, Run: func(t *T) {
			t.Restrict(t.Ruleset(1, posix.LandlockRulesetAttr{HandledAccessFS: fsWrite}))
			_, err := t.Core.LandlockABI()
			t.Errno("landlock_create_ruleset", err, 0)
		}},
		{Op: posix.OpLandlockCreateRuleset, Name: "of nothing", Run: func(t *T) {
			t.Landlock(1)
			_, err := t.Core.LandlockCreateRuleset(&posix.LandlockRulesetAttr{})
			t.Errno("landlock_create_ruleset", err, unix.ENOMSG)
		}},
		{Op: posix.OpLandlockCreateRuleset, Name: "of unknown rights", Run: func(t *T) {
			t.Landlock(6)
			for _, attr := range []posix.LandlockRulesetAttr{{HandledAccessFS: 1 << 63}, {HandledAccessNet: 1 << 63}, {Scoped: 1 << 63}} {
				_, err := t.Core.LandlockCreateRuleset(&attr)
				t.Errno("landlock_create_ruleset", err, unix.EINVAL)
			}
		}},
		{Op: posix.OpLandlockCreateRuleset, Name: "is closed by an exec", Run: func(t *T) {
			fd := t.Ruleset(1, posix.LandlockRulesetAttr{HandledAccessFS: fsRead})
			flags, err := t.Core.Fcntl(fd, unix.F_GETFD, 0)
			t.Errno("fcntl", err, 0)
			t.Equal("flags", flags, unix.FD_CLOEXEC)
		}},
		{Op: posix.OpLandlockCreateRuleset, Name: "cannot be read or written", Run: func(t *T) {
			fd := t.Ruleset(1, posix.LandlockRulesetAttr{HandledAccessFS: fsRead})
			_, err := t.Core.Read(fd, make([]byte, 8))
			t.Errno("read", err, unix.EINVAL)
			_, err = t.Core.Write(fd, make([]byte, 8))
			t.Errno("write", err, unix.EINVAL)
		}},
		{Op: posix.OpLandlockAddPathRule, Name: "the other end of a terminal", Run: func(t *T) {
			master := t.FD(t.Core.PosixOpenpt(unix.O_RDWR | unix.O_NOCTTY | unix.O_CLOEXEC))
			t.Must("unlockpt", t.Core.Unlockpt(master))
			slave := t.FD(t.Core.OpenPeer(master, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC))
			rules, err := t.Core.LandlockCreateRuleset(&posix.LandlockRulesetAttr{HandledAccessFS: unix.LANDLOCK_ACCESS_FS_READ_FILE})
			if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EOPNOTSUPP) {
				t.Skipf("this kernel has no Landlock: %v", err)
			}
			t.FD(rules, err)
			rule := &posix.LandlockPathBeneath{AllowedAccess: unix.LANDLOCK_ACCESS_FS_READ_FILE, Parent: slave}
			t.Errno("landlock_add_rule", t.Core.LandlockAddPathRule(rules, rule), 0)
		}},
		{Op: posix.OpLandlockAddPathRule, Name: "to no ruleset", Run: func(t *T) {
			t.Landlock(1)
			rule := &posix.LandlockPathBeneath{AllowedAccess: fsRead, Parent: t.Dir}
			t.Errno("to -1", t.Core.LandlockAddPathRule(-1, rule), unix.EBADF)
			t.Errno("to a directory", t.Core.LandlockAddPathRule(t.Dir, rule), unix.EBADFD)
			t.Errno("to an O_PATH descriptor", t.Core.LandlockAddPathRule(t.Open(".", unix.O_PATH), rule), unix.EBADF)
		}},
		{Op: posix.OpLandlockAddPathRule, Name: "about nothing", Run: func(t *T) {
			fd := t.Ruleset(1, posix.LandlockRulesetAttr{HandledAccessFS: fsRead})
			t.Errno("no access", t.Core.LandlockAddPathRule(fd, &posix.LandlockPathBeneath{Parent: -1}), unix.ENOMSG)
			t.Errno("access that is not handled", t.Core.LandlockAddPathRule(fd, &posix.LandlockPathBeneath{AllowedAccess: fsWrite, Parent: -1}), unix.EINVAL)
			t.Errno("no file", t.Core.LandlockAddPathRule(fd, &posix.LandlockPathBeneath{AllowedAccess: fsRead, Parent: -1}), unix.EBADF)
			t.Errno("the current directory",
				t.Core.LandlockAddPathRule(fd, &posix.LandlockPathBeneath{AllowedAccess: fsRead, Parent: posix.AtFDCWD}), unix.EBADF)
		}},
		{Op: posix.OpLandlockAddPathRule, Name: "about what is no file", Run: func(t *T) {
			fd := t.Ruleset(1, posix.LandlockRulesetAttr{HandledAccessFS: fsRead})
			r, _ := t.Pair(t.Core.Pipe2(unix.O_CLOEXEC))
			t.Errno("a pipe", t.Core.LandlockAddPathRule(fd, &posix.LandlockPathBeneath{AllowedAccess: fsRead, Parent: r}), unix.EBADFD)
			t.Errno("itself", t.Core.LandlockAddPathRule(fd, &posix.LandlockPathBeneath{AllowedAccess: fsRead, Parent: fd}), unix.EBADFD)
			memory := t.FD(t.Core.MemfdCreate("x", unix.MFD_CLOEXEC))
			t.Errno("a file in memory", t.Core.LandlockAddPathRule(fd, &posix.LandlockPathBeneath{AllowedAccess: fsRead, Parent: memory}), unix.EBADFD)
		}},
		{Op: posix.OpLandlockAddPathRule, Name: "a directory's right on a file", Run: func(t *T) {
			fd := t.Ruleset(1, posix.LandlockRulesetAttr{HandledAccessFS: fsRead | fsReadDir})
			file := t.File("x", "")
			t.Errno("landlock_add_rule",
				t.Core.LandlockAddPathRule(fd, &posix.LandlockPathBeneath{AllowedAccess: fsRead | fsReadDir, Parent: file}), unix.EINVAL)
			t.Errno("landlock_add_rule", t.Core.LandlockAddPathRule(fd, &posix.LandlockPathBeneath{AllowedAccess: fsRead, Parent: file}), 0)
		}},
		{Op: posix.OpLandlockAddNetRule, Name: "errors in their order", Run: func(t *T) {
			fd := t.Ruleset(4, posix.LandlockRulesetAttr{HandledAccessNet: tcpBind})
			for _, c := range []struct {
				ruleset posix.FD
				rule    posix.LandlockNetPort
				want    posix.Errno
			}{
				{-1, posix.LandlockNetPort{}, unix.EBADF},
				{t.Dir, posix.LandlockNetPort{}, unix.EBADFD},
				{fd, posix.LandlockNetPort{Port: 1 << 16}, unix.ENOMSG},
				{fd, posix.LandlockNetPort{AllowedAccess: unix.LANDLOCK_ACCESS_NET_CONNECT_TCP, Port: 80}, unix.EINVAL},
				{fd, posix.LandlockNetPort{AllowedAccess: tcpBind, Port: 1 << 16}, unix.EINVAL},
				{fd, posix.LandlockNetPort{AllowedAccess: tcpBind, Port: 65535}, 0},
			} {
				t.Errno("landlock_add_rule", t.Core.LandlockAddNetRule(c.ruleset, &c.rule), c.want)
			}
		}},
		{Op: posix.OpLandlockAddNetRule, Name: "a port that may be bound", Alone: true, Run: func(t *T) {
			fd := t.Ruleset(4, posix.LandlockRulesetAttr{HandledAccessNet: tcpBind})
			t.Must("landlock_add_rule", t.Core.LandlockAddNetRule(fd, &posix.LandlockNetPort{AllowedAccess: tcpBind, Port: 0}))
			t.Restrict(fd)
			sock := t.FD(t.Core.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0))
			t.Errno("bind of another port", t.Core.Bind(sock, loopback(45678)), unix.EACCES)
			t.Errno("bind of port 0", t.Core.Bind(sock, loopback(0)), 0)
		}},
		{Op: posix.OpLandlockAddNetRule, Name: "a port that nobody may connect to", Alone: true, Run: func(t *T) {
			fd := t.Ruleset(4, posix.LandlockRulesetAttr{HandledAccessNet: unix.LANDLOCK_ACCESS_NET_CONNECT_TCP})
			t.Restrict(fd)
			sock := t.FD(t.Core.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0))
			t.Errno("connect", t.Core.Connect(sock, loopback(1)), unix.EACCES)
		}},
		{Op: posix.OpLandlockRestrictSelf, Name: "without no_new_privs", Need: User, Run: func(t *T) {
			t.Landlock(1)
			t.Errno("a closed descriptor", t.Core.LandlockRestrictSelf(-1, 0), unix.EPERM)
			t.Errno("unknown flags", t.Core.LandlockRestrictSelf(-1, 1<<31), unix.EPERM)
		}},
		{Op: posix.OpLandlockRestrictSelf, Name: "errors in their order", Alone: true, Run: func(t *T) {
			t.Landlock(1)
			t.NoNewPrivs()
			t.Errno("unknown flags", t.Core.LandlockRestrictSelf(-1, 1<<31), unix.EINVAL)
			t.Errno("a closed descriptor", t.Core.LandlockRestrictSelf(-1, 0), unix.EBADF)
			t.Errno("a directory", t.Core.LandlockRestrictSelf(t.Dir, 0), unix.EBADFD)
		}},
		{Op: posix.OpLandlockRestrictSelf, Name: "sixteen times", Alone: true, Run: func(t *T) {
			fd := t.Ruleset(1, posix.LandlockRulesetAttr{HandledAccessFS: fsMakeDir})
			t.NoNewPrivs()
			for range 16 {
				t.Errno("landlock_restrict_self", t.Core.LandlockRestrictSelf(fd, 0), 0)
			}
			t.Errno("the seventeenth", t.Core.LandlockRestrictSelf(fd, 0), unix.E2BIG)
		}},
		{Op: posix.OpLandlockRestrictSelf, Name: "only logging", Alone: true, Run: func(t *T) {
			t.Landlock(7)
			t.NoNewPrivs()
			t.Errno("landlock_restrict_self", t.Core.LandlockRestrictSelf(-1, 4), 0)
		}},
	}
}
