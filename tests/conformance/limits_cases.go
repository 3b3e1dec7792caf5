package conformance

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

func limitsCases() []Case {
	return []Case{
		{Op: posix.OpPrlimit, Name: "no such limit", Run: func(t *T) {
			var got posix.Rlimit
			t.Errno("16", t.Core.Prlimit(0, 16, nil, &got), unix.EINVAL)
			t.Errno("-1", t.Core.Prlimit(0, -1, nil, &got), unix.EINVAL)
		}},
		{Op: posix.OpPrlimit, Name: "no such process", Run: func(t *T) {
			t.Errno("prlimit", t.Core.Prlimit(1<<30, 99, nil, nil), unix.ESRCH)
			t.Errno("negative", t.Core.Prlimit(-1, unix.RLIMIT_CORE, nil, nil), unix.ESRCH)
		}},
		{Op: posix.OpPrlimit, Name: "soft above hard", Run: func(t *T) {
			t.Errno("prlimit", t.Core.Prlimit(0, unix.RLIMIT_CORE, &posix.Rlimit{Soft: 2, Hard: 1}, nil), unix.EINVAL)
		}},
		{Op: posix.OpPrlimit, Name: "hard does not grow", Need: User, Alone: true, Run: func(t *T) {
			var old posix.Rlimit
			t.Must("lower", t.Core.Prlimit(0, unix.RLIMIT_CORE, &posix.Rlimit{}, &old))
			t.Errno("raise", t.Core.Prlimit(0, unix.RLIMIT_CORE, &posix.Rlimit{Hard: 1}, nil), unix.EPERM)
			t.Must("read", t.Core.Prlimit(0, unix.RLIMIT_CORE, nil, &old))
			t.Equal("limit", old, posix.Rlimit{})
		}},
		{Op: posix.OpPrlimit, Name: "of process 1, as a user", Need: User, Run: func(t *T) {
			t.Errno("prlimit", t.Core.Prlimit(1, unix.RLIMIT_CORE, nil, nil), unix.EPERM)
			t.Errno("no such limit", t.Core.Prlimit(1, 99, nil, nil), unix.EPERM)
		}},
		{Op: posix.OpPrlimit, Name: "open files", Alone: true, Run: func(t *T) {
			fd := t.File("x", "")
			var old posix.Rlimit
			t.Must("read", t.Core.Prlimit(0, unix.RLIMIT_NOFILE, nil, &old))
			t.Must("lower", t.Core.Prlimit(0, unix.RLIMIT_NOFILE, &posix.Rlimit{Soft: 0, Hard: old.Hard}, nil))
			_, err := t.Core.Openat2(t.Dir, "x", posix.OpenHow{})
			t.Errno("openat2", err, unix.EMFILE)
			t.Errno("what is open stays", t.Core.Close(fd), 0)
		}},
		{Op: posix.OpUname, Name: "it is Linux", Run: func(t *T) {
			u, err := t.Core.Uname()
			t.Errno("uname", err, 0)
			t.Equal("system", u.Sysname, "Linux")
		}},
		{Op: posix.OpUname, Name: "all is said", Run: func(t *T) {
			u, _ := t.Core.Uname()
			t.Equal("no empty field", u.Nodename != "" && u.Release != "" && u.Version != "" && u.Machine != "", true)
		}},
		{Op: posix.OpUname, Name: "twice the same", Run: func(t *T) {
			a, _ := t.Core.Uname()
			b, _ := t.Core.Uname()
			t.Equal("answers", a, b)
		}},
	}
}
