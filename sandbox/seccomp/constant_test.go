package seccomp

import (
	"runtime"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

const minusOneHundred = ^uint64(99)

func TestConstants(t *testing.T) {
	for _, c := range []struct {
		name                       string
		amd64, i386, x32, a64, arm uint64
	}{
		{"AF_PACKET", 17, 17, 17, 17, 17},
		{"SOCK_TYPE_MASK", 15, 15, 15, 15, 15},
		{"AT_FDCWD", minusOneHundred, minusOneHundred, minusOneHundred, minusOneHundred, minusOneHundred},
		{"O_DIRECTORY", 0o200000, 0o200000, 0o200000, 0o40000, 0o40000},
		{"O_DIRECT", 0o40000, 0o40000, 0o40000, 0o200000, 0o200000},
		{"O_LARGEFILE", 0o100000, 0o100000, 0o100000, 0o400000, 0o400000},
		{"O_TMPFILE", 0o20200000, 0o20200000, 0o20200000, 0o20040000, 0o20040000},
		{"TIOCSTI", 0x5412, 0x5412, 0x5412, 0x5412, 0x5412},
		{"TIOCGPTN", 0x80045430, 0x80045430, 0x80045430, 0x80045430, 0x80045430},
		{"CLONE_NEWUSER", 0x10000000, 0x10000000, 0x10000000, 0x10000000, 0x10000000},
		{"ADDR_NO_RANDOMIZE", 0x40000, 0x40000, 0x40000, 0x40000, 0x40000},
		{"PER_LINUX32", 8, 8, 8, 8, 8},
		{"FUTEX_LOCK_PI2", 13, 13, 13, 13, 13},
		{"KEYCTL_JOIN_SESSION_KEYRING", 1, 1, 1, 1, 1},
		{"BPF_PROG_LOAD", 5, 5, 5, 5, 5},
		{"PTRACE_POKEDATA", 5, 5, 5, 5, 5},
		{"PR_SET_NO_NEW_PRIVS", 38, 38, 38, 38, 38},
		{"F_SETLK64", 0, 13, 13, 0, 13},
		{"FS_IOC_SETFLAGS", 0x40086602, 0x40046602, 0x40046602, 0x40086602, 0x40046602},
		{"MAP_32BIT", 0x40, 0x40, 0x40, 0, 0},
	} {
		for a, want := range map[Arch]uint64{X8664: c.amd64, X86: c.i386, X32: c.x32, AArch64: c.a64, ARM: c.arm} {
			if got, has := a.Constant(c.name); got != want || has != (want != 0) {
				t.Errorf("%s: %s is %#x, %v; want %#x", a, c.name, got, has, want)
			}
		}
	}
	for _, name := range []string{"", "O_", "O_RDONL", "o_rdonly", "ZZZ", "SYS_READ"} {
		if v, has := X8664.Constant(name); has {
			t.Errorf("%q is %#x", name, v)
		}
	}
	if v, has := X8664.Constant("O_RDONLY"); v != 0 || !has {
		t.Errorf("O_RDONLY is %#x, %v", v, has)
	}
}

// The compiler has the native values of golang.org/x/sys.
func TestConstantsAgreeWithTheCompiler(t *testing.T) {
	for name, want := range map[string]uint64{
		"O_CLOEXEC": unix.O_CLOEXEC, "O_NOFOLLOW": unix.O_NOFOLLOW, "O_PATH": unix.O_PATH, "PROT_EXEC": unix.PROT_EXEC,
		"MAP_ANONYMOUS": unix.MAP_ANONYMOUS, "CLONE_NEWNS": unix.CLONE_NEWNS, "AF_NETLINK": unix.AF_NETLINK, "SOCK_RAW": unix.SOCK_RAW,
		"IPPROTO_ICMPV6": unix.IPPROTO_ICMPV6, "SOL_SOCKET": unix.SOL_SOCKET, "SO_BINDTODEVICE": unix.SO_BINDTODEVICE, "S_ISUID": unix.S_ISUID,
		"F_DUPFD_CLOEXEC": unix.F_DUPFD_CLOEXEC, "MS_BIND": unix.MS_BIND, "PR_SET_DUMPABLE": unix.PR_SET_DUMPABLE, "TCGETS": unix.TCGETS,
		"TIOCLINUX": 0x541c, "MADV_DONTNEED": unix.MADV_DONTNEED, "MSG_NOSIGNAL": unix.MSG_NOSIGNAL, "RLIMIT_NOFILE": unix.RLIMIT_NOFILE,
		"MFD_CLOEXEC": unix.MFD_CLOEXEC, "CLOCK_MONOTONIC": unix.CLOCK_MONOTONIC, "SIGKILL": uint64(unix.SIGKILL), "IP_TTL": unix.IP_TTL,
		"EPOLL_CTL_ADD": unix.EPOLL_CTL_ADD, "SECCOMP_SET_MODE_FILTER": unix.SECCOMP_SET_MODE_FILTER, "CAP_SYS_ADMIN": unix.CAP_SYS_ADMIN,
	} {
		if got, has := Native().Constant(name); !has || got != want {
			t.Errorf("%s on %s is %#x, %v; want %#x", name, runtime.GOARCH, got, has, want)
		}
	}
}

func TestConstantsAreSorted(t *testing.T) {
	for _, a := range Arches() {
		names := a.Constants()
		if len(names) < 3000 || !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
			t.Errorf("%s: the %d names are too few, not sorted or not unique", a, len(names))
		}
		for _, name := range names {
			if _, has := a.Constant(name); !has {
				t.Errorf("%s: %s is listed and has no value", a, name)
			}
		}
		if got, want := slices.Contains(names, "MAP_32BIT"), a != AArch64 && a != ARM; got != want {
			t.Errorf("%s: MAP_32BIT is listed: %v", a, got)
		}
	}
	if Arch(0).Constants() != nil {
		t.Error("no architecture has constants")
	}
	if _, has := Arch(0).Constant("AF_UNIX"); has {
		t.Error("no architecture has AF_UNIX")
	}
}
