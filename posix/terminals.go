package posix

// Termios is the settings of a terminal. Source: termios(3).
type Termios struct {
	Iflag, Oflag, Cflag, Lflag uint32
	Cc                         [19]uint8
	Line                       uint8
}

// Winsize is the size of a terminal in characters and, if known, pixels. Source: ioctl_tty(2).
type Winsize struct{ Rows, Cols, Xpixel, Ypixel uint16 }

// Terminals makes and sets pseudo-terminals. Names are those of POSIX.1-2024 where it has one.
type Terminals interface {
	// PosixOpenpt opens a new pseudo-terminal's master side; the caller owns it. flags: O_RDWR, O_NOCTTY, O_CLOEXEC, O_NONBLOCK.
	// Errors: EMFILE, ENFILE, ENOSPC (no more pseudo-terminals), ENOENT (no /dev/ptmx). Source: posix_openpt(3).
	//posix:calls openat
	//posix:retry retry nothing was opened
	PosixOpenpt(flags int) (FD, error)

	// Unlockpt allows the terminal's slave side to be opened. Errors: ENOTTY. Source: unlockpt(3).
	//posix:calls ioctl
	//posix:retry retry unlocked again is the same
	Unlockpt(master FD) error

	// OpenPeer opens the slave side of a master without a path (TIOCGPTPEER); the caller owns it. Errors: EIO (locked),
	// ENOTTY. Source: ioctl_tty(2).
	//posix:calls ioctl
	//posix:retry retry nothing was opened
	OpenPeer(master FD, flags int) (FD, error)

	// Tcgetattr fills t. Errors: ENOTTY. Source: tcgetattr(3).
	//posix:calls ioctl
	//posix:retry retry it only reads
	//posix:fills t
	Tcgetattr(fd FD, t *Termios) error

	// Tcsetattr sets a terminal when its output has drained (TCSADRAIN, actions = 1) or at once (TCSANOW, actions = 0).
	// A process in the background is stopped by SIGTTOU. Errors: EINTR, EIO, ENOTTY. Source: tcsetattr(3).
	//posix:calls ioctl
	//posix:retry retry nothing is set before the output has drained
	//posix:reads t
	Tcsetattr(fd FD, actions int, t *Termios) error

	// Tcgetwinsize fills w. Errors: ENOTTY. Source: tcgetwinsize(3).
	//posix:calls ioctl
	//posix:retry retry it only reads
	//posix:fills w
	Tcgetwinsize(fd FD, w *Winsize) error

	// Tcsetwinsize sets the size and sends SIGWINCH to the terminal's foreground processes. Errors: ENOTTY.
	// Source: tcsetwinsize(3).
	//posix:calls ioctl
	//posix:retry retry the same size set again is the same, and signals nobody
	Tcsetwinsize(fd FD, w Winsize) error
}
