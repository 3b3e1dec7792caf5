package conformance

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// kinds returns a descriptor of each kind that is no file with a name, in a fixed order. Those that only some can make are left out.
func (t *T) kinds() (names []string, fds map[string]posix.FD) {
	t.Helper()
	fds = map[string]posix.FD{}
	add := func(name string, fd posix.FD, err error) {
		t.Helper()
		names, fds[name] = append(names, name), t.FD(fd, err)
	}
	r, w, err := t.Core.Pipe2(unix.O_CLOEXEC | unix.O_NONBLOCK)
	add("pipe's reader", r, err)
	add("pipe's writer", w, err)
	a, b, err := t.Core.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	add("socket", a, err)
	t.FD(b, err)
	for _, k := range []struct {
		name string
		make func() (posix.FD, error)
	}{
		{"tcp socket", func() (posix.FD, error) {
			return t.Core.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		}},
		{"epoll", func() (posix.FD, error) { return t.Core.EpollCreate1(unix.EPOLL_CLOEXEC) }},
		{"eventfd", func() (posix.FD, error) { return t.Core.Eventfd2(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK) }},
		{"timerfd", func() (posix.FD, error) {
			return t.Core.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
		}},
		{"signalfd", func() (posix.FD, error) {
			return t.Core.Signalfd4(-1, posix.Sigbit(unix.SIGUSR2), unix.SFD_CLOEXEC|unix.SFD_NONBLOCK)
		}},
		{"pidfd", func() (posix.FD, error) { return t.Core.PidfdOpen(t.Core.Getpid(), 0) }},
		{"memfd", func() (posix.FD, error) { return t.Core.MemfdCreate("m", unix.MFD_CLOEXEC) }},
		{"directory", func() (posix.FD, error) {
			return t.Core.Openat2(t.Dir, ".", posix.OpenHow{Flags: unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC})
		}},
		{"path", func() (posix.FD, error) {
			return t.Core.Openat2(t.Dir, ".", posix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC})
		}},
	} {
		fd, err := k.make()
		add(k.name, fd, err)
	}
	if abi, err := t.Core.LandlockABI(); err == nil && abi > 0 {
		fd, err := t.Core.LandlockCreateRuleset(&posix.LandlockRulesetAttr{HandledAccessFS: fsRead})
		add("ruleset", fd, err)
	}
	if fd, err := t.Core.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC); err != unix.EPERM {
		add("file system", fd, err)
	}
	return names, fds
}

// eachKind makes calls on a descriptor of each kind, and compares the words for their answers with what is wanted of the kind, or else of "".
func (t *T) eachKind(want map[string]string, calls ...func(fd posix.FD) (any, error)) {
	t.Helper()
	names, fds := t.kinds()
	var st posix.Stat
	t.Must("fstat", t.Core.Fstat(fds["pidfd"], &st))
	if st.Mode != 0o700 {
		t.Skipf("a pidfd has mode %#o, so this Linux is older than 6.16: anonymous inodes are as they were", st.Mode)
	}
	for _, kind := range names {
		var got []string
		for _, call := range calls {
			value, err := call(fds[kind])
			switch errno, ok := err.(posix.Errno); {
			case err == nil:
				got = append(got, fmt.Sprint(value))
			case ok:
				got = append(got, name(errno))
			default:
				t.Fatalf("%s: %v", kind, err)
			}
		}
		expected, ok := want[kind]
		if !ok {
			expected = want[""]
		}
		t.Equal(kind, strings.Join(got, " "), expected)
	}
}

func kindsCases() []Case {
	seek := func(t *T, off int64, whence int) func(fd posix.FD) (any, error) {
		return func(fd posix.FD) (any, error) { return t.Core.Lseek(fd, off, whence) }
	}
	return []Case{
		{Op: posix.OpLseek, Name: "every kind of descriptor", Run: func(t *T) {
			t.eachKind(map[string]string{
				"":          "ESPIPE ESPIPE ESPIPE ESPIPE ESPIPE ESPIPE ESPIPE",
				"epoll":     "0 0 0 0 0 0 0",
				"eventfd":   "0 0 0 0 0 0 0",
				"timerfd":   "0 0 0 0 0 0 0",
				"signalfd":  "0 0 0 0 0 0 0",
				"memfd":     "5 6 EINVAL 1 ENXIO ENXIO 4611686018427387904",
				"directory": "5 6 EINVAL EINVAL EINVAL EINVAL 4611686018427387904",
				"path":      "EBADF EBADF EBADF EBADF EBADF EBADF EBADF",
			}, seek(t, 5, unix.SEEK_SET), seek(t, 1, unix.SEEK_CUR), seek(t, -5, unix.SEEK_SET), seek(t, 1, unix.SEEK_END),
				seek(t, 0, unix.SEEK_DATA), seek(t, 0, unix.SEEK_HOLE), seek(t, 1<<62, unix.SEEK_SET))
		}},
		{Op: posix.OpPread, Name: "every kind of descriptor", Run: func(t *T) {
			read := func(size int, off int64) func(fd posix.FD) (any, error) {
				return func(fd posix.FD) (any, error) { return t.Core.Pread(fd, make([]byte, size), off) }
			}
			t.eachKind(map[string]string{
				"":          "ESPIPE ESPIPE ESPIPE ESPIPE",
				"pidfd":     "EINVAL EINVAL EINVAL EINVAL",
				"memfd":     "0 0 0 0",
				"directory": "EISDIR EISDIR EISDIR EISDIR",
				"path":      "EBADF EBADF EBADF EBADF",
			}, read(0, 0), read(8, 0), read(8, 5), read(8, 1<<62))
		}},
		{Op: posix.OpPwrite, Name: "every kind of descriptor", Run: func(t *T) {
			write := func(size int, off int64) func(fd posix.FD) (any, error) {
				return func(fd posix.FD) (any, error) { return t.Core.Pwrite(fd, make([]byte, size), off) }
			}
			t.eachKind(map[string]string{
				"":          "ESPIPE ESPIPE ESPIPE",
				"pidfd":     "EINVAL EINVAL EINVAL",
				"memfd":     "0 8 8",
				"directory": "EBADF EBADF EBADF",
				"path":      "EBADF EBADF EBADF",
			}, write(0, 0), write(8, 0), write(8, 5))
		}},
		{Op: posix.OpRead, Name: "every kind of descriptor", Run: func(t *T) {
			read := func(size int) func(fd posix.FD) (any, error) {
				return func(fd posix.FD) (any, error) { return t.Core.Read(fd, make([]byte, size)) }
			}
			t.eachKind(map[string]string{
				"":              "EINVAL EINVAL EINVAL EINVAL",
				"pipe's reader": "0 EAGAIN EAGAIN EAGAIN",
				"pipe's writer": "EBADF EBADF EBADF EBADF",
				"socket":        "0 EAGAIN EAGAIN EAGAIN",
				"tcp socket":    "0 ENOTCONN ENOTCONN ENOTCONN",
				"eventfd":       "EINVAL EINVAL EAGAIN EAGAIN",
				"timerfd":       "EINVAL EINVAL EAGAIN EAGAIN",
				"signalfd":      "EINVAL EINVAL EINVAL EAGAIN",
				"memfd":         "0 0 0 0",
				"directory":     "EISDIR EISDIR EISDIR EISDIR",
				"path":          "EBADF EBADF EBADF EBADF",
				"file system":   "ENODATA ENODATA ENODATA ENODATA",
			}, read(0), read(1), read(8), read(200))
		}},
		{Op: posix.OpWrite, Name: "every kind of descriptor", Run: func(t *T) {
			write := func(size int) func(fd posix.FD) (any, error) {
				return func(fd posix.FD) (any, error) { return t.Core.Write(fd, make([]byte, size)) }
			}
			t.eachKind(map[string]string{
				"":              "EINVAL EINVAL EINVAL",
				"pipe's reader": "EBADF EBADF EBADF",
				"pipe's writer": "0 1 8",
				"socket":        "0 1 8",
				"tcp socket":    "EPIPE EPIPE EPIPE",
				"eventfd":       "EINVAL EINVAL 8",
				"memfd":         "0 1 8",
				"directory":     "EBADF EBADF EBADF",
				"path":          "EBADF EBADF EBADF",
			}, write(0), write(1), write(8))
		}},
		{Op: posix.OpFstatfs, Name: "every kind of descriptor", Run: func(t *T) {
			t.eachKind(map[string]string{
				"":              "0x9041934 255",
				"pipe's reader": "0x50495045 255",
				"pipe's writer": "0x50495045 255",
				"socket":        "0x534f434b 255",
				"tcp socket":    "0x534f434b 255",
				"pidfd":         "0x50494446 255",
				"memfd":         "0x1021994 255",
				"directory":     "0x1021994 255",
				"path":          "0x1021994 255",
			}, func(fd posix.FD) (any, error) {
				var st posix.Statfs
				err := t.Core.Fstatfs(fd, &st)
				return fmt.Sprintf("%#x %d", st.Type, st.Namelen), err
			})
		}},
		{Op: posix.OpFstat, Name: "every kind of descriptor", Run: func(t *T) {
			t.eachKind(map[string]string{
				"":              "0600 1",
				"pipe's reader": "010600 1",
				"pipe's writer": "010600 1",
				"socket":        "0140700 1",
				"tcp socket":    "0140700 1",
				"pidfd":         "0700 1",
				"memfd":         "0100700 0",
				"directory":     "040700 2",
				"path":          "040700 2",
			}, func(fd posix.FD) (any, error) {
				var st posix.Stat
				err := t.Core.Fstat(fd, &st)
				return fmt.Sprintf("%#o %d", st.Mode&^0o077, st.Nlink), err
			})
		}},
		{Op: posix.OpFsync, Name: "every kind of descriptor", Run: func(t *T) {
			t.eachKind(map[string]string{
				"":          "EINVAL",
				"memfd":     "done",
				"directory": "done",
				"path":      "EBADF",
			}, func(fd posix.FD) (any, error) { return "done", t.Core.Fsync(fd) })
		}},
		{Op: posix.OpFtruncate, Name: "every kind of descriptor", Run: func(t *T) {
			t.eachKind(map[string]string{
				"":      "EINVAL EINVAL",
				"pidfd": "ENOTSUP EINVAL",
				"memfd": "done EINVAL",
				"path":  "EBADF EINVAL",
			}, func(fd posix.FD) (any, error) { return "done", t.Core.Ftruncate(fd, 1) },
				func(fd posix.FD) (any, error) { return "done", t.Core.Ftruncate(fd, -1) })
		}},
		{Op: posix.OpFlock, Name: "every kind of descriptor", Run: func(t *T) {
			t.eachKind(map[string]string{
				"":              "done",
				"pipe's writer": "EAGAIN",
				"eventfd":       "EAGAIN",
				"timerfd":       "EAGAIN",
				"signalfd":      "EAGAIN",
				"path":          "EBADF",
				"ruleset":       "EAGAIN",
				"file system":   "EAGAIN",
			}, func(fd posix.FD) (any, error) { return "done", t.Core.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) })
		}},
		{Op: posix.OpGetdents, Name: "every kind of descriptor", Run: func(t *T) {
			t.eachKind(map[string]string{
				"":          "ENOTDIR",
				"directory": "true",
				"path":      "EBADF",
			}, func(fd posix.FD) (any, error) {
				n, err := t.Core.Getdents(fd, make([]byte, 4096))
				return n > 0, err
			})
		}},
		{Op: posix.OpFcntl, Name: "every kind of descriptor", Run: func(t *T) {
			control := func(cmd, arg int) func(fd posix.FD) (any, error) {
				return func(fd posix.FD) (any, error) {
					n, err := t.Core.Fcntl(fd, cmd, arg)
					return fmt.Sprintf("%#x", n), err
				}
			}
			t.eachKind(map[string]string{
				"":              "0x802 0x0 0xc02 EINVAL EINVAL EBADF",
				"pipe's reader": "0x800 0x0 0xc00 EINVAL EPERM 0x10000",
				"pipe's writer": "0x801 0x0 0xc01 EINVAL EINVAL 0x10000",
				"epoll":         "0x2 0x0 0xc02 EINVAL EINVAL EBADF",
				"pidfd":         "0x2 0x0 0xc02 EINVAL EINVAL EBADF",
				"memfd":         "0x8002 0x0 0x8c02 0x1 EPERM EBADF",
				"directory":     "0x18000 0x0 0x18c00 EINVAL EPERM EBADF",
				"path":          "0x200000 EBADF 0x200000 EBADF EBADF EBADF",
				"ruleset":       "0x2 0x0 0xc02 EINVAL EINVAL EBADF",
				"file system":   "0x2 0x0 0xc02 EINVAL EINVAL EBADF",
			}, control(unix.F_GETFL, 0), control(unix.F_SETFL, unix.O_NONBLOCK|unix.O_APPEND), control(unix.F_GETFL, 0),
				control(unix.F_GET_SEALS, 0), control(unix.F_ADD_SEALS, 0), control(unix.F_GETPIPE_SZ, 0))
		}},
		{Op: posix.OpMmap, Name: "every kind of descriptor", Run: func(t *T) {
			t.eachKind(map[string]string{
				"":              "ENODEV",
				"pipe's writer": "EACCES",
				"tcp socket":    "done",
				"memfd":         "done",
				"path":          "EBADF",
			}, func(fd posix.FD) (any, error) {
				b, err := t.Core.Mmap(posix.Mapping{Length: 4096, Prot: unix.PROT_READ, Flags: unix.MAP_SHARED, FD: fd})
				if err == nil {
					err = t.Core.Munmap(b)
				}
				return "done", err
			})
		}},
		{Op: posix.OpEpollCtl, Name: "every kind of descriptor", Run: func(t *T) {
			ep := t.FD(t.Core.EpollCreate1(unix.EPOLL_CLOEXEC))
			t.eachKind(map[string]string{
				"":            "done",
				"memfd":       "EPERM",
				"directory":   "EPERM",
				"path":        "EBADF",
				"ruleset":     "EPERM",
				"file system": "EPERM",
			}, func(fd posix.FD) (any, error) {
				return "done", t.Core.EpollCtl(ep, unix.EPOLL_CTL_ADD, fd, &posix.EpollEvent{Events: unix.EPOLLIN})
			})
		}},
		{Op: posix.OpPpoll, Name: "every kind of descriptor", Run: func(t *T) {
			t.eachKind(map[string]string{
				"":              "0x0",
				"pipe's writer": "0x104",
				"socket":        "0x304",
				"tcp socket":    "0x114",
				"eventfd":       "0x4",
				"memfd":         "0x145",
				"directory":     "0x145",
				"path":          "0x20",
				"ruleset":       "0x145",
				"file system":   "0x145",
			}, func(fd posix.FD) (any, error) {
				fds := []posix.PollFD{{FD: fd, Events: ^0}}
				_, err := t.Core.Ppoll(fds, &posix.Timespec{})
				return fmt.Sprintf("%#x", fds[0].Revents), err
			})
		}},
		{Op: posix.OpTcgetattr, Name: "every kind of descriptor", Run: func(t *T) {
			t.eachKind(map[string]string{
				"":      "ENOTTY ENOTTY ENOTTY ENOTTY",
				"epoll": "EINVAL EINVAL EINVAL EINVAL",
				"path":  "EBADF EBADF EBADF EBADF",
			}, func(fd posix.FD) (any, error) { return "done", t.Core.Tcgetattr(fd, &posix.Termios{}) },
				func(fd posix.FD) (any, error) { return "done", t.Core.Tcgetwinsize(fd, &posix.Winsize{}) },
				func(fd posix.FD) (any, error) { return "done", t.Core.Tcsetwinsize(fd, posix.Winsize{}) },
				func(fd posix.FD) (any, error) { return "done", t.Core.Unlockpt(fd) })
		}},
		{Op: posix.OpGetsockoptInt, Name: "every kind of descriptor", Run: func(t *T) {
			t.eachKind(map[string]string{
				"":           "ENOTSOCK",
				"socket":     "1",
				"tcp socket": "1",
				"path":       "EBADF",
			}, func(fd posix.FD) (any, error) { return t.Core.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE) })
		}},
		{Op: posix.OpFchownat, Name: "every kind of descriptor", Run: func(t *T) {
			t.eachKind(map[string]string{
				"":            "done",
				"epoll":       "ENOTSUP",
				"eventfd":     "ENOTSUP",
				"timerfd":     "ENOTSUP",
				"signalfd":    "ENOTSUP",
				"pidfd":       "ENOTSUP",
				"ruleset":     "ENOTSUP",
				"file system": "ENOTSUP",
			}, func(fd posix.FD) (any, error) {
				return "done", t.Core.Fchownat(posix.Chown{Dir: fd, UID: t.Core.Geteuid(), GID: t.Core.Getegid(), Flags: unix.AT_EMPTY_PATH})
			})
		}},
		{Op: posix.OpUtimensat, Name: "every kind of descriptor", Run: func(t *T) {
			t.eachKind(map[string]string{
				"":            "done",
				"epoll":       "ENOTSUP",
				"eventfd":     "ENOTSUP",
				"timerfd":     "ENOTSUP",
				"signalfd":    "ENOTSUP",
				"pidfd":       "ENOTSUP",
				"ruleset":     "ENOTSUP",
				"file system": "ENOTSUP",
			}, func(fd posix.FD) (any, error) {
				return "done", t.Core.Utimensat(posix.Utimes{Dir: fd, Flags: unix.AT_EMPTY_PATH})
			})
		}},
		{Op: posix.OpFaccessat2, Name: "every kind of descriptor", Need: Root, Run: func(t *T) {
			access := func(mode int) func(fd posix.FD) (any, error) {
				return func(fd posix.FD) (any, error) { return "done", t.Core.Faccessat2(fd, "", mode, unix.AT_EMPTY_PATH) }
			}
			t.eachKind(map[string]string{
				"":           "done done EACCES",
				"socket":     "done done done",
				"tcp socket": "done done done",
				"memfd":      "done done done",
				"directory":  "done done done",
				"path":       "done done done",
			}, access(4), access(2), access(1))
		}},
	}
}
