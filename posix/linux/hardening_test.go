package linux

import (
	"bytes"
	"errors"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

func TestPrctl(t *testing.T) {
	k := New()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, tt := range []struct {
		name string
		args posix.PrctlArgs
		got  int
		want posix.Errno
	}{
		{"in the bounding set", posix.PrctlArgs{Op: unix.PR_CAPBSET_READ, Arg2: unix.CAP_CHOWN}, 1, 0},
		{"unknown capability", posix.PrctlArgs{Op: unix.PR_CAPBSET_READ, Arg2: 99}, 0, unix.EINVAL},
		{"set the timer slack", posix.PrctlArgs{Op: unix.PR_SET_TIMERSLACK, Arg2: 4711}, 0, 0},
		{"read the timer slack", posix.PrctlArgs{Op: unix.PR_GET_TIMERSLACK}, 4711, 0},
		{"the default timer slack", posix.PrctlArgs{Op: unix.PR_SET_TIMERSLACK}, 0, 0},
		{"the fifth argument", posix.PrctlArgs{Op: unix.PR_GET_NO_NEW_PRIVS, Arg5: 1}, 0, unix.EINVAL},
		{"a bad pointer", posix.PrctlArgs{Op: unix.PR_GET_PDEATHSIG, Arg2: 1}, 0, unix.EFAULT},
		{"unknown operation", posix.PrctlArgs{Op: 1 << 20}, 0, unix.EINVAL},
	} {
		got, err := k.Prctl(tt.args)
		check(t, tt.name, err, tt.want)
		if got != tt.got {
			if tt.name == "in the bounding set" && status(t, "CapBnd")[0] == "0000000000000000" {
				continue
			}
			t.Errorf("%s: %d, want %d", tt.name, got, tt.got)
		}
	}
}

// Access rights of Landlock. Source: landlock(7).
const (
	fsReadFile = 1 << 2
	fsReadDir  = 1 << 3
	netBindTCP = 1 << 0
)

func TestLandlock(t *testing.T) {
	k := New()
	abi, err := k.LandlockABI()
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EOPNOTSUPP) {
		fd, err2 := k.LandlockCreateRuleset(&posix.LandlockRulesetAttr{HandledAccessFS: fsReadFile})
		if err2 != err || fd != -1 {
			t.Errorf("no Landlock (%v), yet a ruleset: %d, %v", err, fd, err2)
		}
		t.Skipf("this kernel has no Landlock: %v", err)
	}
	must(t, "LandlockABI", err)
	if abi < 1 {
		t.Fatalf("ABI %d", abi)
	}
	for _, tt := range []struct {
		name string
		attr posix.LandlockRulesetAttr
		want posix.Errno
	}{
		{"nothing handled", posix.LandlockRulesetAttr{}, unix.ENOMSG},
		{"unknown access", posix.LandlockRulesetAttr{HandledAccessFS: 1 << 63}, unix.EINVAL},
	} {
		fd, err := k.LandlockCreateRuleset(&tt.attr)
		check(t, tt.name, err, tt.want)
		if fd != -1 {
			t.Errorf("%s: descriptor %d with an error, want -1", tt.name, fd)
		}
	}

	attr := posix.LandlockRulesetAttr{HandledAccessFS: fsReadFile | fsReadDir}
	if abi >= 4 {
		attr.HandledAccessNet = netBindTCP
	}
	rules, err := k.LandlockCreateRuleset(&attr)
	closing(t, rules, err)
	dir := tempDir(t)
	file := tempFile(t, dir, "file", "")
	for _, tt := range []struct {
		name string
		fd   posix.FD
		rule posix.LandlockPathBeneath
		want posix.Errno
	}{
		{"a directory", rules, posix.LandlockPathBeneath{AllowedAccess: fsReadFile | fsReadDir, Parent: dir}, 0},
		{"a file", rules, posix.LandlockPathBeneath{AllowedAccess: fsReadFile, Parent: file}, 0},
		{"a directory's right on a file", rules, posix.LandlockPathBeneath{AllowedAccess: fsReadDir, Parent: file}, unix.EINVAL},
		{"not handled", rules, posix.LandlockPathBeneath{AllowedAccess: 1, Parent: dir}, unix.EINVAL},
		{"nothing allowed", rules, posix.LandlockPathBeneath{Parent: dir}, unix.ENOMSG},
		{"no file", rules, posix.LandlockPathBeneath{AllowedAccess: fsReadFile, Parent: -1}, unix.EBADF},
		{"no ruleset", file, posix.LandlockPathBeneath{AllowedAccess: fsReadFile, Parent: dir}, unix.EBADFD},
	} {
		check(t, tt.name, k.LandlockAddPathRule(tt.fd, &tt.rule), tt.want)
	}
	if abi < 4 {
		check(t, "a port", k.LandlockAddNetRule(rules, &posix.LandlockNetPort{AllowedAccess: netBindTCP, Port: 80}), unix.EINVAL)
		return
	}
	check(t, "a port", k.LandlockAddNetRule(rules, &posix.LandlockNetPort{AllowedAccess: netBindTCP, Port: 80}), 0)
	check(t, "no port", k.LandlockAddNetRule(rules, &posix.LandlockNetPort{AllowedAccess: netBindTCP, Port: 1 << 16}), unix.EINVAL)
	check(t, "not handled", k.LandlockAddNetRule(rules, &posix.LandlockNetPort{AllowedAccess: 2, Port: 80}), unix.EINVAL)
}

func TestSeccompActionAvail(t *testing.T) {
	k := New()
	for _, tt := range []struct {
		name   string
		action uint32
		want   posix.Errno
	}{
		{"allow", unix.SECCOMP_RET_ALLOW, 0}, {"kill the process", unix.SECCOMP_RET_KILL_PROCESS, 0},
		{"errno", unix.SECCOMP_RET_ERRNO, 0}, {"log", unix.SECCOMP_RET_LOG, 0}, {"unknown", 0x12340000, unix.EOPNOTSUPP},
	} {
		check(t, tt.name, k.SeccompActionAvail(tt.action), tt.want)
	}
}

func TestGetrandom(t *testing.T) {
	k := New()
	a, b := make([]byte, 256), make([]byte, 256)
	for _, p := range [][]byte{a, b} {
		n, err := k.Getrandom(p, 0)
		if n != len(p) || err != nil {
			t.Fatalf("Getrandom: %d, %v", n, err)
		}
	}
	if bytes.Equal(a, b) {
		t.Error("the same bytes twice")
	}
	if n, err := k.Getrandom(nil, 0); n != 0 || err != nil {
		t.Errorf("Getrandom of nothing: %d, %v", n, err)
	}
	_, err := k.Getrandom(a, 1<<20)
	check(t, "unknown flags", err, unix.EINVAL)
}
