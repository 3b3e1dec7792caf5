package conformance

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

const ptyFlags = unix.O_RDWR | unix.O_NOCTTY | unix.O_CLOEXEC | unix.O_NONBLOCK

// terminal makes a pseudo-terminal, both sides of which do not wait.
func (t *T) terminal() (master, slave posix.FD) {
	t.Helper()
	master = t.FD(t.Core.PosixOpenpt(ptyFlags))
	t.Must("unlock", t.Core.Unlockpt(master))
	return master, t.FD(t.Core.OpenPeer(master, ptyFlags))
}

// raw switches the line discipline off.
func (t *T) raw(fd posix.FD) {
	t.Helper()
	var s posix.Termios
	t.Must("get", t.Core.Tcgetattr(fd, &s))
	s.Iflag, s.Lflag = 0, 0
	s.Oflag &^= unix.OPOST
	t.Must("set", t.Core.Tcsetattr(fd, 0, &s))
}

// shows reads from one side of a terminal until a text has come.
func (t *T) shows(what string, fd posix.FD, want string) {
	t.Helper()
	got := ""
	for len(got) < len(want) {
		t.await(fd, unix.POLLIN)
		b := make([]byte, len(want)-len(got))
		n, err := t.Core.Read(fd, b)
		if err != nil || n == 0 {
			t.Errorf("%s: %q, then %d, %v, want %q", what, got, n, err, want)
			return
		}
		got += string(b[:n])
	}
	t.Equal(what, got, want)
}

func terminalsCases() []Case {
	return []Case{
		{Op: posix.OpPosixOpenpt, Name: "a master", Run: func(t *T) {
			m := t.FD(t.Core.PosixOpenpt(ptyFlags))
			var st posix.Stat
			t.Must("stat", t.Core.Fstat(m, &st))
			t.Equal("type", st.Mode&unix.S_IFMT, uint32(unix.S_IFCHR))
			t.Equal("poll", t.polled(m, allEvents), int16(0x104))
			_, err := t.Core.Read(m, make([]byte, 1))
			t.Errno("read", err, unix.EAGAIN)
			_, err = t.Core.Pread(m, make([]byte, 1), 0)
			t.Errno("pread", err, unix.ESPIPE)
		}},
		{Op: posix.OpPosixOpenpt, Name: "the master is the device that was opened", Run: func(t *T) {
			var of, at posix.Stat
			t.Must("stat", t.Core.Fstat(t.FD(t.Core.PosixOpenpt(ptyFlags)), &of))
			t.Must("stat /dev/ptmx", t.Core.Fstatat(posix.AtFDCWD, "/dev/ptmx", &at, 0))
			t.Equal("device", [2]uint64{of.Dev, of.Ino}, [2]uint64{at.Dev, at.Ino})
			t.Equal("number", of.Rdev, unix.Mkdev(5, 2))
		}},
		{Op: posix.OpPosixOpenpt, Name: "the name of a slave goes with the master", Run: func(t *T) {
			m, s := t.terminal()
			var st posix.Stat
			t.Must("stat", t.Core.Fstat(s, &st))
			t.Equal("links", st.Nlink, uint64(1))
			t.Equal("its owner", st.UID, t.Core.Geteuid())
			number := st.Rdev
			t.Must("close", t.Core.Close(m))
			t.Must("stat", t.Core.Fstat(s, &st))
			t.Equal("links without the master", st.Nlink, uint64(0))
			t.Equal("number", st.Rdev, number)
			_, other := t.terminal()
			t.Must("stat", t.Core.Fstat(other, &st))
			t.Equal("the number is not given twice", st.Rdev == number, false)
		}},
		{Op: posix.OpFstatfs, Name: "the other end of a terminal", Run: func(t *T) {
			master := t.FD(t.Core.PosixOpenpt(unix.O_RDWR | unix.O_NOCTTY | unix.O_CLOEXEC))
			t.Must("unlockpt", t.Core.Unlockpt(master))
			var st posix.Statfs
			t.Must("fstatfs", t.Core.Fstatfs(t.FD(t.Core.OpenPeer(master, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)), &st))
			t.Equal("type", st.Type, uint64(unix.DEVPTS_SUPER_MAGIC))
		}},
		{Op: posix.OpOpenPeer, Name: "Landlock does not allow it", Alone: true, Run: func(t *T) {
			master := t.FD(t.Core.PosixOpenpt(unix.O_RDWR | unix.O_NOCTTY | unix.O_CLOEXEC))
			rules, err := t.Core.LandlockCreateRuleset(&posix.LandlockRulesetAttr{HandledAccessFS: unix.LANDLOCK_ACCESS_FS_WRITE_FILE})
			if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EOPNOTSUPP) {
				t.Skipf("this kernel has no Landlock: %v", err)
			}
			t.FD(rules, err)
			_, err = t.Core.Prctl(posix.PrctlArgs{Op: unix.PR_SET_NO_NEW_PRIVS, Arg2: 1})
			t.Must("prctl", err)
			t.Must("landlock_restrict_self", t.Core.LandlockRestrictSelf(rules, 0))
			_, err = t.Core.OpenPeer(master, unix.O_RDWR|unix.O_NOCTTY)
			t.Errno("locked", err, unix.EACCES)
			t.Must("unlockpt", t.Core.Unlockpt(master))
			_, err = t.Core.OpenPeer(master, unix.O_RDWR|unix.O_NOCTTY)
			t.Errno("to write", err, unix.EACCES)
			t.FD(t.Core.OpenPeer(master, unix.O_RDONLY|unix.O_NOCTTY|unix.O_CLOEXEC))
		}},
		{Op: posix.OpOpenPeer, Name: "flags", Run: func(t *T) {
			m, _ := t.terminal()
			s := t.FD(t.Core.OpenPeer(m, ptyFlags|unix.O_APPEND))
			flags, err := t.Core.Fcntl(s, unix.F_GETFL, 0)
			t.Must("fcntl", err)
			t.Equal("flags", flags, unix.O_RDWR|unix.O_NONBLOCK|unix.O_APPEND|unix.O_CLOEXEC) // the last one, too
		}},
		{Op: posix.OpTcgetattr, Name: "epoll has an ioctl of its own", Run: func(t *T) {
			var s posix.Termios
			t.Errno("epoll", t.Core.Tcgetattr(t.FD(t.Core.EpollCreate1(0)), &s), unix.EINVAL)
			t.Errno("eventfd", t.Core.Tcgetattr(t.FD(t.Core.Eventfd2(0, 0)), &s), unix.ENOTTY)
		}},
		{Op: posix.OpPosixOpenpt, Name: "lines", Run: func(t *T) {
			m, s := t.terminal()
			t.writes("typed", m, "one\ntwo\n")
			t.shows("echo", m, "one\r\ntwo\r\n")
			t.wants("first", s, "one\n")
			t.wants("second", s, "two\n")
			t.writes("printed", s, "out\n")
			t.shows("printed", m, "out\r\n")
		}},
		{Op: posix.OpPosixOpenpt, Name: "editing", Run: func(t *T) {
			m, s := t.terminal()
			for _, c := range []struct{ typed, echo, line string }{
				{"ab\x7fX\n", "ab\b \bX\r\n", "aX\n"},
				{"hello\x15new\n", "hello\b \b\b \b\b \b\b \b\b \bnew\r\n", "new\n"},
				{"one two\x17\n", "one two\b \b\b \b\b \b\r\n", "one \n"},
				{"a\rb", "a\r\nb", "a\n"}, {"\n", "\r\n", "b\n"},
				{"\x01\t\x1b\n", "^A\t^[\r\n", "\x01\t\x1b\n"},
				{"\x16\x03\n", "^\b^C\r\n", "\x03\n"},
				{"ab\x04", "ab", "ab"},
			} {
				t.writes("typed", m, c.typed)
				t.shows("echo", m, c.echo)
				t.shows("line", s, c.line)
			}
		}},
		{Op: posix.OpPosixOpenpt, Name: "end of the input", Run: func(t *T) {
			m, s := t.terminal()
			t.writes("typed", m, "\x04")
			t.Equal("poll", t.await(s, unix.POLLIN), int16(unix.POLLIN))
			t.wants("end", s, "")
			_, err := t.Core.Read(s, make([]byte, 1))
			t.Errno("once", err, unix.EAGAIN)
		}},
		{Op: posix.OpPosixOpenpt, Name: "the master is closed", Run: func(t *T) {
			m, s := t.terminal()
			t.Must("close", t.Core.Close(m))
			t.Equal("poll", t.polled(s, allEvents), int16(0x15d))
			t.wants("end", s, "")
			_, err := t.Core.Write(s, []byte("x"))
			t.Errno("write", err, unix.EIO)
			var settings posix.Termios
			t.Errno("settings", t.Core.Tcgetattr(s, &settings), unix.EIO)
		}},
		{Op: posix.OpUnlockpt, Name: "not a master", Run: func(t *T) {
			r, _ := t.pipe(0)
			_, s := t.terminal()
			t.Errno("a pipe", t.Core.Unlockpt(r), unix.ENOTTY)
			t.Errno("a slave", t.Core.Unlockpt(s), unix.ENOTTY)
			t.Errno("nothing", t.Core.Unlockpt(-1), unix.EBADF)
		}},
		{Op: posix.OpUnlockpt, Name: "locked at first", Run: func(t *T) {
			m := t.FD(t.Core.PosixOpenpt(ptyFlags))
			_, err := t.Core.OpenPeer(m, ptyFlags)
			t.Errno("open", err, unix.EIO)
			t.Errno("unlock", t.Core.Unlockpt(m), 0)
			t.FD(t.Core.OpenPeer(m, ptyFlags))
		}},
		{Op: posix.OpUnlockpt, Name: "again", Run: func(t *T) {
			m, _ := t.terminal()
			t.Errno("unlock", t.Core.Unlockpt(m), 0)
		}},
		{Op: posix.OpOpenPeer, Name: "not a master", Run: func(t *T) {
			r, _ := t.pipe(0)
			_, s := t.terminal()
			_, err := t.Core.OpenPeer(r, ptyFlags)
			t.Errno("a pipe", err, unix.ENOTTY)
			_, err = t.Core.OpenPeer(s, ptyFlags)
			t.Errno("a slave", err, unix.EIO)
			_, err = t.Core.OpenPeer(-1, ptyFlags)
			t.Errno("nothing", err, unix.EBADF)
		}},
		{Op: posix.OpOpenPeer, Name: "all closed", Run: func(t *T) {
			m, s := t.terminal()
			t.raw(s)
			t.writes("left", s, "left")
			t.Must("close", t.Core.Close(s))
			t.shows("left", m, "left")
			t.Equal("poll", t.polled(m, allEvents), int16(0x114))
			_, err := t.Core.Read(m, make([]byte, 1))
			t.Errno("read", err, unix.EIO)
			s = t.FD(t.Core.OpenPeer(m, ptyFlags))
			t.Equal("poll", t.polled(m, allEvents), int16(0x104))
			_, err = t.Core.Read(m, make([]byte, 1))
			t.Errno("read", err, unix.EAGAIN)
		}},
		{Op: posix.OpOpenPeer, Name: "only to read", Run: func(t *T) {
			m, _ := t.terminal()
			s := t.FD(t.Core.OpenPeer(m, unix.O_RDONLY|unix.O_NOCTTY|unix.O_CLOEXEC))
			_, err := t.Core.Write(s, []byte("x"))
			t.Errno("write", err, unix.EBADF)
			n, err := t.Core.Fcntl(s, unix.F_GETFD, 0)
			t.count("close-on-exec", n, err, unix.FD_CLOEXEC)
		}},
		{Op: posix.OpTcgetattr, Name: "a new terminal", Run: func(t *T) {
			m, s := t.terminal()
			for _, fd := range []posix.FD{m, s} {
				var got posix.Termios
				t.Must("get", t.Core.Tcgetattr(fd, &got))
				t.Equal("settings", got, posix.Termios{Iflag: 0x500, Oflag: 5, Cflag: 0xbf, Lflag: 0x8a3b,
					Cc: [19]uint8{3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22}})
			}
		}},
		{Op: posix.OpTcgetattr, Name: "not a terminal", Run: func(t *T) {
			r, _ := t.pipe(0)
			var s posix.Termios
			t.Errno("a pipe", t.Core.Tcgetattr(r, &s), unix.ENOTTY)
			t.Errno("a file", t.Core.Tcgetattr(t.File("f", ""), &s), unix.ENOTTY)
			t.Errno("nothing", t.Core.Tcgetattr(-1, &s), unix.EBADF)
		}},
		{Op: posix.OpTcgetattr, Name: "a path", Run: func(t *T) {
			t.File("f", "")
			var s posix.Termios
			t.Errno("O_PATH", t.Core.Tcgetattr(t.Open("f", unix.O_PATH), &s), unix.EBADF)
		}},
		{Op: posix.OpTcsetattr, Name: "raw", Run: func(t *T) {
			m, s := t.terminal()
			t.raw(m)
			var got posix.Termios
			t.Must("get", t.Core.Tcgetattr(s, &got))
			t.Equal("both sides", got.Lflag, uint32(0))
			t.writes("typed", m, "\x03\r\n\x04")
			t.shows("all of it", s, "\x03\r\n\x04")
			_, err := t.Core.Read(m, make([]byte, 1))
			t.Errno("no echo", err, unix.EAGAIN)
			t.writes("printed", s, "a\nb")
			t.shows("as it is", m, "a\nb")
		}},
		{Op: posix.OpTcsetattr, Name: "not a terminal", Run: func(t *T) {
			r, _ := t.pipe(0)
			t.Errno("a pipe", t.Core.Tcsetattr(r, 0, &posix.Termios{}), unix.ENOTTY)
			t.Errno("nothing", t.Core.Tcsetattr(-1, 0, &posix.Termios{}), unix.EBADF)
		}},
		{Op: posix.OpTcsetattr, Name: "actions", Run: func(t *T) {
			_, s := t.terminal()
			var got posix.Termios
			t.Must("get", t.Core.Tcgetattr(s, &got))
			for _, actions := range []int{-1, 2, 3} {
				t.Errno("unknown", t.Core.Tcsetattr(s, actions, &got), unix.EINVAL)
			}
			t.Errno("now", t.Core.Tcsetattr(s, 0, &got), 0)
			t.Errno("drained", t.Core.Tcsetattr(s, 1, &got), 0)
		}},
		{Op: posix.OpTcsetattr, Name: "what was typed before", Run: func(t *T) {
			m, s := t.terminal()
			t.writes("typed", m, "abc")
			t.shows("echo", m, "abc")
			_, err := t.Core.Read(s, make([]byte, 10))
			t.Errno("no line", err, unix.EAGAIN)
			t.raw(s)
			t.shows("without one", s, "abc")
		}},
		{Op: posix.OpTcgetwinsize, Name: "a new terminal", Run: func(t *T) {
			m, _ := t.terminal()
			w := posix.Winsize{Rows: 1}
			t.Must("get", t.Core.Tcgetwinsize(m, &w))
			t.Equal("size", w, posix.Winsize{})
		}},
		{Op: posix.OpTcgetwinsize, Name: "of the other side", Run: func(t *T) {
			m, s := t.terminal()
			t.Must("set", t.Core.Tcsetwinsize(m, posix.Winsize{Rows: 24, Cols: 80, Xpixel: 1, Ypixel: 2}))
			var w posix.Winsize
			t.Must("get", t.Core.Tcgetwinsize(s, &w))
			t.Equal("size", w, posix.Winsize{Rows: 24, Cols: 80, Xpixel: 1, Ypixel: 2})
		}},
		{Op: posix.OpTcgetwinsize, Name: "not a terminal", Run: func(t *T) {
			var w posix.Winsize
			t.Errno("a file", t.Core.Tcgetwinsize(t.File("f", ""), &w), unix.ENOTTY)
			t.Errno("nothing", t.Core.Tcgetwinsize(-1, &w), unix.EBADF)
		}},
		{Op: posix.OpTcsetwinsize, Name: "from both sides", Run: func(t *T) {
			m, s := t.terminal()
			for i, fd := range []posix.FD{m, s} {
				want := posix.Winsize{Rows: uint16(i + 1), Cols: 65535}
				t.Errno("set", t.Core.Tcsetwinsize(fd, want), 0)
				var w posix.Winsize
				t.Must("get", t.Core.Tcgetwinsize(m, &w))
				t.Equal("size", w, want)
			}
		}},
		{Op: posix.OpTcsetwinsize, Name: "not a terminal", Run: func(t *T) {
			t.Errno("a directory", t.Core.Tcsetwinsize(t.Dir, posix.Winsize{}), unix.ENOTTY)
			t.Errno("nothing", t.Core.Tcsetwinsize(-1, posix.Winsize{}), unix.EBADF)
		}},
		{Op: posix.OpTcsetwinsize, Name: "hung up", Run: func(t *T) {
			m, s := t.terminal()
			t.Must("close", t.Core.Close(m))
			t.Errno("set", t.Core.Tcsetwinsize(s, posix.Winsize{}), unix.EIO)
		}},
	}
}
