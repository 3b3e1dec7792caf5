package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/bpf"
)

// make decodes a call by its number and its raw arguments, and makes it. ENOSYS: launch programs have no such call.
func (l *launch) make(number uint32, a [6]uint64) (uint64, posix.Errno) {
	if result, errno, ok := l.makeFiles(number, a); ok {
		return result, errno
	}
	if result, errno, ok := l.makeCredentials(number, a); ok {
		return result, errno
	}
	if result, errno, ok := l.makeMounts(number, a); ok {
		return result, errno
	}
	return l.makeProcess(number, a)
}

// errnoOf is the errno of what a method returned.
func errnoOf(err error) posix.Errno {
	if err == nil {
		return 0
	}
	return err.(posix.Errno)
}

// result is what a method returned.
func result[T int | int64 | uint32 | posix.FD | posix.PID](n T, err error) (uint64, posix.Errno) {
	if err != nil {
		return 0, errnoOf(err)
	}
	return uint64(int64(n)), 0
}

// fdArg is a descriptor: the kernel takes the low half of the register.
func fdArg(a uint64) posix.FD { return posix.FD(int32(a)) }

// makeProcess makes the calls about the process, and all others.
func (l *launch) makeProcess(number uint32, a [6]uint64) (uint64, posix.Errno) {
	p := l.child
	switch number {
	case unix.SYS_GETPID:
		return uint64(p.Getpid()), 0
	case unix.SYS_GETPPID:
		return uint64(p.Getppid()), 0
	case unix.SYS_SETSID:
		return result(p.Setsid())
	case unix.SYS_GETSID:
		return result(p.Getsid(posix.PID(int32(a[0]))))
	case unix.SYS_SETPGID:
		return 0, errnoOf(p.Setpgid(posix.PID(int32(a[0])), posix.PID(int32(a[1]))))
	case unix.SYS_GETPGID:
		return result(p.Getpgid(posix.PID(int32(a[0]))))
	case unix.SYS_KILL:
		return 0, errnoOf(p.Kill(posix.PID(int32(a[0])), posix.Signal(int32(a[1]))))
	case unix.SYS_RT_SIGACTION:
		return 0, l.sigaction(a)
	case unix.SYS_RT_SIGPROCMASK:
		return 0, l.sigprocmask(a)
	case unix.SYS_PRLIMIT64:
		return 0, l.prlimit(a)
	case unix.SYS_PRCTL:
		return result(p.Prctl(posix.PrctlArgs{Op: int(int32(a[0])), Arg2: a[1], Arg3: a[2], Arg4: a[3], Arg5: a[4]}))
	case unix.SYS_UNSHARE:
		return 0, errnoOf(p.Unshare(int(int32(a[0]))))
	case unix.SYS_SETNS:
		return 0, errnoOf(p.Setns(fdArg(a[0]), int(int32(a[1]))))
	case unix.SYS_SECCOMP:
		return l.seccomp(a)
	case unix.SYS_LANDLOCK_CREATE_RULESET, unix.SYS_LANDLOCK_ADD_RULE, unix.SYS_LANDLOCK_RESTRICT_SELF:
		return l.landlock(number, a)
	case unix.SYS_SETHOSTNAME, unix.SYS_SETDOMAINNAME:
		name, errno := l.hostname(a)
		if errno != 0 {
			return 0, errno
		}
		return 0, p.setName(number == unix.SYS_SETDOMAINNAME, name)
	case unix.SYS_PERSONALITY:
		old := p.persona
		if persona := uint32(a[0]); persona != ^uint32(0) {
			p.persona = persona
		}
		return uint64(old), 0
	case unix.SYS_SOCKET:
		return result(p.Socket(int(int32(a[0])), int(int32(a[1])), int(int32(a[2]))))
	case unix.SYS_IOCTL:
		return 0, l.ioctl(a)
	case unix.SYS_EXECVEAT:
		return 0, l.execveat(fdArg(a[0]), a[1], a[2], a[3], int(int32(a[4])))
	case unix.SYS_EXECVE:
		return 0, l.execveat(posix.AtFDCWD, a[0], a[1], a[2], 0)
	case unix.SYS_EXIT, unix.SYS_EXIT_GROUP:
		p.Exit(int(a[0] & 0xff))
		panic("bug: a child that has ended goes on; please report it")
	}
	return 0, enosys
}

func (l *launch) sigprocmask(a [6]uint64) posix.Errno {
	if a[3] != 8 {
		return einval
	}
	var set, old *posix.Sigset
	if a[1] != 0 {
		word, errno := l.word(a[1])
		if errno != 0 {
			return errno
		}
		s := posix.Sigset(word)
		set = &s
	}
	if a[2] != 0 {
		old = new(posix.Sigset)
	}
	if errno := errnoOf(l.child.RtSigprocmask(int(int32(a[0])), set, old)); errno != 0 || old == nil {
		return errno
	}
	return l.putWords(a[2], uint64(*old))
}

// sigaction sets what a signal does: the default, or nothing. Programs of the in-memory kernel have no handlers. Source: struct sigaction of the
// kernel begins with the handler.
func (l *launch) sigaction(a [6]uint64) posix.Errno {
	if a[3] != 8 {
		return einval
	}
	sig := posix.Signal(int32(a[0]))
	var action *uint64
	if a[1] != 0 {
		words, errno := l.words(a[1], 4)
		if errno != 0 {
			return errno
		}
		action = &words[0]
	}
	if sig < 1 || sig > 64 || action != nil && (sig == unix.SIGKILL || sig == unix.SIGSTOP) {
		return einval
	}
	const ignore = 1 // SIG_IGN
	if action != nil {
		l.child.k.mu.Lock()
		l.child.sig.actions[sig] = Action{Ignore: *action == ignore}
		l.child.k.mu.Unlock()
	}
	return 0
}

func (l *launch) prlimit(a [6]uint64) posix.Errno {
	var set, old *posix.Rlimit
	if a[2] != 0 {
		words, errno := l.words(a[2], 2)
		if errno != 0 {
			return errno
		}
		set = &posix.Rlimit{Soft: words[0], Hard: words[1]}
	}
	if a[3] != 0 {
		old = new(posix.Rlimit)
	}
	if errno := errnoOf(l.child.Prlimit(posix.PID(int32(a[0])), int(int32(a[1])), set, old)); errno != 0 || old == nil {
		return errno
	}
	return l.putWords(a[3], old.Soft, old.Hard)
}

func (l *launch) seccomp(a [6]uint64) (uint64, posix.Errno) {
	p := l.child
	switch uint32(a[0]) {
	case unix.SECCOMP_SET_MODE_FILTER:
		prog, errno := l.words(a[2], 2)
		if errno != 0 {
			return 0, errno
		}
		length := prog[0] & 0xffff
		p.k.mu.Lock()
		defer p.k.mu.Unlock()
		n, errno := p.setFilter(uint32(a[1]), int(length), func() (bpf.Program, posix.Errno) { return l.filter(prog[1], length) })
		return uint64(n), errno
	case unix.SECCOMP_GET_ACTION_AVAIL:
		if uint32(a[1]) != 0 {
			return 0, einval
		}
		b, errno := l.bytes(a[2], 4)
		if errno != 0 {
			return 0, errno
		}
		return 0, actionAvail(uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24)
	}
	return 0, einval
}

func (l *launch) landlock(number uint32, a [6]uint64) (uint64, posix.Errno) {
	p := l.child
	switch number {
	case unix.SYS_LANDLOCK_RESTRICT_SELF:
		return 0, errnoOf(p.LandlockRestrictSelf(fdArg(a[0]), uint32(a[1])))
	case unix.SYS_LANDLOCK_CREATE_RULESET:
		if uint32(a[2]) != 0 {
			if uint32(a[2]) != unix.LANDLOCK_CREATE_RULESET_VERSION || a[0] != 0 || a[1] != 0 {
				return 0, einval
			}
			return landlockABI, 0
		}
		size := a[1]
		if size < 8 || size > 24 {
			return 0, map[bool]posix.Errno{true: einval, false: e2big}[size < 8]
		}
		b, errno := l.bytes(a[0], size)
		if errno != 0 {
			return 0, errno
		}
		var attr [24]byte
		copy(attr[:], b)
		return result(p.LandlockCreateRuleset(&posix.LandlockRulesetAttr{HandledAccessFS: le64(attr[0:]), HandledAccessNet: le64(attr[8:]),
			Scoped: le64(attr[16:])}))
	}
	if uint32(a[3]) != 0 {
		return 0, einval
	}
	switch uint32(a[1]) {
	case unix.LANDLOCK_RULE_PATH_BENEATH:
		b, errno := l.bytes(a[2], 12)
		if errno != 0 {
			return 0, errno
		}
		return 0, errnoOf(p.LandlockAddPathRule(fdArg(a[0]), &posix.LandlockPathBeneath{AllowedAccess: le64(b), Parent: fdArg(uint64(le32(b[8:])))}))
	case ruleNetPort:
		words, errno := l.words(a[2], 2)
		if errno != 0 {
			return 0, errno
		}
		return 0, errnoOf(p.LandlockAddNetRule(fdArg(a[0]), &posix.LandlockNetPort{AllowedAccess: words[0], Port: words[1]}))
	}
	return 0, einval
}

// hostname returns the name that sethostname(2) is given.
func (l *launch) hostname(a [6]uint64) (string, posix.Errno) {
	const most = 64 // __NEW_UTS_LEN
	if n := int32(a[1]); n < 0 || n > most {
		return "", einval
	}
	b, errno := l.bytes(a[0], uint64(uint32(a[1])))
	return string(b), errno
}

// ioctl has those that a launch needs: the loopback interface goes up, and a terminal controls the session.
func (l *launch) ioctl(a [6]uint64) posix.Errno {
	p := l.child
	switch uint32(a[1]) {
	case unix.SIOCSIFFLAGS:
		b, errno := l.bytes(a[2], 40)
		if errno != 0 {
			return errno
		}
		return p.setInterface(fdArg(a[0]), b)
	}
	p.k.mu.Lock()
	defer p.k.mu.Unlock()
	f, errno := p.file(fdArg(a[0]))
	switch {
	case errno != 0:
		return errno
	case uint32(a[1]) == unix.TIOCSCTTY:
		return p.setTerminal(f, a[2] == 1)
	}
	return enotty
}

// execveat replaces the child's program: it then runs on its own.
func (l *launch) execveat(dir posix.FD, path, argv, env uint64, flags int) posix.Errno {
	name, errno := l.text(path)
	if errno != 0 {
		return errno
	}
	args, errno := l.texts(argv)
	if errno != 0 {
		return errno
	}
	variables, errno := l.texts(env)
	if errno != 0 {
		return errno
	}
	p := l.child
	p.k.mu.Lock()
	defer p.k.mu.Unlock()
	p.box.launching, p.box.asked = false, false
	if errno = p.execveat(dir, name, args, variables, flags); errno != 0 {
		p.box.launching, p.box.asked = true, true
		return errno
	}
	l.executed = true
	return 0
}
