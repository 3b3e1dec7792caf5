package spawner

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/spawner/terminal"
	"github.com/bulkhead/bulkhead/tests/leak"
)

// noReading is the kernel, but nothing that a terminal says can be read.
type noReading struct{ *linux.Kernel }

func (k noReading) Read(fd posix.FD, p []byte) (int, error) {
	if len(p) > 8 { // all but the eventfd's counter
		return -1, posix.Errno(unix.ENOMEM)
	}
	return k.Kernel.Read(fd, p)
}

// realTerminal returns the side of a pseudo-terminal that a person's shell would have.
func realTerminal(t *testing.T) posix.FD {
	t.Helper()
	k := linux.New()
	screen, err := k.PosixOpenpt(unix.O_RDWR | unix.O_NOCTTY | unix.O_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Close(screen) })
	if err := k.Unlockpt(screen); err != nil {
		t.Fatal(err)
	}
	stdin, err := k.OpenPeer(screen, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Close(stdin) })
	return stdin
}

// TestForegroundTerminalFails: that output was lost is said, also when the command ended as it should; a command that nobody listens to any
// more is killed.
func TestForegroundTerminalFails(t *testing.T) {
	for script, want := range map[string]int{"exit 3": 3, "echo lost >&0; kill -STOP $$": 137} {
		t.Run(script, func(t *testing.T) {
			leak.Check(t)
			p, err := terminal.Open(noReading{linux.New()}, realTerminal(t))
			if err != nil {
				t.Fatal(err)
			}
			m := shell("exec", script)
			exit, err := hostOf(t, linux.New()).Run(Foreground{Module: &m, Terminal: p})
			if !errors.Is(err, unix.ENOMEM) || exit.ShellStatus() != want {
				t.Errorf("%+v, %v; want status %d and that memory is short", exit, err, want)
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
