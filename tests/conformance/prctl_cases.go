package conformance

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Prctl makes the call and reports an answer that is not wanted.
func (t *T) Prctl(what string, args posix.PrctlArgs, want int, errno posix.Errno) {
	t.Helper()
	got, err := t.Core.Prctl(args)
	t.Errno(what, err, errno)
	if err == nil && errno == 0 {
		t.Equal(what, got, want)
	}
}

func prctlCases() []Case {
	return []Case{
		{Op: posix.OpPrctl, Name: "no_new_privs", Alone: true, Run: func(t *T) {
			t.Prctl("get", posix.PrctlArgs{Op: unix.PR_GET_NO_NEW_PRIVS}, 0, 0)
			t.Prctl("set to 0", posix.PrctlArgs{Op: unix.PR_SET_NO_NEW_PRIVS}, 0, unix.EINVAL)
			t.Prctl("set with a third argument", posix.PrctlArgs{Op: unix.PR_SET_NO_NEW_PRIVS, Arg2: 1, Arg3: 1}, 0, unix.EINVAL)
			t.Prctl("set", posix.PrctlArgs{Op: unix.PR_SET_NO_NEW_PRIVS, Arg2: 1}, 0, 0)
			t.Prctl("get with an argument", posix.PrctlArgs{Op: unix.PR_GET_NO_NEW_PRIVS, Arg2: 1}, 0, unix.EINVAL)
			t.Prctl("get", posix.PrctlArgs{Op: unix.PR_GET_NO_NEW_PRIVS}, 1, 0)
		}},
		{Op: posix.OpPrctl, Name: "an unknown operation", Run: func(t *T) {
			t.Prctl("prctl", posix.PrctlArgs{Op: 123456}, 0, unix.EINVAL)
			t.Prctl("prctl", posix.PrctlArgs{Op: -1}, 0, unix.EINVAL)
		}},
		{Op: posix.OpPrctl, Name: "dumpable", Alone: true, Run: func(t *T) {
			t.Prctl("set to 2", posix.PrctlArgs{Op: unix.PR_SET_DUMPABLE, Arg2: 2}, 0, unix.EINVAL)
			t.Prctl("set to 0", posix.PrctlArgs{Op: unix.PR_SET_DUMPABLE, Arg2: 0}, 0, 0)
			t.Prctl("get", posix.PrctlArgs{Op: unix.PR_GET_DUMPABLE}, 0, 0)
			t.Prctl("set to 1", posix.PrctlArgs{Op: unix.PR_SET_DUMPABLE, Arg2: 1}, 0, 0)
			t.Prctl("get", posix.PrctlArgs{Op: unix.PR_GET_DUMPABLE}, 1, 0)
		}},
		{Op: posix.OpPrctl, Name: "parent-death signal", Alone: true, Run: func(t *T) {
			t.Prctl("65", posix.PrctlArgs{Op: unix.PR_SET_PDEATHSIG, Arg2: 65}, 0, unix.EINVAL)
			t.Prctl("64", posix.PrctlArgs{Op: unix.PR_SET_PDEATHSIG, Arg2: 64}, 0, 0)
			t.Prctl("0", posix.PrctlArgs{Op: unix.PR_SET_PDEATHSIG}, 0, 0)
		}},
		{Op: posix.OpPrctl, Name: "pointers to nothing", Run: func(t *T) {
			t.Prctl("name", posix.PrctlArgs{Op: unix.PR_SET_NAME}, 0, unix.EFAULT)
			t.Prctl("parent-death signal", posix.PrctlArgs{Op: unix.PR_GET_PDEATHSIG}, 0, unix.EFAULT)
			t.Prctl("subreaper", posix.PrctlArgs{Op: unix.PR_GET_CHILD_SUBREAPER}, 0, unix.EFAULT)
		}},
		{Op: posix.OpPrctl, Name: "bounding set", Run: func(t *T) {
			t.Prctl("read 63", posix.PrctlArgs{Op: unix.PR_CAPBSET_READ, Arg2: 63}, 0, unix.EINVAL)
			got, err := t.Core.Prctl(posix.PrctlArgs{Op: unix.PR_CAPBSET_READ, Arg2: unix.CAP_CHOWN})
			t.Errno("read", err, 0)
			t.Equal("is 0 or 1", got == 0 || got == 1, true)
		}},
		{Op: posix.OpPrctl, Name: "bounding set, dropped", Need: Root, Alone: true, Run: func(t *T) {
			t.Prctl("drop 63", posix.PrctlArgs{Op: unix.PR_CAPBSET_DROP, Arg2: 63}, 0, unix.EINVAL)
			t.Prctl("drop", posix.PrctlArgs{Op: unix.PR_CAPBSET_DROP, Arg2: unix.CAP_CHOWN}, 0, 0)
			t.Prctl("read", posix.PrctlArgs{Op: unix.PR_CAPBSET_READ, Arg2: unix.CAP_CHOWN}, 0, 0)
			t.Prctl("drop again", posix.PrctlArgs{Op: unix.PR_CAPBSET_DROP, Arg2: unix.CAP_CHOWN}, 0, 0)
		}},
		{Op: posix.OpPrctl, Name: "bounding set, without the capability", Need: User, Run: func(t *T) {
			t.Prctl("drop", posix.PrctlArgs{Op: unix.PR_CAPBSET_DROP, Arg2: unix.CAP_CHOWN}, 0, unix.EPERM)
			t.Prctl("drop 63", posix.PrctlArgs{Op: unix.PR_CAPBSET_DROP, Arg2: 63}, 0, unix.EPERM)
		}},
		{Op: posix.OpPrctl, Name: "securebits", Need: Root, Alone: true, Run: func(t *T) {
			t.Prctl("get", posix.PrctlArgs{Op: unix.PR_GET_SECUREBITS}, 0, 0)
			t.Prctl("unknown ones", posix.PrctlArgs{Op: unix.PR_SET_SECUREBITS, Arg2: 1 << 20}, 0, unix.EPERM)
			t.Prctl("set", posix.PrctlArgs{Op: unix.PR_SET_SECUREBITS, Arg2: 0x2f}, 0, 0)
			t.Prctl("get", posix.PrctlArgs{Op: unix.PR_GET_SECUREBITS}, 0x2f, 0)
			t.Prctl("unlock", posix.PrctlArgs{Op: unix.PR_SET_SECUREBITS, Arg2: 0x2d}, 0, unix.EPERM)
			t.Prctl("change a locked one", posix.PrctlArgs{Op: unix.PR_SET_SECUREBITS, Arg2: 0x2e}, 0, unix.EPERM)
			t.Prctl("keep capabilities", posix.PrctlArgs{Op: unix.PR_SET_KEEPCAPS, Arg2: 1}, 0, unix.EPERM)
		}},
		{Op: posix.OpPrctl, Name: "securebits, without the capability", Need: User, Run: func(t *T) {
			t.Prctl("as they are", posix.PrctlArgs{Op: unix.PR_SET_SECUREBITS}, 0, unix.EPERM)
			t.Prctl("another", posix.PrctlArgs{Op: unix.PR_SET_SECUREBITS, Arg2: 1}, 0, unix.EPERM)
		}},
		{Op: posix.OpPrctl, Name: "keep capabilities", Alone: true, Run: func(t *T) {
			t.Prctl("2", posix.PrctlArgs{Op: unix.PR_SET_KEEPCAPS, Arg2: 2}, 0, unix.EINVAL)
			t.Prctl("1", posix.PrctlArgs{Op: unix.PR_SET_KEEPCAPS, Arg2: 1}, 0, 0)
			t.Prctl("get", posix.PrctlArgs{Op: unix.PR_GET_KEEPCAPS}, 1, 0)
			t.Prctl("get securebits", posix.PrctlArgs{Op: unix.PR_GET_SECUREBITS}, 16, 0)
		}},
		{Op: posix.OpPrctl, Name: "ambient set", Alone: true, Run: func(t *T) {
			ambient := func(op, arg3, arg4 uint64) posix.PrctlArgs {
				return posix.PrctlArgs{Op: unix.PR_CAP_AMBIENT, Arg2: op, Arg3: arg3, Arg4: arg4}
			}
			t.Prctl("clear with an argument", ambient(unix.PR_CAP_AMBIENT_CLEAR_ALL, 1, 0), 0, unix.EINVAL)
			t.Prctl("clear", ambient(unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0), 0, 0)
			t.Prctl("is set", ambient(unix.PR_CAP_AMBIENT_IS_SET, unix.CAP_CHOWN, 0), 0, 0)
			t.Prctl("is set of 63", ambient(unix.PR_CAP_AMBIENT_IS_SET, 63, 0), 0, unix.EINVAL)
			t.Prctl("raise what is not inheritable", ambient(unix.PR_CAP_AMBIENT_RAISE, unix.CAP_CHOWN, 0), 0, unix.EPERM)
			t.Prctl("lower", ambient(unix.PR_CAP_AMBIENT_LOWER, unix.CAP_CHOWN, 0), 0, 0)
			t.Prctl("an unknown operation", ambient(9, unix.CAP_CHOWN, 0), 0, unix.EINVAL)
			t.Prctl("a fourth argument", ambient(unix.PR_CAP_AMBIENT_IS_SET, unix.CAP_CHOWN, 1), 0, unix.EINVAL)
		}},
		{Op: posix.OpPrctl, Name: "whether there are filters", Alone: true, Run: func(t *T) {
			t.Prctl("before", posix.PrctlArgs{Op: unix.PR_GET_SECCOMP}, 0, 0)
			t.NoNewPrivs()
			t.Filter(answer(0x7fff0000))
			t.Prctl("after", posix.PrctlArgs{Op: unix.PR_GET_SECCOMP}, 2, 0)
		}},
	}
}
