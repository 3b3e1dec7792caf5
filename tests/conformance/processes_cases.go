package conformance

import (
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
	}
}
