package terminal

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/tests/leak"
)

func TestOpenCopiesSettingsAndSize(t *testing.T) {
	leak.Check(t)
	k, o := linux.New(), sit(t)
	own := o.before
	own.Cc[unix.VINTR], own.Iflag, own.Lflag = 7, own.Iflag|unix.IUTF8, own.Lflag&^unix.ECHOCTL
	must(t, k.Tcsetattr(o.stdin, tcsanow, &own))
	p := proxied(t, k, o)
	var inner posix.Termios
	must(t, k.Tcgetattr(p.slave, &inner))
	if inner != own {
		t.Errorf("the new terminal has the settings %+v\nthe real one had %+v", inner, own)
	}
	var size posix.Winsize
	must(t, k.Tcgetwinsize(p.slave, &size))
	if size != (posix.Winsize{Rows: 25, Cols: 81}) {
		t.Errorf("the size is %+v", size)
	}
	if now := o.settings(); now.Lflag&(unix.ICANON|unix.ECHO|unix.ISIG|unix.IEXTEN) != 0 || now.Oflag&unix.OPOST != 0 || now.Iflag&(unix.ICRNL|unix.IXON) != 0 || now != rawMode(own) {
		t.Errorf("the real terminal is not raw: %+v", now)
	}
	must(t, p.Close())
	if now := o.settings(); now != own {
		t.Errorf("after Close the real terminal has the settings %+v\nbefore %+v", now, own)
	}
	must(t, p.Close())
}

// The terminal is restored when the program panics, if Close is deferred as the documentation says.
func TestRestoredAfterPanic(t *testing.T) {
	leak.Check(t)
	o := sit(t)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		p, err := open(linux.New(), [3]posix.FD{o.stdin, o.stdin, o.stdin})
		must(t, err)
		defer func() { must(t, p.Close()) }()
		if o.settings() == o.before {
			t.Error("it was never raw")
		}
		panic("a bug")
	}()
	if o.settings() != o.before {
		t.Error("the terminal is not restored")
	}
}

func TestOpenFails(t *testing.T) {
	for _, c := range []struct {
		name string
		k    failing
		is   posix.Errno
		says string
	}{
		{"no devpts", failing{openpt: unix.ENOENT}, unix.ENOENT, "make a pseudo-terminal: no such file or directory (there is no /dev/ptmx"},
		{"none left", failing{openpt: unix.ENOSPC}, unix.ENOSPC, "/proc/sys/kernel/pty/max"},
		{"locked", failing{unlock: unix.EIO}, unix.EIO, "unlock the pseudo-terminal"},
		{"no other side", failing{peer: unix.EMFILE}, unix.EMFILE, "open the other side"},
		{"no eventfd", failing{eventfd: unix.EMFILE}, unix.EMFILE, "make an eventfd"},
		{"no size", failing{winsize: unix.EPERM}, unix.EPERM, "the size of the real one"},
		{"not raw", failing{setattr: unix.EPERM}, unix.EPERM, "raw mode"},
	} {
		t.Run(c.name, func(t *testing.T) {
			leak.Check(t)
			o := sit(t)
			c.k.Kernel = linux.New()
			p, err := open(&c.k, [3]posix.FD{o.stdin, o.stdin, o.stdin})
			if p != nil || !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, %v", p, err)
			}
			if o.settings() != o.before {
				t.Error("the terminal is not as it was")
			}
		})
	}
	t.Run("not a terminal", func(t *testing.T) {
		leak.Check(t)
		null, err := os.Open(os.DevNull)
		must(t, err)
		defer func() { must(t, null.Close()) }()
		if p, err := Open(linux.New(), posix.FD(null.Fd())); p != nil || !errors.Is(err, unix.ENOTTY) {
			t.Errorf("got %v, %v", p, err)
		}
	})
}

// Streams that are no terminals stay; another terminal does not get to the command.
func TestStdio(t *testing.T) {
	leak.Check(t)
	k, o, other := linux.New(), sit(t), sit(t)
	r, w, err := k.Pipe2(unix.O_CLOEXEC)
	must(t, err)
	defer func() { must(t, errors.Join(k.Close(r), k.Close(w))) }()
	for _, c := range []struct {
		name string
		std  [3]posix.FD
		kept [3]bool
	}{
		{"a terminal", [3]posix.FD{o.stdin, o.stdin, o.stdin}, [3]bool{}},
		{"output to a pipe", [3]posix.FD{o.stdin, w, o.stdin}, [3]bool{1: true}},
		{"errors to a pipe", [3]posix.FD{o.stdin, o.stdin, w}, [3]bool{2: true}},
		{"both to a pipe", [3]posix.FD{o.stdin, w, w}, [3]bool{1: true, 2: true}},
		{"errors to another terminal", [3]posix.FD{o.stdin, o.stdin, other.stdin}, [3]bool{}},
		{"closed", [3]posix.FD{o.stdin, 999, 999}, [3]bool{1: true, 2: true}},
	} {
		p, err := open(k, c.std)
		must(t, err)
		for fd, got := range p.Stdio() {
			if kept := got == c.std[fd]; kept != c.kept[fd] || !kept && got != p.slave {
				t.Errorf("%s: stream %d is %d; given %d, slave %d", c.name, fd, got, c.std[fd], p.slave)
			}
		}
		must(t, p.Close())
	}
}

// O_NONBLOCK on the inherited descriptor would break the shell, which shares it.
func TestInheritedDescriptorStaysBlocking(t *testing.T) {
	leak.Check(t)
	k, o := linux.New(), sit(t)
	s := running(t, proxied(t, k, o))
	flags, err := k.Fcntl(o.stdin, unix.F_GETFL, 0)
	if err != nil || flags&unix.O_NONBLOCK != 0 {
		t.Errorf("flags %#x, %v", flags, err)
	}
	if flags, err = k.Fcntl(s.in, unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK == 0 || s.in == o.stdin {
		t.Errorf("what is read has the flags %#x, %v", flags, err)
	}
	s.end()
}
