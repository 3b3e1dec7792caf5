package demo

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// firstFD is where inherited sockets start: sd_listen_fds(3).
const firstFD = 3

// Names of sockets that lead to the supervisor, and not to clients.
const (
	notifyName  = "@notify"  // datagrams of sd_notify(3)
	controlName = "@control" // the control API, about this instance only
)

// sockets are what this process was handed.
type sockets struct {
	listeners []net.Listener
	notify    net.Conn // nil when the policy gives none
	control   net.Conn // likewise
}

// inherited returns the sockets that were handed to this process as LISTEN_FDS says. The descriptors stay open beside
// them, as they have copies.
func inherited(getenv func(string) string, pid int) (s sockets, err error) {
	count, names, err := announced(getenv, pid)
	if err != nil {
		return s, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	for i, name := range names[:count] {
		switch name {
		case notifyName:
			s.notify, err = connected(firstFD+i, name)
		case controlName:
			s.control, err = connected(firstFD+i, name)
		default:
			var l net.Listener
			if l, err = listener(firstFD+i, name); err == nil {
				s.listeners = append(s.listeners, l)
			}
		}
		if err != nil {
			return s, err
		}
	}
	if len(s.listeners) == 0 {
		return s, errors.New("no listening socket was handed over: the policy's listeners name none")
	}
	return s, nil
}

func (s sockets) close() error {
	var errs []error
	for _, l := range s.listeners {
		errs = append(errs, l.Close())
	}
	for _, c := range []net.Conn{s.notify, s.control} {
		if c != nil {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(errs...)
}

// announced reads the variables.
func announced(getenv func(string) string, pid int) (count int, names []string, err error) {
	fds, forPID := getenv("LISTEN_FDS"), getenv("LISTEN_PID")
	if fds == "" {
		return 0, nil, errors.New("no socket was handed over: LISTEN_FDS is not set; this role is run by the demo policy: supervisor --policy embedded:demo")
	}
	if forPID != strconv.Itoa(pid) {
		return 0, nil, fmt.Errorf("the sockets are meant for process %q and not for this one, %d: LISTEN_PID", forPID, pid)
	}
	const most = 16
	if count, err = strconv.Atoi(fds); err != nil || count < 1 || count > most {
		return 0, nil, fmt.Errorf("LISTEN_FDS is %q; it must be a number from 1 to %d", fds, most)
	}
	names = make([]string, count)
	copy(names, strings.Split(getenv("LISTEN_FDNAMES"), ":"))
	return count, names, nil
}

func listener(fd int, name string) (net.Listener, error) {
	what := fmt.Sprintf("use descriptor %d (%s)", fd, name)
	listening, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if listening == 0 {
		return nil, fmt.Errorf("%s: it is a socket that does not listen", what)
	}
	f, err := duplicate(fd, name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	l, err := net.FileListener(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false) // the path is the supervisor's
	}
	return l, nil
}

// connected makes a connection of a socket that was connected by the supervisor.
func connected(fd int, name string) (net.Conn, error) {
	what := fmt.Sprintf("use descriptor %d (%s)", fd, name)
	f, err := duplicate(fd, name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	c, err := net.FileConn(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return c, nil
}

// duplicate keeps a descriptor from children, and returns a copy.
func duplicate(fd int, name string) (*os.File, error) {
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC); err != nil {
		return nil, err
	}
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, firstFD)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(dup), name), nil
}
