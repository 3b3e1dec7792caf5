package conformance

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// dupfdQuery is F_DUPFD_QUERY. Source: include/uapi/linux/fcntl.h, since Linux 6.10.
const dupfdQuery = 1024 + 3

// ownerCases are about what fcntl(2) notes besides flags, and about options of sockets that it takes more than one line to explain.
func ownerCases() []Case {
	return []Case{
		{Op: posix.OpFcntl, Name: "who gets signals", Run: func(t *T) {
			a, _ := t.sockets(unix.SOCK_STREAM)
			n, err := t.Core.Fcntl(a, unix.F_GETOWN, 0)
			t.count("nobody", n, err, 0)
			_, err = t.Core.Fcntl(a, unix.F_SETOWN, int(t.Core.Getpid()))
			t.Errno("itself", err, 0)
			n, err = t.Core.Fcntl(a, unix.F_GETOWN, 0)
			t.count("itself", n, err, int(t.Core.Getpid()))
			_, err = t.Core.Fcntl(a, unix.F_SETOWN, 1<<30)
			t.Errno("a process that is not", err, unix.ESRCH)
			_, err = t.Core.Fcntl(a, unix.F_SETOWN, -1<<31)
			t.Errno("the least number", err, unix.EINVAL)
			n, err = t.Core.Fcntl(a, unix.F_GETSIG, 0)
			t.count("the usual signal", n, err, 0)
			_, err = t.Core.Fcntl(a, unix.F_SETSIG, 65)
			t.Errno("an unknown signal", err, unix.EINVAL)
			_, err = t.Core.Fcntl(a, unix.F_SETSIG, int(unix.SIGUSR1))
			t.Errno("another signal", err, 0)
			n, err = t.Core.Fcntl(a, unix.F_GETSIG, 0)
			t.count("another signal", n, err, int(unix.SIGUSR1))
		}},
		{Op: posix.OpFcntl, Name: "no lease", Run: func(t *T) {
			n, err := t.Core.Fcntl(t.File("f", ""), unix.F_GETLEASE, 0)
			t.count("F_GETLEASE", n, err, unix.F_UNLCK)
		}},
		{Op: posix.OpFcntl, Name: "of one description", Run: func(t *T) {
			fd := t.File("f", "")
			again, err := t.Core.Fcntl(fd, unix.F_DUPFD_CLOEXEC, 0)
			t.FD(posix.FD(again), err)
			other := t.Open("f", unix.O_RDONLY)
			n, err := t.Core.Fcntl(fd, dupfdQuery, again)
			if err == unix.EINVAL {
				return // before Linux 6.10
			}
			t.count("a duplicate", n, err, 1)
			n, err = t.Core.Fcntl(fd, dupfdQuery, int(other))
			t.count("opened twice", n, err, 0)
			_, err = t.Core.Fcntl(fd, dupfdQuery, 1<<20)
			t.Errno("with nothing", err, unix.EBADF)
		}},
		{Op: posix.OpFcntl, Name: "flags that are refused", Run: func(t *T) {
			a, _ := t.sockets(unix.SOCK_STREAM)
			_, err := t.Core.Fcntl(a, unix.F_SETFL, unix.O_DIRECT)
			t.Errno("O_DIRECT of a socket", err, unix.EINVAL)
			if t.Core.Geteuid() != 0 {
				fd := t.FD(t.Core.Openat2(posix.AtFDCWD, "/", posix.OpenHow{Flags: unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC}))
				_, err = t.Core.Fcntl(fd, unix.F_SETFL, unix.O_NOATIME)
				t.Errno("O_NOATIME of another's directory", err, unix.EPERM)
			}
			_, err = t.Core.Fcntl(t.File("f", ""), unix.F_SETFL, unix.O_NOATIME)
			t.Errno("O_NOATIME of its own file", err, 0)
		}},
		{Op: posix.OpSetsockoptInt, Name: "the time to live", Run: func(t *T) {
			s := t.socket(unix.AF_INET, unix.SOCK_DGRAM)
			for _, c := range []struct {
				value int
				want  posix.Errno
				get   int
			}{{9, 0, 9}, {0, unix.EINVAL, 9}, {256, unix.EINVAL, 9}, {255, 0, 255}, {-1, 0, 64}} {
				t.Errno("set", t.Core.SetsockoptInt(s, unix.IPPROTO_IP, unix.IP_TTL, c.value), c.want)
				n, err := t.Core.GetsockoptInt(s, unix.IPPROTO_IP, unix.IP_TTL)
				t.count("get", n, err, c.get)
			}
			t.Errno("of a unix socket", t.Core.SetsockoptInt(t.socket(unix.AF_UNIX, unix.SOCK_DGRAM), unix.IPPROTO_IP, unix.IP_TTL, 9), unix.EOPNOTSUPP)
		}},
		{Op: posix.OpSetsockoptInt, Name: "buffers beyond the limit", Need: Root, Run: func(t *T) {
			s := t.socket(unix.AF_INET, unix.SOCK_STREAM)
			for _, pair := range [][2]int{{unix.SO_SNDBUFFORCE, unix.SO_SNDBUF}, {unix.SO_RCVBUFFORCE, unix.SO_RCVBUF}} {
				t.Errno("set", t.Core.SetsockoptInt(s, unix.SOL_SOCKET, pair[0], 4<<20), 0)
				n, err := t.Core.GetsockoptInt(s, unix.SOL_SOCKET, pair[1])
				t.count("get", n, err, 8<<20)
			}
			t.Errno("SO_RCVLOWAT", t.Core.SetsockoptInt(t.socket(unix.AF_UNIX, unix.SOCK_STREAM), unix.SOL_SOCKET, unix.SO_RCVLOWAT, -1), 0)
		}},
		{Op: posix.OpGetsockoptInt, Name: "of another protocol", Run: func(t *T) {
			udp, tcp := t.socket(unix.AF_INET, unix.SOCK_DGRAM), t.socket(unix.AF_INET, unix.SOCK_STREAM)
			_, err := t.Core.GetsockoptInt(udp, unix.IPPROTO_TCP, unix.TCP_NODELAY)
			t.Errno("TCP of UDP", err, unix.EOPNOTSUPP)
			_, err = t.Core.GetsockoptInt(tcp, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY)
			t.Errno("IPv6 of IPv4", err, unix.EOPNOTSUPP)
			_, err = t.Core.GetsockoptInt(tcp, unix.IPPROTO_TCP, 9999)
			t.Errno("an unknown option", err, unix.ENOPROTOOPT)
			_, err = t.Core.GetsockoptInt(udp, unix.SOL_SOCKET, 9999)
			t.Errno("an unknown option of sockets", err, unix.ENOPROTOOPT)
			n, err := t.Core.GetsockoptInt(t.socket(unix.AF_INET6, unix.SOCK_DGRAM), unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO)
			t.count("of IPv6 and UDP", n, err, 0)
		}},
	}
}
