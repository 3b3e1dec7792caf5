package demo

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// network are attempts to talk to somebody else than who connected.
func (g ground) network() []attempt {
	return []attempt{
		{
			name: "find a network card", gain: "the networks that the host is in",
			try: func() answer { return devices(ownProc + "/net/dev") },
		},
		{
			name: "get ready to send to the internet", gain: "a way to carry data out",
			try: connectOut,
		},
		{
			name: "turn the inherited socket into a way out", gain: "the host's network, which that socket belongs to",
			try: func() answer {
				return answer{call: "connect(" + strconv.Itoa(g.listener) + `, {AF_INET, 127.0.0.1:9}, 16)`, nr: unix.SYS_CONNECT,
					errno: rawConnect(g.listener), reached: []unix.Errno{unix.EISCONN, unix.EINVAL}}
			},
		},
		{
			name: "listen to the traffic of others", gain: "what they send unencrypted",
			try: func() answer {
				return socket(unix.AF_PACKET, unix.SOCK_RAW, "AF_PACKET, SOCK_RAW")
			},
		},
		{
			name: "use the kernel's crypto interface", gain: "a door to bugs such as CVE-2019-8912",
			try: func() answer {
				return socket(unix.AF_ALG, unix.SOCK_SEQPACKET, "AF_ALG, SOCK_SEQPACKET")
			},
		},
		{
			name: "talk to the hypervisor", gain: "the machine around this machine",
			try: func() answer {
				return socket(unix.AF_VSOCK, unix.SOCK_STREAM, "AF_VSOCK, SOCK_STREAM")
			},
		},
	}
}

func socket(family, kind int, text string) answer {
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		_ = unix.Close(fd)
	}
	return answer{call: "socket(" + text + "|SOCK_CLOEXEC, 0)", nr: unix.SYS_SOCKET, errno: errno(err),
		layers: map[unix.Errno]Layer{unix.EPERM: LayerCapability, unix.EAFNOSUPPORT: LayerHost}}
}

// connectOut gives a datagram socket the address of a public name server. That sends nothing: it asks for a route, connect(2).
func connectOut() answer {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return answer{call: "socket(AF_INET, SOCK_DGRAM|SOCK_CLOEXEC, 0)", nr: unix.SYS_SOCKET, errno: errno(err),
			layers: map[unix.Errno]Layer{unix.EAFNOSUPPORT: LayerHost}}
	}
	defer unix.Close(fd)
	return answer{call: "connect(" + strconv.Itoa(fd) + ", {AF_INET, 8.8.8.8:53}, 16)", nr: unix.SYS_CONNECT,
		errno:  errno(unix.Connect(fd, &unix.SockaddrInet4{Port: 53, Addr: [4]byte{8, 8, 8, 8}})),
		layers: map[unix.Errno]Layer{unix.ENETUNREACH: LayerNetwork}}
}

// devices looks for network devices besides lo, in a file such as /proc/self/net/dev.
func devices(path string) answer {
	a := answer{call: "read(" + strconv.Quote(path) + ")", nr: unix.SYS_READ}
	text, err := os.ReadFile(path)
	if err != nil {
		a.said, a.refused = err.Error(), LayerMounts
		return a
	}
	found := deviceNames(string(text))
	if len(found) == 0 {
		a.said, a.refused = "only lo", LayerNetwork
		return a
	}
	a.said = strings.Join(found, ", ")
	return a
}

// deviceNames returns the devices other than lo that a file such as /proc/self/net/dev lists.
func deviceNames(text string) []string {
	var names []string
	for _, line := range strings.Split(text, "\n") {
		if name, _, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && name != "lo" {
			names = append(names, name)
		}
	}
	return names
}
