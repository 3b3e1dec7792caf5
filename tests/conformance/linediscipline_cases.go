package conformance

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// typing is what somebody types into a terminal with some settings: what the screen shows, and what the program reads.
type typing struct {
	name               string
	change             func(s *posix.Termios)
	typed, echo, reads string
}

// typings are tried on a terminal of their own each. Source: termios(3), n_tty.c.
var typings = []typing{
	{"ISTRIP", func(s *posix.Termios) { s.Iflag |= unix.ISTRIP }, "\xe1\n", "a\r\n", "a\n"},
	{"IGNCR", func(s *posix.Termios) { s.Iflag |= unix.IGNCR }, "a\rb\n", "ab\r\n", "ab\n"},
	{"INLCR", func(s *posix.Termios) { s.Iflag |= unix.INLCR; s.Iflag &^= unix.ICRNL; s.Lflag &^= unix.ICANON }, "a\n", "a^M", "a\r"},
	{"VKILL without ECHOKE", func(s *posix.Termios) { s.Lflag &^= unix.ECHOKE }, "ab\x15c\n", "ab^U\r\nc\r\n", "c\n"},
	{"VKILL without ECHOKE and ECHOK", func(s *posix.Termios) { s.Lflag &^= unix.ECHOKE | unix.ECHOK }, "ab\x15c\n", "ab^Uc\r\n", "c\n"},
	{"VREPRINT", func(*posix.Termios) {}, "ab\x12c\n", "ab^R\r\nabc\r\n", "abc\n"},
	{"VEOL", func(s *posix.Termios) { s.Cc[unix.VEOL] = ';' }, "ab;", "ab;", "ab;"},
	{"VEOL2", func(s *posix.Termios) { s.Cc[unix.VEOL2] = '.' }, "ab.", "ab.", "ab."},
	{"VERASE of a control character", func(*posix.Termios) {}, "a\x01\x7fb\n", "a^A\b \b\b \bb\r\n", "ab\n"},
	{"VERASE without ECHO", func(s *posix.Termios) { s.Lflag &^= unix.ECHO; s.Lflag |= unix.ECHONL }, "ab\x7fc\n", "\r\n", "ac\n"},
	{"VERASE without ECHOE", func(s *posix.Termios) { s.Lflag &^= unix.ECHOE }, "ab\x7fc\n", "ab^?c\r\n", "ac\n"},
	{"OLCUC", func(s *posix.Termios) { s.Oflag |= unix.OLCUC }, "aB\n", "AB\r\n", "aB\n"},
	{"a signal to nobody", func(*posix.Termios) {}, "ab\x03c\n", "^Cc\r\n", "c\n"},
	{"a signal without a flush", func(s *posix.Termios) { s.Lflag |= unix.NOFLSH }, "ab\x1cc\n", "ab^\\c\r\n", "abc\n"},
	{"no signals", func(s *posix.Termios) { s.Lflag &^= unix.ISIG }, "\x03\x1a\n", "^C^Z\r\n", "\x03\x1a\n"},
	{"VSTOP and VSTART are not read", func(*posix.Termios) {}, "a\x13\x11b\n", "ab\r\n", "ab\n"},
	{"without IXON", func(s *posix.Termios) { s.Iflag &^= unix.IXON }, "\x13\n", "^S\r\n", "\x13\n"},
	{"without ECHOCTL", func(s *posix.Termios) { s.Lflag &^= unix.ECHOCTL }, "\x01\n", "\x01\r\n", "\x01\n"},
}

func lineDisciplineCases() []Case {
	return []Case{
		{Op: posix.OpTcsetattr, Name: "settings of the line discipline", Run: func(t *T) {
			for _, c := range typings {
				m, s := t.terminal()
				t.changes(s, c.change)
				t.writes(c.name, m, c.typed)
				t.shows(c.name+": echo", m, c.echo)
				t.shows(c.name+": line", s, c.reads)
			}
		}},
		{Op: posix.OpTcsetattr, Name: "output that is changed", Run: func(t *T) {
			m, s := t.terminal()
			t.changes(s, func(s *posix.Termios) { s.Oflag |= unix.OCRNL })
			t.writes("OCRNL", s, "a\rb")
			t.shows("OCRNL", m, "a\nb")
			t.changes(s, func(s *posix.Termios) { s.Oflag = 0 })
			t.writes("without OPOST", s, "a\r\n")
			t.shows("without OPOST", m, "a\r\n")
		}},
		{Op: posix.OpTcsetattr, Name: "output is stopped", Run: func(t *T) {
			m, s := t.terminal()
			t.writes("VSTOP", m, "\x13")
			t.Equal("poll while it is stopped", t.polled(s, unix.POLLOUT), int16(0))
			_, err := t.Core.Write(s, []byte("x"))
			t.Errno("write", err, unix.EAGAIN)
			t.writes("VSTART", m, "\x11")
			t.Equal("poll afterwards", t.await(s, unix.POLLOUT), int16(unix.POLLOUT))
			t.writes("output", s, "x")
			t.shows("output", m, "x")
			t.changes(s, func(s *posix.Termios) { s.Iflag |= unix.IXANY })
			t.writes("VSTOP again", m, "\x13")
			t.writes("any character", m, "y")
			t.Equal("poll after any character", t.await(s, unix.POLLOUT), int16(unix.POLLOUT))
		}},
		{Op: posix.OpTcsetattr, Name: "canonical mode ends while lines wait", Run: func(t *T) {
			m, s := t.terminal()
			t.changes(s, func(s *posix.Termios) { s.Lflag &^= unix.ECHO })
			t.writes("typed", m, "one\ntwo\nthr")
			t.Equal("poll", t.await(s, unix.POLLIN), int16(unix.POLLIN))
			t.changes(s, func(s *posix.Termios) { s.Lflag &^= unix.ICANON })
			t.shows("all of it", s, "one\ntwo\nthr")
		}},
		{Op: posix.OpTcsetattr, Name: "no least number of characters", Run: func(t *T) {
			m, s := t.terminal()
			t.changes(s, func(s *posix.Termios) { s.Lflag &^= unix.ICANON | unix.ECHO; s.Cc[unix.VMIN] = 0 })
			n, err := t.Core.Read(s, make([]byte, 4))
			t.Equal("nothing typed", n, 0)
			t.Errno("nothing typed", err, 0)
			t.writes("typed", m, "ab")
			t.shows("typed", s, "ab")
		}},
	}
}

// changes changes the settings of a terminal.
func (t *T) changes(fd posix.FD, change func(s *posix.Termios)) {
	t.Helper()
	var s posix.Termios
	t.Must("get", t.Core.Tcgetattr(fd, &s))
	change(&s)
	t.Must("set", t.Core.Tcsetattr(fd, 0, &s))
}
