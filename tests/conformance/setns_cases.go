package conformance

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// namespaceKinds are those that a process with several threads can make.
var namespaceKinds = []struct {
	name string
	flag int
}{
	{"uts", unix.CLONE_NEWUTS}, {"ipc", unix.CLONE_NEWIPC}, {"net", unix.CLONE_NEWNET}, {"cgroup", unix.CLONE_NEWCGROUP},
}

// namespace returns what a link to a namespace of the caller shows.
func (t *T) namespace(name string) string {
	t.Helper()
	b := make([]byte, 100)
	n, err := t.Core.Readlinkat(posix.AtFDCWD, "/proc/thread-self/ns/"+name, b)
	t.Must("readlink", err)
	return string(b[:n])
}

// enterByNameCases are about descriptors of namespaces, as the links in /proc give them.
func enterByNameCases() []Case {
	open := func(t *T, name string) posix.FD {
		t.Helper()
		return t.FD(t.Core.Openat2(posix.AtFDCWD, "/proc/thread-self/ns/"+name, posix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC}))
	}
	return []Case{
		{Op: posix.OpSetns, Name: "back to where it came from", Need: Root, Alone: true, Run: func(t *T) {
			for _, kind := range namespaceKinds {
				before := t.namespace(kind.name)
				fd := open(t, kind.name)
				t.Must("unshare", t.Core.Unshare(kind.flag))
				if now := t.namespace(kind.name); now == before {
					t.Errorf("%s after unshare is still %s", kind.name, now)
				}
				t.Errno("setns of another kind", t.Core.Setns(fd, unix.CLONE_NEWTIME), unix.EINVAL)
				t.Errno("setns", t.Core.Setns(fd, kind.flag), 0)
				t.Equal(kind.name, t.namespace(kind.name), before)
				t.Errno("setns of any kind", t.Core.Setns(fd, 0), 0)
			}
		}},
		{Op: posix.OpSetns, Name: "of processes to come", Need: Root, Alone: true, Run: func(t *T) {
			own, children := t.namespace("pid"), t.namespace("pid_for_children")
			t.Equal("before", children, own)
			fd := open(t, "pid")
			t.Errno("setns to its own", t.Core.Setns(fd, unix.CLONE_NEWPID), 0)
			t.Equal("afterwards", t.namespace("pid_for_children"), own)
		}},
		{Op: posix.OpSetns, Name: "user and time namespaces with several threads", Need: Root, Alone: true, Run: func(t *T) {
			t.Errno("its own user namespace", t.Core.Setns(open(t, "user"), 0), unix.EINVAL)
			t.Errno("a time namespace", t.Core.Setns(open(t, "time"), 0), unix.EUSERS)
		}},
		{Op: posix.OpSetns, Name: "by name without the capability", Need: User, Alone: true, Run: func(t *T) {
			for _, kind := range namespaceKinds {
				t.Errno(kind.name, t.Core.Setns(open(t, kind.name), 0), unix.EPERM)
			}
		}},
		{Op: posix.OpReadlinkat, Name: "a namespace is a file", Run: func(t *T) {
			fd := open(t, "uts")
			var st, again posix.Stat
			t.Must("fstat", t.Core.Fstat(fd, &st))
			t.Equal("mode", st.Mode, uint32(unix.S_IFREG|0o444))
			t.Must("stat", t.Core.Fstatat(posix.AtFDCWD, "/proc/thread-self/ns/uts", &again, 0))
			t.Equal("the same file", again.Ino, st.Ino)
			if want := t.namespace("uts"); !strings.HasPrefix(want, "uts:[") {
				t.Errorf("the link shows %q", want)
			}
			_, err := t.Core.Read(fd, make([]byte, 1))
			t.Errno("read", err, unix.EINVAL)
			ep := t.FD(t.Core.EpollCreate1(unix.EPOLL_CLOEXEC))
			t.Errno("epoll", t.Core.EpollCtl(ep, unix.EPOLL_CTL_ADD, fd, &posix.EpollEvent{Events: unix.EPOLLIN}), unix.EPERM)
		}},
	}
}
