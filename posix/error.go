package posix

import "strconv"

// NoFD is the FD of an [Error] whose operation takes no descriptor.
const NoFD FD = -1

// Error is a failed operation. The errs decorator makes it; implementations return bare errnos.
type Error struct {
	Op    Op
	FD    FD     // what the operation worked on, or was relative to; NoFD when there is none
	Path  string // the path, name or address it was about, or empty
	Errno Errno
}

// Error says what was attempted, on what, and the kernel's answer: "openat2 /etc/x: no such file or directory".
// The descriptor is shown when there is no path: "read fd 7: bad file descriptor".
func (e *Error) Error() string {
	s := e.Op.String()
	switch {
	case e.Path != "":
		s += " " + e.Path
	case e.FD != NoFD:
		s += " fd " + strconv.Itoa(int(e.FD))
	}
	return s + ": " + e.Errno.Error()
}

// Unwrap returns the errno, so that errors.Is works with errnos and with the sentinels of io/fs.
func (e *Error) Unwrap() error { return e.Errno }

// Answer returns what the kernel said, for a message that says by itself what was attempted: the errno of an [*Error]. Anything
// else, which no kernel said, is returned as it is.
func Answer(err error) error {
	if e, ok := err.(*Error); ok {
		return e.Errno
	}
	return err
}

// FromTo returns the Path of an [Error] about two paths: "old -> new". An empty path stands for its directory's descriptor: "fd 5 -> new".
func FromTo(fromDir FD, from string, toDir FD, to string) string {
	return place(fromDir, from) + " -> " + place(toDir, to)
}

func place(dir FD, path string) string {
	if path == "" {
		return "fd " + strconv.Itoa(int(dir))
	}
	return path
}
