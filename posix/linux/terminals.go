package linux

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// PosixOpenpt implements [posix.Terminals].
func (k *Kernel) PosixOpenpt(flags int) (posix.FD, error) {
	return descriptor(unix.Open("/dev/ptmx", flags, 0))
}

// Unlockpt implements [posix.Terminals].
func (k *Kernel) Unlockpt(master posix.FD) error {
	return unix.IoctlSetPointerInt(int(master), unix.TIOCSPTLCK, 0)
}

// OpenPeer implements [posix.Terminals].
func (k *Kernel) OpenPeer(master posix.FD, flags int) (posix.FD, error) {
	fd, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(master), unix.TIOCGPTPEER, uintptr(flags))
	if errno != 0 {
		return noFD, errno
	}
	return posix.FD(fd), nil
}

// Tcgetattr implements [posix.Terminals].
func (k *Kernel) Tcgetattr(fd posix.FD, t *posix.Termios) error {
	raw, err := unix.IoctlGetTermios(int(fd), unix.TCGETS)
	if err != nil {
		return err
	}
	*t = posix.Termios{Iflag: raw.Iflag, Oflag: raw.Oflag, Cflag: raw.Cflag, Lflag: raw.Lflag, Cc: raw.Cc, Line: raw.Line}
	return nil
}

// setWhen are the requests for the actions of Tcsetattr.
var setWhen = [...]uint{unix.TCSETS, unix.TCSETSW}

// Tcsetattr implements [posix.Terminals]. Actions other than TCSANOW and TCSADRAIN are EINVAL.
func (k *Kernel) Tcsetattr(fd posix.FD, actions int, t *posix.Termios) error {
	if actions < 0 || actions >= len(setWhen) {
		return unix.EINVAL
	}
	raw := unix.Termios{Iflag: t.Iflag, Oflag: t.Oflag, Cflag: t.Cflag, Lflag: t.Lflag, Cc: t.Cc, Line: t.Line}
	return unix.IoctlSetTermios(int(fd), setWhen[actions], &raw)
}

// Tcgetwinsize implements [posix.Terminals].
func (k *Kernel) Tcgetwinsize(fd posix.FD, w *posix.Winsize) error {
	raw, err := unix.IoctlGetWinsize(int(fd), unix.TIOCGWINSZ)
	if err != nil {
		return err
	}
	*w = posix.Winsize{Rows: raw.Row, Cols: raw.Col, Xpixel: raw.Xpixel, Ypixel: raw.Ypixel}
	return nil
}

// Tcsetwinsize implements [posix.Terminals].
func (k *Kernel) Tcsetwinsize(fd posix.FD, w posix.Winsize) error {
	raw := unix.Winsize{Row: w.Rows, Col: w.Cols, Xpixel: w.Xpixel, Ypixel: w.Ypixel}
	return unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &raw)
}
