package conformance

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/bpf"
)

// answer is a filter that answers every call in the same way.
func answer(with uint32) []posix.SockFilter {
	return []posix.SockFilter{{Code: bpf.RET | bpf.K, K: with}}
}

// answerTo is a filter that answers one system call so, and allows all others.
func answerTo(number uint32, with uint32) []posix.SockFilter {
	return []posix.SockFilter{
		{Code: bpf.LD | bpf.W | bpf.ABS, K: bpf.OffsetNr},
		{Code: bpf.JMP | bpf.JEQ | bpf.K, K: number, Jf: 1},
		{Code: bpf.RET | bpf.K, K: with},
		{Code: bpf.RET | bpf.K, K: bpf.RetAllow},
	}
}

// answerToArg is answerTo where the low half of an argument has a value.
func answerToArg(number uint32, arg int, value, with uint32) []posix.SockFilter {
	return []posix.SockFilter{
		{Code: bpf.LD | bpf.W | bpf.ABS, K: bpf.OffsetNr},
		{Code: bpf.JMP | bpf.JEQ | bpf.K, K: number, Jf: 3},
		{Code: bpf.LD | bpf.W | bpf.ABS, K: bpf.OffsetArgLow(arg)},
		{Code: bpf.JMP | bpf.JEQ | bpf.K, K: value, Jf: 1},
		{Code: bpf.RET | bpf.K, K: with},
		{Code: bpf.RET | bpf.K, K: bpf.RetAllow},
	}
}

// NoNewPrivs makes sure that filters and domains may be added.
func (t *T) NoNewPrivs() {
	t.Helper()
	_, err := t.Core.Prctl(posix.PrctlArgs{Op: unix.PR_SET_NO_NEW_PRIVS, Arg2: 1})
	t.Must("prctl PR_SET_NO_NEW_PRIVS", err)
}

// Filter adds a filter.
func (t *T) Filter(filter []posix.SockFilter) {
	t.Helper()
	n, err := t.Core.SeccompSetModeFilter(0, filter)
	t.Must("seccomp", err)
	t.Equal("result", n, 0)
}

func seccompCases() []Case {
	return []Case{
		{Op: posix.OpSeccompActionAvail, Name: "those that there are", Run: func(t *T) {
			for _, a := range []uint32{bpf.RetKillProcess, bpf.RetKillThread, bpf.RetTrap, bpf.RetErrno,
				bpf.RetUserNotif, bpf.RetTrace, bpf.RetLog, bpf.RetAllow} {
				t.Errno("seccomp", t.Core.SeccompActionAvail(a), 0)
			}
		}},
		{Op: posix.OpSeccompActionAvail, Name: "one that there is not", Run: func(t *T) {
			t.Errno("seccomp", t.Core.SeccompActionAvail(0x12340000), unix.EOPNOTSUPP)
		}},
		{Op: posix.OpSeccompActionAvail, Name: "with a value", Run: func(t *T) {
			t.Errno("seccomp", t.Core.SeccompActionAvail(bpf.RetErrno|1), unix.EOPNOTSUPP)
		}},
		{Op: posix.OpSeccompSetModeFilter, Name: "without no_new_privs", Need: User, Alone: true, Run: func(t *T) {
			_, err := t.Core.SeccompSetModeFilter(0, answer(bpf.RetAllow))
			t.Errno("seccomp", err, unix.EACCES)
		}},
		{Op: posix.OpSeccompSetModeFilter, Name: "without no_new_privs, as root", Need: Root, Alone: true, Run: func(t *T) {
			t.Filter(answer(bpf.RetAllow))
		}},
		{Op: posix.OpSeccompSetModeFilter, Name: "empty, without no_new_privs", Need: User, Run: func(t *T) {
			_, err := t.Core.SeccompSetModeFilter(0, nil)
			t.Errno("seccomp", err, unix.EINVAL)
		}},
		{Op: posix.OpSeccompSetModeFilter, Name: "calls that cannot fail", Alone: true, Run: func(t *T) {
			t.NoNewPrivs()
			for _, number := range []uint32{unix.SYS_UMASK, unix.SYS_GETPPID} {
				t.Filter([]posix.SockFilter{
					{Code: bpf.LD | bpf.W | bpf.ABS}, {Code: bpf.JMP | bpf.JEQ | bpf.K, Jf: 1, K: number}, answer(bpf.RetErrno | uint32(unix.ENOLINK))[0], answer(bpf.RetAllow)[0],
				})
			}
			_, err := t.Core.Umask(0o77)
			t.Errno("umask", err, unix.ENOLINK)
			t.Equal("getppid", t.Core.Getppid(), -posix.PID(unix.ENOLINK))
		}},
		{Op: posix.OpSeccompSetModeFilter, Name: "too long", Alone: true, Run: func(t *T) {
			t.NoNewPrivs()
			long := make([]posix.SockFilter, 4097)
			for i := range long {
				long[i] = answer(bpf.RetAllow)[0]
			}
			_, err := t.Core.SeccompSetModeFilter(0, long)
			t.Errno("seccomp of 4097", err, unix.EINVAL)
			_, err = t.Core.SeccompSetModeFilter(0, long[1:])
			t.Errno("seccomp of 4096", err, 0)
		}},
		{Op: posix.OpSeccompSetModeFilter, Name: "not a program", Alone: true, Run: func(t *T) {
			t.NoNewPrivs()
			for what, filter := range map[string][]posix.SockFilter{
				"no return":      {{Code: bpf.LD | bpf.W | bpf.ABS, K: 0}},
				"unaligned load": {{Code: bpf.LD | bpf.W | bpf.ABS, K: 2}, answer(bpf.RetAllow)[0]},
				"load outside":   {{Code: bpf.LD | bpf.W | bpf.ABS, K: 64}, answer(bpf.RetAllow)[0]},
				"jump outside":   {{Code: bpf.JMP | bpf.JA, K: 1}, answer(bpf.RetAllow)[0]},
				"no instruction": {{Code: 0xffff}, answer(bpf.RetAllow)[0]},
				"scratch":        {{Code: bpf.LD | bpf.MEM, K: 0}, answer(bpf.RetAllow)[0]},
			} {
				_, err := t.Core.SeccompSetModeFilter(0, filter)
				t.Errno(what, err, unix.EINVAL)
			}
		}},
		{Op: posix.OpSeccompSetModeFilter, Name: "unknown flags", Alone: true, Run: func(t *T) {
			t.NoNewPrivs()
			_, err := t.Core.SeccompSetModeFilter(1<<20, answer(bpf.RetAllow))
			t.Errno("seccomp", err, unix.EINVAL)
			_, err = t.Core.SeccompSetModeFilter(unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, answer(bpf.RetAllow))
			t.Errno("seccomp without a listener", err, unix.EINVAL)
			_, err = t.Core.SeccompSetModeFilter(unix.SECCOMP_FILTER_FLAG_LOG|unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW, answer(bpf.RetAllow))
			t.Errno("seccomp with known ones", err, 0)
		}},
		{Op: posix.OpSeccompSetModeFilter, Name: "errno", Alone: true, Run: func(t *T) {
			t.NoNewPrivs()
			t.Filter(answerTo(unix.SYS_MEMFD_CREATE, bpf.RetErrno|uint32(unix.ENOTBLK)))
			_, err := t.Core.MemfdCreate("x", 0)
			t.Errno("memfd_create", err, unix.ENOTBLK)
			t.Errno("mkdirat", t.Core.Mkdirat(t.Dir, "d", 0o700), 0)
		}},
		{Op: posix.OpSeccompSetModeFilter, Name: "errno 0", Alone: true, Run: func(t *T) {
			t.NoNewPrivs()
			t.Filter(answerTo(unix.SYS_MKDIRAT, bpf.RetErrno))
			t.Errno("mkdirat", t.Core.Mkdirat(t.Dir, "d", 0o700), 0)
			t.Errno("rmdir", t.Core.Unlinkat(t.Dir, "d", unix.AT_REMOVEDIR), unix.ENOENT)
		}},
		{Op: posix.OpSeccompSetModeFilter, Name: "by argument", Alone: true, Run: func(t *T) {
			t.NoNewPrivs()
			t.Filter(answerToArg(unix.SYS_SOCKET, 0, unix.AF_INET, bpf.RetErrno|uint32(unix.EPERM)))
			_, err := t.Core.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			t.Errno("socket of IPv4", err, unix.EPERM)
			t.FD(t.Core.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0))
		}},
		{Op: posix.OpSeccompSetModeFilter, Name: "the strictest wins", Alone: true, Run: func(t *T) {
			t.NoNewPrivs()
			t.Filter(answerTo(unix.SYS_MEMFD_CREATE, bpf.RetErrno|uint32(unix.EPERM)))
			t.Filter(answerTo(unix.SYS_MEMFD_CREATE, bpf.RetLog))
			_, err := t.Core.MemfdCreate("x", 0)
			t.Errno("memfd_create", err, unix.EPERM)
		}},
		{Op: posix.OpSeccompSetModeFilter, Name: "of equal ones the newest", Alone: true, Run: func(t *T) {
			t.NoNewPrivs()
			t.Filter(answerTo(unix.SYS_MEMFD_CREATE, bpf.RetErrno|uint32(unix.EPERM)))
			t.Filter(answerTo(unix.SYS_MEMFD_CREATE, bpf.RetErrno|uint32(unix.EXDEV)))
			_, err := t.Core.MemfdCreate("x", 0)
			t.Errno("memfd_create", err, unix.EXDEV)
		}},
		{Op: posix.OpSeccompSetModeFilter, Name: "no tracer, no listener", Alone: true, Run: func(t *T) {
			t.NoNewPrivs()
			t.Filter(answerTo(unix.SYS_MEMFD_CREATE, bpf.RetTrace))
			t.Filter(answerTo(unix.SYS_MKDIRAT, bpf.RetUserNotif))
			_, err := t.Core.MemfdCreate("x", 0)
			t.Errno("memfd_create", err, unix.ENOSYS)
			t.Errno("mkdirat", t.Core.Mkdirat(t.Dir, "d", 0o700), unix.ENOSYS)
		}},
		{Op: posix.OpSeccompSetModeFilter, Name: "a listener", Alone: true, Run: func(t *T) {
			t.NoNewPrivs()
			n, err := t.Core.SeccompSetModeFilter(unix.SECCOMP_FILTER_FLAG_NEW_LISTENER, answerTo(unix.SYS_MKDIRAT, bpf.RetUserNotif))
			fd := t.FD(posix.FD(n), err)
			_, err = t.Core.SeccompSetModeFilter(unix.SECCOMP_FILTER_FLAG_NEW_LISTENER, answer(bpf.RetAllow))
			t.Errno("a second listener", err, unix.EBUSY)
			flags, err := t.Core.Fcntl(fd, unix.F_GETFD, 0)
			t.Errno("fcntl", err, 0)
			t.Equal("flags", flags, unix.FD_CLOEXEC)
			t.Errno("close", t.Core.Close(fd), 0)
			t.Errno("mkdirat", t.Core.Mkdirat(t.Dir, "d", 0o700), unix.ENOSYS)
		}},
		{Op: posix.OpSeccompSetModeFilter, Name: "inherited by a child", Alone: true, Run: func(t *T) {
			t.NoNewPrivs()
			fd := t.File("x", "text")
			t.Filter(answerToArg(unix.SYS_READ, 0, 3, bpf.RetErrno|uint32(unix.EDOM)))
			info := t.Spawn([]posix.FD{fd}, "errno", "3").Wait()
			t.Equal("code", info.Code, posix.CldExited)
			t.Equal("status", info.Status, int(unix.EDOM))
		}},
		{Op: posix.OpSeccompSetModeFilter, Name: "in a launch program", Alone: true, Run: func(t *T) {
			for _, c := range []struct {
				name      string
				answer    uint32
				step      int // that fails; -1 is none
				errno     posix.Errno
				code, end int
			}{
				{"denies a step", bpf.RetErrno | uint32(unix.ENOTBLK), 2, unix.ENOTBLK, posix.CldExited, int(unix.ENOTBLK)},
				{"kills", bpf.RetKillProcess, -1, 0, posix.CldKilled, int(unix.SIGSYS)},
				{"kills the thread", bpf.RetKillThread, -1, 0, posix.CldKilled, int(unix.SIGSYS)},
				{"traps", bpf.RetTrap, -1, 0, posix.CldKilled, int(unix.SIGSYS)},
				{"answers 0", bpf.RetErrno, -1, 0, posix.CldExited, 0},
				{"an unknown action", 0x12340000, -1, 0, posix.CldKilled, int(unix.SIGSYS)},
			} {
				limit := &posix.Rlimit{} // no core dumps
				t.Must("prlimit", t.Core.Prlimit(0, unix.RLIMIT_CORE, limit, nil))
				child, err := t.Core.Clone3(&posix.CloneArgs{ExitSignal: unix.SIGCHLD, Program: filtered(answerTo(unix.SYS_GETPPID, c.answer))})
				t.Must(c.name, err)
				t.Cleanup(func() { _ = t.Core.Close(child.Pidfd) })
				var info posix.WaitInfo
				t.Must("waitid", t.Core.Waitid(posix.PPidfd, int(child.Pidfd), &info, unix.WEXITED))
				t.Equal(c.name+": code", info.Code, c.code)
				t.Equal(c.name+": status", info.Status, c.end)
				switch {
				case c.step < 0:
					t.Equal(c.name+": failed", child.Failed == nil, true)
				case child.Failed == nil:
					t.Errorf("%s: no step failed", c.name)
				default:
					t.Equal(c.name, *child.Failed, posix.StepFailure{Step: c.step, Errno: c.errno})
				}
			}
		}},
	}
}

// loads adds the steps that load a filter.
func (b *builder) loads(filter []posix.SockFilter) {
	text := make([]byte, 0, 8*len(filter))
	for _, in := range filter {
		text = append(text, byte(in.Code), byte(in.Code>>8), in.Jt, in.Jf, byte(in.K), byte(in.K>>8), byte(in.K>>16), byte(in.K>>24))
	}
	instructions := b.bytes(text)
	prog := b.bytes(append([]byte{byte(len(filter))}, make([]byte, 15)...))
	b.relocations = append(b.relocations, posix.Relocation{At: uint32(prog.Value) + 8, To: uint32(instructions.Value)})
	b.call(unix.SYS_PRCTL, posix.Arg{Value: unix.PR_SET_NO_NEW_PRIVS}, posix.Arg{Value: 1})
	b.call(unix.SYS_SECCOMP, posix.Arg{Value: unix.SECCOMP_SET_MODE_FILTER}, posix.Arg{}, prog)
}

// filtered is a program that adds a filter and asks for its parent.
func filtered(filter []posix.SockFilter) *posix.Program {
	var b builder
	b.loads(filter)
	b.call(unix.SYS_GETPPID)
	return &posix.Program{Steps: b.steps, Memory: b.memory, Relocations: b.relocations}
}
