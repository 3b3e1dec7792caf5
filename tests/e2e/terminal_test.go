package e2e

import (
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal is a pseudo-terminal that plays the one that a person sits at.
type terminal struct {
	master, slave *os.File
	shown         output // what is on the screen
}

func newTerminal(t testing.TB) *terminal {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatalf("open /dev/ptmx: %v", err)
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	term := &terminal{master: os.NewFile(uintptr(fd), "master")}
	if term.slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	term.resize(t, 24, 80)
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(&term.shown, term.master) // ends when the master is closed
	}()
	t.Cleanup(func() {
		_ = term.slave.Close()
		_ = term.master.Close()
		<-read
	})
	return term
}

func (term *terminal) resize(t testing.TB, rows, columns uint16) {
	t.Helper()
	if err := unix.IoctlSetWinsize(int(term.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns}); err != nil {
		t.Fatal(err)
	}
}

func (term *terminal) settings(t testing.TB) unix.Termios {
	t.Helper()
	s, err := unix.IoctlGetTermios(int(term.slave.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *s
}

func (term *terminal) types(t testing.TB, text string) {
	t.Helper()
	if _, err := term.master.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func (term *terminal) shows(t testing.TB, text string) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !strings.Contains(term.shown.String(), text); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the terminal does not show %q but %q", text, term.shown.String())
		}
	}
}

// at starts a program in a session of its own that has the terminal.
func (p *program) at(t testing.TB, term *terminal) *program {
	t.Helper()
	p.Stdin, p.Stdout, p.Stderr = term.slave, term.slave, term.slave
	p.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	return p.start(t)
}

func TestTerminal(t *testing.T) {
	t.Parallel()
	file := policy(t, "", module{})
	for _, c := range []struct {
		name     string
		attempts []string
		do       func(t *testing.T, term *terminal)
		shows    string
		status   int
	}{
		{name: "it is one", attempts: []string{"tty"}, shows: "tty\tok\t24x80 24x80 24x80 foreground=true\r\n"},
		{name: "status", attempts: []string{"exit:7"}, status: 7},
		{name: "killed", attempts: []string{"raise:9"}, status: 137},
		{name: "interrupt", attempts: []string{"ready"}, do: func(t *testing.T, term *terminal) {
			term.shows(t, "ready, too")
			term.types(t, "\x03")
		}, shows: "asked with interrupt"},
		{name: "quit", attempts: []string{"ready"}, do: func(t *testing.T, term *terminal) {
			term.shows(t, "ready, too")
			term.types(t, "\x1c")
		}, shows: "asked with quit"},
		{name: "a line", attempts: []string{"say:go", "line"}, do: func(t *testing.T, term *terminal) {
			term.shows(t, "say:go")
			term.types(t, "what was typed\n")
		}, shows: "line\tok\twhat was typed\r\n"},
		{name: "end of input", attempts: []string{"say:go", "line"}, do: func(t *testing.T, term *terminal) {
			term.shows(t, "say:go")
			term.types(t, "\x04")
		}, shows: "line\terror: EOF"},
		{name: "size", attempts: []string{"winch"}, do: func(t *testing.T, term *terminal) {
			term.shows(t, "watching")
			term.resize(t, 50, 132)
		}, shows: "winch\tok\t50x132"},
		{name: "a lot", attempts: []string{"flood:5000,70", "say:end"}, shows: "say:end\tok\tend"},
	} {
		t.Run(c.name, func(t *testing.T) {
			term := newTerminal(t)
			before := term.settings(t)
			p := supervisor(t, append([]string{"exec", "--policy", file, "--", place.victim}, c.attempts...)...).at(t, term)
			if c.do != nil {
				c.do(t, term)
			}
			p.ended(t)
			if got := p.ProcessState.Sys().(syscall.WaitStatus); got.ExitStatus() != c.status {
				t.Errorf("status %v, want %d:\n%s", got, c.status, term.shown.String())
			}
			term.shows(t, c.shows)
			if after := term.settings(t); after != before {
				t.Errorf("the terminal's settings are not what they were: %+v, %+v", before, after)
			}
			if c.name == "a lot" && strings.Count(term.shown.String(), strings.Repeat("x", 70)+"\r\n") != 5000 {
				t.Error("not all of it was shown")
			}
		})
	}
}

// TestTerminalInjection tries to type into the terminal that the shell reads when the command has ended: CVE-2017-5226. With a standard input
// that is no terminal the command has the real one as its standard output.
func TestTerminalInjection(t *testing.T) {
	t.Parallel()
	file := policy(t, "", module{allow: everything})
	for _, c := range []struct {
		name     string
		at       func(p *program, t testing.TB, term *terminal) *program
		attempts []string
		shows    string // in the sandbox
	}{
		{"through the standard input", (*program).at, []string{"inject:whoami", "say:done"}, "inject:whoami\tok"}, // into a terminal of its own
		{"through the standard output", (*program).outputAt, []string{"inject:whoami,1", "say:done"}, "inject:whoami,1\tEPERM"},
		{"through the standard error output", (*program).outputAt, []string{"inject:whoami,2", "say:done"}, "inject:whoami,2\tEPERM"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := typed(t, func(term *terminal) *program { return c.at(command(t, place.victim, c.attempts...), t, term) }); got != "whoami" {
				legacy, err := os.ReadFile("/proc/sys/dev/tty/legacy_tiocsti")
				if err == nil && strings.TrimSpace(string(legacy)) == "0" {
					t.Skip("this kernel lets nobody type for others: dev.tty.legacy_tiocsti is 0")
				}
				t.Fatalf("outside %q was injected, want whoami", got)
			}
			var screen *output
			if got := typed(t, func(term *terminal) *program {
				screen = &term.shown
				return c.at(execVictim(t, file, c.attempts...), t, term)
			}); got != "" {
				t.Errorf("the next one to read from the terminal gets %q", got)
			}
			if !strings.Contains(screen.String(), c.shows) {
				t.Errorf("%q is not on the screen: %q", c.shows, screen.String())
			}
		})
	}
}

// outputAt starts a program in a session of its own that has the terminal, which is not its standard input.
func (p *program) outputAt(t testing.TB, term *terminal) *program {
	p.Stdout, p.Stderr = term.slave, term.slave
	p.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 1}
	return p.start(t)
}

// typed returns what a shell would read from a terminal after a program has run at it.
func typed(t testing.TB, run func(term *terminal) *program) string {
	t.Helper()
	term := newTerminal(t)
	p := run(term)
	p.ended(t)
	if p.ProcessState.ExitCode() != 0 {
		t.Fatalf("%s: %v\n%s", p, p.ProcessState, term.shown.String())
	}
	term.shows(t, "say:done")
	raw := term.settings(t) // it shall come as it is
	raw.Lflag &^= unix.ICANON
	raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 0, 1
	if err := unix.IoctlSetTermios(int(term.slave.Fd()), unix.TCSETS, &raw); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	n, err := unix.Read(int(term.slave.Fd()), buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}
