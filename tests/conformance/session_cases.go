package conformance

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// ids starts a child that says who it is: pid, ppid, pgid and sid, as it sees them.
func (t *T) ids() (c *Child, pid, ppid, pgid, sid posix.PID) {
	t.Helper()
	r, w := t.Pair(t.Core.Pipe2(unix.O_CLOEXEC))
	c = t.Spawn([]posix.FD{w}, "ids", "3")
	buf := make([]byte, 100)
	n, err := t.Core.Read(r, buf)
	t.Must("read", err)
	if _, err := fmt.Sscan(string(buf[:n]), &pid, &ppid, &pgid, &sid); err != nil {
		t.Fatalf("the child said %q: %v", buf[:n], err)
	}
	return c, pid, ppid, pgid, sid
}

func sessionCases() []Case {
	return []Case{
		{Op: posix.OpGetpid, Name: "of a child", Run: func(t *T) {
			c, pid, _, _, _ := t.ids()
			t.Equal("what the child is told and what its parent", pid, c.PID)
		}},
		{Op: posix.OpGetpid, Name: "is its own and not its parent's", Run: func(t *T) {
			me := t.Core.Getpid()
			t.Equal("above 1", me > 1, true)
			t.Equal("the parent's", me == t.Core.Getppid(), false)
			t.Equal("the same again", t.Core.Getpid(), me)
		}},
		{Op: posix.OpGetpid, Name: "can be signalled and opened", Run: func(t *T) {
			me := t.Core.Getpid()
			t.Errno("kill", t.Core.Kill(me, 0), 0)
			fd := t.FD(t.Core.PidfdOpen(me, 0))
			t.Errno("pidfd_send_signal", t.Core.PidfdSendSignal(fd, 0), 0)
		}},
		{Op: posix.OpGetpid, Name: "is no child", Run: func(t *T) {
			t.Errno("waitid", t.Core.Waitid(posix.PPid, int(t.Core.Getpid()), &posix.WaitInfo{}, unix.WEXITED|unix.WNOHANG), unix.ECHILD)
		}},
		{Op: posix.OpGetppid, Name: "of a child", Run: func(t *T) {
			_, _, ppid, _, _ := t.ids()
			t.Equal("parent", ppid, t.Core.Getpid())
		}},
		{Op: posix.OpGetppid, Name: "is there", Run: func(t *T) {
			parent := t.Core.Getppid()
			t.Equal("a number", parent > 0, true)
			_, err := t.Core.Getsid(parent)
			t.Errno("getsid", err, 0)
		}},
		{Op: posix.OpGetppid, Name: "is not for its child to move", Run: func(t *T) {
			t.Errno("setpgid", t.Core.Setpgid(t.Core.Getppid(), 0), unix.ESRCH)
			t.Errno("waitid", t.Core.Waitid(posix.PPid, int(t.Core.Getppid()), &posix.WaitInfo{}, unix.WEXITED|unix.WNOHANG), unix.ECHILD)
		}},
		{Op: posix.OpGetppid, Name: "survives a new session", Alone: true, Run: func(t *T) {
			before := t.Core.Getppid()
			_, err := t.Core.Setsid()
			t.Errno("setsid", err, 0)
			t.Equal("parent", t.Core.Getppid(), before)
		}},
		{Op: posix.OpGetpgid, Name: "by its own number", Run: func(t *T) {
			mine, err := t.Core.Getpgid(0)
			t.Errno("getpgid", err, 0)
			same, err := t.Core.Getpgid(t.Core.Getpid())
			t.Errno("getpgid", err, 0)
			t.Equal("group", same, mine)
		}},
		{Op: posix.OpGetpgid, Name: "of a zombie", Run: func(t *T) {
			mine, _ := t.Core.Getpgid(0)
			c := t.Spawn(nil, "exit", "0")
			t.Must("waitid", t.Core.Waitid(posix.PPid, int(c.PID), &posix.WaitInfo{}, unix.WEXITED|unix.WNOWAIT))
			its, err := t.Core.Getpgid(c.PID)
			t.Errno("getpgid", err, 0)
			t.Equal("group", its, mine)
			c.Wait()
			_, err = t.Core.Getpgid(c.PID)
			t.Errno("reaped", err, unix.ESRCH)
		}},
		{Op: posix.OpGetpgid, Name: "as the child sees it", Alone: true, Run: func(t *T) {
			t.Must("setpgid", t.Core.Setpgid(0, 0))
			_, _, _, pgid, _ := t.ids()
			t.Equal("group", pgid, t.Core.Getpid())
		}},
		{Op: posix.OpGetsid, Name: "negative", Run: func(t *T) {
			_, err := t.Core.Getsid(-1)
			t.Errno("-1", err, unix.ESRCH)
			_, err = t.Core.Getsid(-t.Core.Getpid())
			t.Errno("a group", err, unix.ESRCH)
		}},
		{Op: posix.OpGetsid, Name: "by its own number", Run: func(t *T) {
			mine, err := t.Core.Getsid(0)
			t.Errno("getsid", err, 0)
			same, err := t.Core.Getsid(t.Core.Getpid())
			t.Errno("getsid", err, 0)
			t.Equal("session", same, mine)
		}},
		{Op: posix.OpGetsid, Name: "as the child sees it", Alone: true, Run: func(t *T) {
			_, err := t.Core.Setsid()
			t.Errno("setsid", err, 0)
			_, _, _, pgid, sid := t.ids()
			t.Equal("session", sid, t.Core.Getpid())
			t.Equal("group", pgid, t.Core.Getpid())
		}},
		{Op: posix.OpGetsid, Name: "of a zombie", Run: func(t *T) {
			mine, _ := t.Core.Getsid(0)
			c := t.Spawn(nil, "exit", "0")
			t.Must("waitid", t.Core.Waitid(posix.PPid, int(c.PID), &posix.WaitInfo{}, unix.WEXITED|unix.WNOWAIT))
			its, err := t.Core.Getsid(c.PID)
			t.Errno("getsid", err, 0)
			t.Equal("session", its, mine)
			c.Wait()
			_, err = t.Core.Getsid(c.PID)
			t.Errno("reaped", err, unix.ESRCH)
		}},
		{Op: posix.OpSetsid, Name: "of one that leads a group", Alone: true, Run: func(t *T) {
			t.Must("setpgid", t.Core.Setpgid(0, 0))
			before, _ := t.Core.Getsid(0)
			_, err := t.Core.Setsid()
			t.Errno("setsid", err, unix.EPERM)
			after, _ := t.Core.Getsid(0)
			t.Equal("session", after, before)
		}},
		{Op: posix.OpSetsid, Name: "its leader stays in its group", Alone: true, Run: func(t *T) {
			old, _ := t.Core.Getpgid(0)
			_, err := t.Core.Setsid()
			t.Errno("setsid", err, 0)
			t.Errno("its own", t.Core.Setpgid(0, 0), unix.EPERM)
			t.Errno("the old one", t.Core.Setpgid(0, old), unix.EPERM)
		}},
		{Op: posix.OpSetsid, Name: "a child of before is in another one", Alone: true, Run: func(t *T) {
			c := t.Spawn(nil, "wait")
			_, err := t.Core.Setsid()
			t.Errno("setsid", err, 0)
			t.Errno("setpgid", t.Core.Setpgid(c.PID, 0), unix.EPERM)
			its, err := t.Core.Getsid(c.PID)
			t.Errno("getsid", err, 0)
			t.Equal("its session is ours", its == t.Core.Getpid(), false)
		}},
		{Op: posix.OpSetsid, Name: "its number is taken by a group", Alone: true, Run: func(t *T) {
			t.Must("setpgid", t.Core.Setpgid(0, 0))
			c := t.Spawn(nil, "wait") // in the group that is called as we are
			t.Must("waitid", t.Core.Waitid(posix.PPgid, 0, &posix.WaitInfo{}, unix.WEXITED|unix.WNOHANG))
			_, err := t.Core.Setsid()
			t.Errno("setsid", err, unix.EPERM)
			group, _ := t.Core.Getpgid(c.PID)
			t.Equal("the child's group", group, t.Core.Getpid())
		}},
	}
}
