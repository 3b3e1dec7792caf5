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

// inherited returns the listening sockets that were handed to this process as LISTEN_FDS says. The descriptors stay open beside
// the listeners, which have copies.
func inherited(getenv func(string) string, pid int) ([]net.Listener, error) {
	count, names, err := announced(getenv, pid)
	if err != nil {
		return nil, err
	}
	var out []net.Listener
	for i := range count {
		l, err := listener(firstFD+i, names[i])
		if err != nil {
			for _, open := range out {
				err = errors.Join(err, open.Close())
			}
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
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
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, firstFD)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	f := os.NewFile(uintptr(dup), name)
	l, err := net.FileListener(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false) // the path is the supervisor's
	}
	return l, nil
}
