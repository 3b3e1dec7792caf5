package conformance

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

func processesCases() []Case {
	return []Case{
		{Op: posix.OpWaitid, Name: "an exit status", Run: func(t *T) {
			info := t.Spawn(nil, "exit", "7").Wait()
			t.Equal("code", info.Code, posix.CldExited)
			t.Equal("status", info.Status, 7)
		}},
		{Op: posix.OpWaitid, Name: "a signal", Run: func(t *T) {
			c := t.Spawn(nil, "wait")
			t.Must("pidfd_send_signal", t.Core.PidfdSendSignal(c.Pidfd, unix.SIGTERM))
			info := c.Wait()
			t.Equal("code", info.Code, posix.CldKilled)
			t.Equal("status", info.Status, int(unix.SIGTERM))
			t.Equal("pid", info.PID, c.PID)
		}},
		{Op: posix.OpClone3, Name: "descriptors are passed", Run: func(t *T) {
			r, w := t.Pair(t.Core.Pipe2(unix.O_CLOEXEC))
			c := t.Spawn([]posix.FD{r}, "read", "3")
			_, err := t.Core.Write(w, []byte("A"))
			t.Must("write", err)
			t.Equal("status", c.Wait().Status, int('A'))
		}},
		{Op: posix.OpSetsid, Name: "of one that leads no group", Alone: true, Run: func(t *T) {
			sid, err := t.Core.Setsid()
			t.Errno("setsid", err, 0)
			t.Equal("session", sid, t.Core.Getpid())
			_, err = t.Core.Setsid()
			t.Errno("setsid again", err, unix.EPERM)
		}},
		{Op: posix.OpWaitid, Name: "bad arguments", Run: func(t *T) {
			info := posix.WaitInfo{PID: 7}
			t.Errno("no state", t.Core.Waitid(posix.PAll, 0, &info, unix.WNOHANG), unix.EINVAL)
			t.Errno("unknown option", t.Core.Waitid(posix.PAll, 0, &info, unix.WEXITED|0x100), unix.EINVAL)
			t.Errno("unknown type", t.Core.Waitid(9, 0, &info, unix.WEXITED), unix.EINVAL)
			t.Errno("pid 0", t.Core.Waitid(posix.PPid, 0, &info, unix.WEXITED), unix.EINVAL)
			t.Errno("pidfd -1", t.Core.Waitid(posix.PPidfd, -1, &info, unix.WEXITED), unix.EINVAL)
			t.Errno("closed", t.Core.Waitid(posix.PPidfd, 1<<20, &info, unix.WEXITED), unix.EBADF)
			t.Errno("a file", t.Core.Waitid(posix.PPidfd, int(t.File("x", "")), &info, unix.WEXITED), unix.EBADF)
			t.Errno("nobody's", t.Core.Waitid(posix.PPid, 1<<30, &info, unix.WEXITED), unix.ECHILD)
			t.Equal("nothing was filled in", info.PID, posix.PID(7))
		}},
		{Op: posix.OpPidfdOpen, Name: "bad arguments", Run: func(t *T) {
			for _, pid := range []posix.PID{0, -1} {
				_, err := t.Core.PidfdOpen(pid, 0)
				t.Errno("number", err, unix.EINVAL)
			}
			_, err := t.Core.PidfdOpen(1, 1)
			t.Errno("flags", err, unix.EINVAL)
		}},
		{Op: posix.OpPidfdOpen, Name: "nobody", Run: func(t *T) {
			_, err := t.Core.PidfdOpen(1<<30, 0)
			t.Errno("pidfd_open", err, unix.ESRCH)
		}},
		{Op: posix.OpPidfdOpen, Name: "nonblocking", Run: func(t *T) {
			c := t.Spawn(nil, "wait")
			fd := t.FD(t.Core.PidfdOpen(c.PID, unix.O_NONBLOCK))
			t.Errno("waitid", t.Core.Waitid(posix.PPidfd, int(fd), &posix.WaitInfo{}, unix.WEXITED), unix.EAGAIN)
			t.Errno("WNOHANG", t.Core.Waitid(posix.PPidfd, int(fd), &posix.WaitInfo{}, unix.WEXITED|unix.WNOHANG), 0)
		}},
		{Op: posix.OpPidfdSendSignal, Name: "no pidfd", Run: func(t *T) {
			t.Errno("closed", t.Core.PidfdSendSignal(-1, 0), unix.EBADF)
			t.Errno("a file", t.Core.PidfdSendSignal(t.File("x", ""), 0), unix.EBADF)
		}},
		{Op: posix.OpPidfdSendSignal, Name: "no such signal", Run: func(t *T) {
			c := t.Spawn(nil, "wait")
			t.Errno("65", t.Core.PidfdSendSignal(c.Pidfd, 65), unix.EINVAL)
			t.Errno("0", t.Core.PidfdSendSignal(c.Pidfd, 0), 0)
		}},
		{Op: posix.OpPidfdSendSignal, Name: "reaped", Run: func(t *T) {
			c := t.Spawn(nil, "exit", "0")
			c.Wait()
			t.Errno("pidfd_send_signal", t.Core.PidfdSendSignal(c.Pidfd, unix.SIGKILL), unix.ESRCH)
		}},
		{Op: posix.OpGetpgid, Name: "nobody", Run: func(t *T) {
			_, err := t.Core.Getpgid(1 << 30)
			t.Errno("getpgid", err, unix.ESRCH)
			_, err = t.Core.Getpgid(-1)
			t.Errno("negative", err, unix.ESRCH)
		}},
		{Op: posix.OpGetpgid, Name: "of a child", Run: func(t *T) {
			mine, err := t.Core.Getpgid(0)
			t.Errno("getpgid", err, 0)
			its, err := t.Core.Getpgid(t.Spawn(nil, "wait").PID)
			t.Errno("getpgid", err, 0)
			t.Equal("group", its, mine)
		}},
		{Op: posix.OpGetsid, Name: "nobody", Run: func(t *T) {
			_, err := t.Core.Getsid(1 << 30)
			t.Errno("getsid", err, unix.ESRCH)
		}},
		{Op: posix.OpGetsid, Name: "of a child", Run: func(t *T) {
			mine, _ := t.Core.Getsid(0)
			its, err := t.Core.Getsid(t.Spawn(nil, "wait").PID)
			t.Errno("getsid", err, 0)
			t.Equal("session", its, mine)
		}},
		{Op: posix.OpSetpgid, Name: "bad arguments", Run: func(t *T) {
			t.Errno("negative group", t.Core.Setpgid(1<<30, -1), unix.EINVAL)
			t.Errno("nobody", t.Core.Setpgid(1<<30, 0), unix.ESRCH)
			t.Errno("not a child", t.Core.Setpgid(1, 0), unix.ESRCH)
		}},
		{Op: posix.OpSetpgid, Name: "a child that has executed", Run: func(t *T) {
			// Linux wakes the parent a moment before it notes that the child has executed (begin_new_exec in fs/exec.c).
			pid := t.Spawn(nil, "wait").PID
			err := t.Core.Setpgid(pid, 0)
			for tries := 0; err == nil && tries < 10_000; tries++ {
				time.Sleep(time.Millisecond)
				err = t.Core.Setpgid(pid, 0)
			}
			t.Errno("setpgid", err, unix.EACCES)
		}},
		{Op: posix.OpSetpgid, Name: "a group of its own", Alone: true, Run: func(t *T) {
			t.Must("setpgid", t.Core.Setpgid(0, 0))
			group, err := t.Core.Getpgid(0)
			t.Errno("getpgid", err, 0)
			t.Equal("group", group, t.Core.Getpid())
			t.Errno("no such group", t.Core.Setpgid(0, 1<<30), unix.EPERM)
			_, err = t.Core.Setsid()
			t.Errno("setsid of a leader", err, unix.EPERM)
		}},
	}
}
