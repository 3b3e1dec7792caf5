package victim

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// connect:ADDRESS makes a TCP connection.
func connect(args []string) (string, error) {
	addr, err := net.ResolveTCPAddr("tcp", args[0])
	if err != nil {
		return "", err
	}
	to := &unix.SockaddrInet4{Port: addr.Port, Addr: [4]byte(addr.IP.To4())}
	return dial(unix.AF_INET, to)
}

// abstract:NAME connects to a unix socket that has no path.
func abstract(args []string) (string, error) {
	return dial(unix.AF_UNIX, &unix.SockaddrUnix{Name: "@" + args[0]})
}

func dial(family int, to unix.Sockaddr) (string, error) {
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return "socket", err
	}
	defer unix.Close(fd)
	return "connect", unix.Connect(fd, to)
}

// packet opens a socket that sees what is on the wire.
func packet([]string) (string, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	return "", unix.Close(fd)
}

// ioUring makes a ring, which can do the work of other calls.
func ioUring([]string) (string, error) {
	fd, errno := rawIOUringSetup()
	if errno != 0 {
		return "", errno
	}
	return "", unix.Close(fd)
}

// serve answers every connection on every inherited socket with the socket's name and number and its own pid, and ends when it
// is asked to.
func serve([]string) (string, error) {
	if os.Getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return "", fmt.Errorf("LISTEN_PID is %q and the pid is %d", os.Getenv("LISTEN_PID"), os.Getpid())
	}
	n, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if err != nil {
		return "", err
	}
	names := strings.Split(os.Getenv("LISTEN_FDNAMES"), ":")
	if len(names) != n {
		return "", fmt.Errorf("%d names for %d sockets", len(names), n)
	}
	asked := askedToStop()
	for i, name := range names {
		l, err := net.FileListener(os.NewFile(uintptr(3+i), name))
		if err != nil {
			return "", err
		}
		defer l.Close()
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				fmt.Fprintf(c, "%s %d %d\n", name, 3+i, os.Getpid())
				c.Close()
			}
		}()
	}
	fmt.Println("serving")
	<-asked
	fmt.Println("stopped")
	return "", nil
}
