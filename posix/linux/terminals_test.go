package linux

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

func TestTerminals(t *testing.T) {
	k := New()
	master, err := k.PosixOpenpt(unix.O_RDWR | unix.O_NOCTTY | unix.O_CLOEXEC)
	closing(t, master, err)
	fd, err := k.OpenPeer(master, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	check(t, "OpenPeer of a locked terminal", err, unix.EIO)
	if fd != -1 {
		t.Errorf("descriptor %d with an error, want -1", fd)
	}
	check(t, "Unlockpt", k.Unlockpt(master), 0)
	slave, err := k.OpenPeer(master, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	closing(t, slave, err)

	var cooked, raw, back posix.Termios
	check(t, "Tcgetattr", k.Tcgetattr(slave, &cooked), 0)
	if cooked.Lflag&unix.ICANON == 0 || cooked.Lflag&unix.ECHO == 0 || cooked.Cc[unix.VINTR] != 3 {
		t.Errorf("a new terminal is set to %+v", cooked)
	}
	for actions, want := range []posix.Errno{0, 0, unix.EINVAL} {
		raw = cooked
		raw.Lflag &^= unix.ICANON | unix.ECHO
		raw.Cc[unix.VINTR] = byte(7 + actions)
		check(t, "Tcsetattr", k.Tcsetattr(slave, actions, &raw), want)
		must(t, "Tcgetattr", k.Tcgetattr(slave, &back))
		if want == 0 && back != raw {
			t.Errorf("set %+v\nread %+v", raw, back)
		}
	}
	check(t, "negative actions", k.Tcsetattr(slave, -1, &raw), unix.EINVAL)

	n, err := k.Write(slave, []byte("out"))
	if n != 3 || err != nil {
		t.Errorf("Write: %d, %v", n, err)
	}
	buf := make([]byte, 8)
	n, err = k.Read(master, buf)
	if string(buf[:n]) != "out" || err != nil {
		t.Errorf("Read: %q, %v", buf[:n], err)
	}

	size := posix.Winsize{Rows: 25, Cols: 80, Xpixel: 640, Ypixel: 400}
	var got posix.Winsize
	check(t, "Tcsetwinsize", k.Tcsetwinsize(master, size), 0)
	check(t, "Tcgetwinsize", k.Tcgetwinsize(slave, &got), 0)
	if got != size {
		t.Errorf("size %+v, want %+v", got, size)
	}
}

func TestNoTerminal(t *testing.T) {
	k := New()
	fd := tempFile(t, tempDir(t), "file", "")
	var attr posix.Termios
	var size posix.Winsize
	check(t, "Unlockpt", k.Unlockpt(fd), unix.ENOTTY)
	check(t, "Tcgetattr", k.Tcgetattr(fd, &attr), unix.ENOTTY)
	check(t, "Tcsetattr", k.Tcsetattr(fd, 0, &attr), unix.ENOTTY)
	check(t, "Tcgetwinsize", k.Tcgetwinsize(fd, &size), unix.ENOTTY)
	check(t, "Tcsetwinsize", k.Tcsetwinsize(fd, size), unix.ENOTTY)
	_, err := k.OpenPeer(fd, 0)
	check(t, "OpenPeer", err, unix.ENOTTY)
	check(t, "Tcgetattr of nothing", k.Tcgetattr(-1, &attr), unix.EBADF)
	_, err = k.PosixOpenpt(unix.O_RDWR | unix.O_DIRECTORY)
	check(t, "PosixOpenpt of a directory", err, unix.ENOTDIR)
}
