package victim

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// listenAt:PORT listens on a TCP port of the loopback; 0 is any.
func listenAt(args []string) (string, error) {
	port, err := number(args, 0)
	if err != nil {
		return "", err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return "socket", err
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return "bind", err
	}
	return "listen", unix.Listen(fd, 1)
}

// raw opens a socket that makes packets of its own: raw(7).
func raw([]string) (string, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP)
	if err != nil {
		return "", err
	}
	return "", unix.Close(fd)
}

// local:PATH connects to a unix socket by its path.
func local(args []string) (string, error) {
	return dial(unix.AF_UNIX, &unix.SockaddrUnix{Name: args[0]})
}

// datagram:PATH,TEXT sends a datagram to a unix socket.
func datagram(args []string) (string, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return "socket", err
	}
	defer unix.Close(fd)
	return "sendto", unix.Sendto(fd, []byte(strings.Join(args[1:], ",")), 0, &unix.SockaddrUnix{Name: args[0]})
}

// endListening:FD ends listening for everybody who has the socket: shutdown(2).
func endListening(args []string) (string, error) {
	fd, err := number(args, 0)
	if err != nil {
		return "", err
	}
	return "", unix.Shutdown(fd, unix.SHUT_RDWR)
}

// redirect:FD,ADDRESS makes a connection with a socket that listens: connect(2) to no address at all ends the listening, and after that it is
// as good as a new one.
func redirect(args []string) (string, error) {
	fd, err := number(args, 0)
	if err != nil {
		return "", err
	}
	addr, err := net.ResolveTCPAddr("tcp", args[1])
	if err != nil {
		return "", err
	}
	if errno := rawDisconnect(fd); errno != 0 {
		return "disconnect", errno
	}
	return "connect", unix.Connect(fd, &unix.SockaddrInet4{Port: addr.Port, Addr: [4]byte(addr.IP.To4())})
}

// inherited:FD opens a listening socket and gives it that number, as if it had been inherited. It is for attempts without a supervisor.
func inherited(args []string) (string, error) {
	want, err := number(args, 0)
	if err != nil {
		return "", err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return "socket", err
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return "bind", err
	}
	if err := unix.Listen(fd, 1); err != nil {
		return "listen", err
	}
	return "dup3", unix.Dup3(fd, want, unix.O_CLOEXEC)
}

// request:SOCKET,METHOD,PATH asks an HTTP server at a unix socket, given by its path or by the number of a connected descriptor, and says
// what its status was.
func request(args []string) (string, error) {
	if len(args) != 3 {
		return "", fmt.Errorf("%d arguments, want 3", len(args))
	}
	var c net.Conn
	var err error
	if fd, e := strconv.Atoi(args[0]); e == nil {
		f := os.NewFile(uintptr(fd), "connected")
		c, err = net.FileConn(f) // which has a descriptor of its own
	} else {
		c, err = net.Dial("unix", args[0])
	}
	if err != nil {
		return "", err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return "", err
	}
	req, err := http.NewRequest(args[1], "http://supervisor"+args[2], nil)
	if err != nil {
		return "", err
	}
	if err := req.Write(c); err != nil {
		return "", err
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text := make([]byte, 200)
	n, _ := resp.Body.Read(text) // the beginning says enough
	return fmt.Sprintf("%d %s", resp.StatusCode, strings.Join(strings.Fields(string(text[:n])), " ")), nil
}
