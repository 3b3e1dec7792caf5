package conformance

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/bpf"
)

// waiting starts a child that has loaded filters, the first one first, and waits for ever.
func (t *T) waiting(filters ...[]posix.SockFilter) *Child {
	t.Helper()
	var b builder
	for _, f := range filters {
		b.loads(f)
	}
	return t.spawnAfter(b, nil, "wait")
}

// goesOn ends a process with a signal that it does not handle: one that was traced or stopped would still be there.
func (t *T) goesOn(c *Child) {
	t.Helper()
	t.Must("pidfd_send_signal", t.Core.PidfdSendSignal(c.Pidfd, unix.SIGTERM))
	info := c.Wait()
	t.Equal("code", info.Code, posix.CldKilled)
	t.Equal("signal", info.Status, int(unix.SIGTERM))
}

func getFilterCases() []Case {
	older, newer := answerTo(unix.SYS_SYMLINKAT, bpf.RetErrno|1), answer(bpf.RetAllow)
	return []Case{
		{Op: posix.OpSeccompGetFilter, Name: "of a child, the oldest first", Need: Root, Run: func(t *T) {
			c := t.waiting(older, newer)
			buf := make([]posix.SockFilter, 4096)
			for i, want := range [][]posix.SockFilter{older, newer} {
				n, err := t.Core.SeccompGetFilter(c.PID, i, buf)
				t.Must("seccomp_get_filter", err)
				t.Equal("the filter", slices.Equal(buf[:n], want), true)
			}
			_, err := t.Core.SeccompGetFilter(c.PID, 2, buf)
			t.Errno("one more", err, unix.ENOENT)
			_, err = t.Core.SeccompGetFilter(c.PID, -1, buf)
			t.Errno("one less", err, unix.ENOENT)
			t.goesOn(c)
		}},
		{Op: posix.OpSeccompGetFilter, Name: "with too little room", Need: Root, Run: func(t *T) {
			c := t.waiting(older)
			buf := make([]posix.SockFilter, len(older)-1)
			n, err := t.Core.SeccompGetFilter(c.PID, 0, buf)
			t.Must("seccomp_get_filter", err)
			t.Equal("length", n, len(older))
			t.Equal("copied", slices.Equal(buf, make([]posix.SockFilter, len(buf))), true)
			n, err = t.Core.SeccompGetFilter(c.PID, 0, nil)
			t.Must("seccomp_get_filter", err)
			t.Equal("length", n, len(older))
			t.goesOn(c)
		}},
		{Op: posix.OpSeccompGetFilter, Name: "where there is none", Need: Root, Run: func(t *T) {
			c := t.waiting()
			_, err := t.Core.SeccompGetFilter(c.PID, 0, nil)
			t.Errno("seccomp_get_filter", err, unix.EINVAL)
			t.goesOn(c)
		}},
		{Op: posix.OpSeccompGetFilter, Name: "without the capability", Need: User, Run: func(t *T) {
			c := t.waiting(older)
			_, err := t.Core.SeccompGetFilter(c.PID, 0, nil)
			t.Errno("seccomp_get_filter", err, unix.EACCES)
			t.goesOn(c)
		}},
		{Op: posix.OpSeccompGetFilter, Name: "of the caller, and of nobody", Run: func(t *T) {
			_, err := t.Core.SeccompGetFilter(t.Core.Getpid(), 0, nil)
			t.Errno("of the caller", err, unix.EPERM)
			_, err = t.Core.SeccompGetFilter(1<<30, 0, nil)
			t.Errno("of nobody", err, unix.ESRCH)
		}},
	}
}
