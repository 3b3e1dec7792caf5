package conformance

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

func signalsCases() []Case {
	return []Case{
		{Op: posix.OpKill, Name: "nobody", Run: func(t *T) {
			t.Errno("a number that is not in use", t.Core.Kill(1<<30, 0), unix.ESRCH)
			t.Errno("before the signal is looked at", t.Core.Kill(1<<30, 99), unix.ESRCH)
			t.Errno("a group", t.Core.Kill(-1<<30, 0), unix.ESRCH)
			t.Errno("the least number", t.Core.Kill(-1<<31, 0), unix.ESRCH)
		}},
		{Op: posix.OpKill, Name: "no such signal", Run: func(t *T) {
			t.Errno("65", t.Core.Kill(t.Core.Getpid(), 65), unix.EINVAL)
			t.Errno("-1", t.Core.Kill(t.Core.Getpid(), -1), unix.EINVAL)
			t.Errno("0", t.Core.Kill(t.Core.Getpid(), 0), 0)
		}},
		{Op: posix.OpKill, Name: "process 1, as a user", Need: User, Run: func(t *T) {
			t.Errno("nothing", t.Core.Kill(1, 0), unix.EPERM)
			t.Errno("no such signal", t.Core.Kill(1, 65), unix.EINVAL)
		}},
		{Op: posix.OpKill, Name: "a zombie is there", Run: func(t *T) {
			c := t.Spawn(nil, "exit", "0")
			t.Must("waitid", t.Core.Waitid(posix.PPid, int(c.PID), &posix.WaitInfo{}, unix.WEXITED|unix.WNOWAIT))
			t.Errno("kill", t.Core.Kill(c.PID, unix.SIGKILL), 0)
			c.Wait()
			t.Errno("reaped", t.Core.Kill(c.PID, 0), unix.ESRCH)
		}},
		{Op: posix.OpKill, Name: "a child's group", Run: func(t *T) {
			c := t.Spawn(nil, "wait")
			t.Errno("it has none", t.Core.Kill(-c.PID, unix.SIGKILL), unix.ESRCH)
			t.Must("kill", t.Core.Kill(c.PID, unix.SIGKILL))
			t.Equal("status", c.Wait().Status, int(unix.SIGKILL))
		}},
		{Op: posix.OpRtSigprocmask, Name: "no such operation", Run: func(t *T) {
			set := posix.Sigset(0)
			t.Errno("with a set", t.Core.RtSigprocmask(7, &set, nil), unix.EINVAL)
			t.Errno("without", t.Core.RtSigprocmask(7, nil, &set), 0)
		}},
		{Op: posix.OpRtSigprocmask, Name: "block and unblock", Alone: true, Run: func(t *T) {
			set, old := posix.Sigbit(unix.SIGUSR1)|posix.Sigbit(unix.SIGKILL), posix.Sigset(0)
			t.Must("block", t.Core.RtSigprocmask(unix.SIG_BLOCK, &set, nil))
			t.Must("read", t.Core.RtSigprocmask(0, nil, &old))
			t.Equal("SIGUSR1 is blocked", old&posix.Sigbit(unix.SIGUSR1) != 0, true)
			t.Equal("SIGKILL is not", old&posix.Sigbit(unix.SIGKILL) == 0, true)
			t.Must("unblock", t.Core.RtSigprocmask(unix.SIG_UNBLOCK, &set, &old))
			t.Equal("before", old&posix.Sigbit(unix.SIGUSR1) != 0, true)
			t.Must("read", t.Core.RtSigprocmask(0, nil, &old))
			t.Equal("after", old&posix.Sigbit(unix.SIGUSR1) == 0, true)
		}},
		{Op: posix.OpRtSigprocmask, Name: "the whole set", Alone: true, Run: func(t *T) {
			all, old := ^posix.Sigset(0), posix.Sigset(0)
			t.Must("set", t.Core.RtSigprocmask(unix.SIG_SETMASK, &all, nil))
			t.Must("read", t.Core.RtSigprocmask(0, nil, &old))
			t.Equal("all but two", old, ^(posix.Sigbit(unix.SIGKILL) | posix.Sigbit(unix.SIGSTOP)))
		}},
		{Op: posix.OpSignalfd4, Name: "bad arguments", Run: func(t *T) {
			_, err := t.Core.Signalfd4(-1, 0, 1)
			t.Errno("flags", err, unix.EINVAL)
			_, err = t.Core.Signalfd4(-2, 0, 0)
			t.Errno("descriptor", err, unix.EBADF)
			_, err = t.Core.Signalfd4(t.File("x", ""), 0, 0)
			t.Errno("a file", err, unix.EINVAL)
		}},
		{Op: posix.OpSignalfd4, Name: "nothing is pending", Run: func(t *T) {
			fd := t.FD(t.Core.Signalfd4(-1, posix.Sigbit(unix.SIGUSR2), unix.SFD_NONBLOCK|unix.SFD_CLOEXEC))
			_, err := t.Core.Read(fd, make([]byte, posix.SignalInfoSize))
			t.Errno("read", err, unix.EAGAIN)
			_, err = t.Core.Read(fd, make([]byte, posix.SignalInfoSize-1))
			t.Errno("too short", err, unix.EINVAL)
		}},
		{Op: posix.OpSignalfd4, Name: "shared with a child, which has signals of its own", Alone: true, Run: func(t *T) {
			set := posix.Sigbit(unix.SIGURG)
			t.Must("block", t.Core.RtSigprocmask(unix.SIG_BLOCK, &set, nil))
			fd := t.FD(t.Core.Signalfd4(-1, posix.Sigbit(unix.SIGUSR2), unix.SFD_NONBLOCK|unix.SFD_CLOEXEC))
			ep := t.FD(t.Core.EpollCreate1(unix.EPOLL_CLOEXEC))
			t.Must("epoll_ctl", t.Core.EpollCtl(ep, unix.EPOLL_CTL_ADD, fd, &posix.EpollEvent{Events: unix.EPOLLIN}))
			c := t.Spawn([]posix.FD{fd}, "errno", "3")
			t.Equal("a byte is too little for the child", c.Wait().Status, int(unix.EINVAL))
			t.Equal("poll", t.polled(fd, unix.POLLIN), int16(0))
			n, err := t.Core.EpollWait(ep, make([]posix.EpollEvent, 1), 0)
			t.Errno("epoll", err, 0)
			t.Equal("events", n, 0)
		}},
		{Op: posix.OpSignalfd4, Name: "changed", Run: func(t *T) {
			fd := t.FD(t.Core.Signalfd4(-1, 0, unix.SFD_CLOEXEC))
			same, err := t.Core.Signalfd4(fd, posix.Sigbit(unix.SIGUSR2), 0)
			t.Errno("signalfd4", err, 0)
			t.Equal("descriptor", same, fd)
		}},
	}
}
