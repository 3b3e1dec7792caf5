package main

import (
	"context"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// networkAttacks reach the host's network, or kinds of sockets that no network namespace holds.
func networkAttacks() []attack {
	const family = "network"
	listener := func(name, source string, try func(given) (string, error), want, policy, layer string) attack {
		return attack{name: name, family: family, source: source, try: try, hook: shareListener, control: asModule, policy: policy, want: want, layer: layer}
	}
	redirect := listener("listener-redirect", "connect(2): a socket of the host's network is connected elsewhere", redirectListener, "EACCES", "open", "Landlock")
	redirect.landlock = 4
	return []attack{
		{name: "tcp-loopback", family: family, source: "network_namespaces(7)", try: connectTCP, control: asModule, policy: "open", want: tcpClosed(),
			layer: "Landlock, network namespace", opens: "hostnet"},
		{name: "udp-loopback", family: family, source: "landlock(7): UDP is not covered", try: sendUDP, control: asModule, policy: "open", want: "ENETUNREACH",
			layer: "network namespace", opens: "hostnet"},
		{name: "abstract-socket", family: family, source: "unix(7): CVE-2020-15257 (containerd)", try: connectAbstract, control: asModule, policy: "open",
			want: "ECONNREFUSED", layer: "network namespace"},
		{name: "abstract-socket-landlock", family: family, source: "CVE-2020-15257, in the host's network", try: connectAbstract, control: asModule, policy: "hostnet",
			want: "EPERM", layer: "Landlock: scope", landlock: 6},
		{name: "unix-socket-path", family: family, source: "unix(7): docker.sock and its like", try: connectPath, control: asModule, policy: "open", want: "ENOENT", layer: "mounts"},
		{name: "af_vsock", family: family, source: "vsock(7): no network namespace holds it", try: socket(unix.AF_VSOCK, unix.SOCK_STREAM, 0), control: asModule,
			policy: "examples/locked", want: "EPERM", layer: "seccomp: arguments", opens: "open"},
		{name: "af_alg", family: family, source: "CVE-2019-8912: ciphers of the kernel, by sockets", try: socket(unix.AF_ALG, unix.SOCK_SEQPACKET, 0), control: asModule,
			policy: "examples/locked", want: "EPERM", layer: "seccomp: arguments", opens: "open", fact: config("CONFIG_CRYPTO_USER_API_HASH")},
		{name: "af_packet", family: family, source: "packet(7); CVE-2020-14386", try: socket(unix.AF_PACKET, unix.SOCK_RAW, 0), control: apart,
			policy: "open", want: "EPERM", layer: "capabilities"},
		{name: "raw-socket", family: family, source: "raw(7)", try: socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP), control: apart,
			policy: "open", want: "EPERM", layer: "capabilities"},
		{name: "netlink-netfilter", family: family, source: "CVE-2022-1015, CVE-2023-32233: nf_tables by netlink", try: socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_NETFILTER),
			control: asModule, policy: "examples/locked", want: "EPERM", layer: "seccomp: arguments", fact: config("CONFIG_NETFILTER_NETLINK")},
		{name: "netlink-uevent", family: family, source: "netlink(7), NETLINK_KOBJECT_UEVENT: what the host plugs in", try: socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_KOBJECT_UEVENT),
			control: asModule, policy: "examples/locked", want: "EPERM", layer: "seccomp: arguments", opens: "open"},
		{name: "netlink-route-change", family: family, source: "rtnetlink(7): an interface is changed", try: loUp, control: apart, policy: "open", want: "EPERM", layer: "capabilities"},
		listener("listener-shutdown", "SECURITY.md: a listening socket is shut down for everybody; shutdown(2)", shutListener, "EPERM", "nginx", "seccomp: arguments"),
		listener("listener-shutdown-arguments", "as above", shutListener, "EPERM", "arguments", "seccomp: arguments"),
		listener("listener-unspec", "connect(2): AF_UNSPEC dissolves the association", unspecListener, "EPERM", "nginx", "seccomp"),
		listener("listener-unspec-arguments", "as above", unspecListener, "EPERM", "arguments", "seccomp"),
		redirect,
	}
}

// landlockVersion is that of the kernel's interface, 0 where there is no Landlock.
func landlockVersion() int {
	const version = 1 // LANDLOCK_CREATE_RULESET_VERSION
	abi, err := direct(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, version)
	if err != nil {
		return 0
	}
	return int(abi)
}

// tcpClosed is the answer to a connection where there is no network: Landlock's since version 4, the namespace's before.
func tcpClosed() string {
	if landlockVersion() < 4 {
		return "ENETUNREACH"
	}
	return "EACCES"
}

// socket makes one and closes it.
func socket(family, kind, protocol int) func(given) (string, error) {
	return func(given) (string, error) {
		fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, protocol)
		if err == nil {
			err = unix.Close(fd)
		}
		return "socket", err
	}
}

func connectTo(family, kind int, to unix.Sockaddr) (string, error) {
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return "socket", err
	}
	defer unix.Close(fd)
	return "connect", unix.Connect(fd, to)
}

func (g given) loopback() *unix.SockaddrInet4 {
	return &unix.SockaddrInet4{Port: g.number("port"), Addr: [4]byte{127, 0, 0, 1}}
}

func connectTCP(g given) (string, error) {
	return connectTo(unix.AF_INET, unix.SOCK_STREAM, g.loopback())
}

func connectAbstract(g given) (string, error) {
	return connectTo(unix.AF_UNIX, unix.SOCK_STREAM, &unix.SockaddrUnix{Name: "@" + g["abstract"]})
}

func connectPath(g given) (string, error) {
	return connectTo(unix.AF_UNIX, unix.SOCK_STREAM, &unix.SockaddrUnix{Name: g["socket"]})
}

// sendUDP sends a datagram to a port of the loopback where nobody listens.
func sendUDP(g given) (string, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return "socket", err
	}
	defer unix.Close(fd)
	return "sendto", unix.Sendto(fd, []byte("x"), 0, g.loopback())
}

// loUp brings the loopback interface up.
func loUp(given) (string, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return "socket", err
	}
	defer unix.Close(fd)
	// struct nlmsghdr, struct ifinfomsg: rtnetlink(7).
	msg := make([]byte, 32)
	msg[0], msg[4], msg[6] = 32, unix.RTM_NEWLINK, unix.NLM_F_REQUEST|unix.NLM_F_ACK
	msg[20] = 1                                 // the index of lo
	msg[24], msg[28] = unix.IFF_UP, unix.IFF_UP // flags, change
	if err := unix.Sendto(fd, msg, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return "sendto", err
	}
	reply := make([]byte, 1024)
	n, _, err := unix.Recvfrom(fd, reply, 0)
	if err != nil {
		return "recvfrom", err
	}
	if n >= 20 {
		if e := -int32(uint32(reply[16]) | uint32(reply[17])<<8 | uint32(reply[18])<<16 | uint32(reply[19])<<24); e != 0 {
			return "RTM_NEWLINK", unix.Errno(e)
		}
	}
	return "RTM_NEWLINK", nil
}

// shareListener makes a listening socket the standard input, and looks afterwards whether it still takes connections.
func shareListener(s *stage, t *attempt) (judge, error) {
	// The supervisor's are plain TCP as well. Of Go's own, which are MPTCP, Landlock knows nothing.
	var config net.ListenConfig
	config.SetMultipathTCP(false)
	listener, err := config.Listen(context.Background(), "tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := listener.(*net.TCPListener)
	f, err := l.File()
	if err != nil {
		_ = l.Close()
		return nil, err
	}
	t.cmd.Stdin = f
	return func(o outcome) outcome {
		defer l.Close()
		defer f.Close()
		if o.answer == "EPERM" && !accepts(l) {
			return outcome{"ok", "the call was refused, and the socket takes no connection all the same"}
		}
		return o
	}, nil
}

func accepts(l *net.TCPListener) bool {
	c, err := net.DialTimeout("tcp", l.Addr().String(), 5*time.Second)
	if err != nil {
		return false
	}
	defer c.Close()
	_ = l.SetDeadline(time.Now().Add(5 * time.Second))
	got, err := l.Accept()
	if err != nil {
		return false
	}
	return got.Close() == nil
}

func shutListener(given) (string, error) { return "shutdown", unix.Shutdown(0, unix.SHUT_RDWR) }

func unspec() error {
	a, err := newArena(4096)
	if err != nil {
		return err
	}
	_, err = direct(unix.SYS_CONNECT, 0, address(a.take(16)), 16)
	return err
}

func unspecListener(given) (string, error) { return "connect", unspec() }

// redirectListener makes a connection of a listening socket.
func redirectListener(g given) (string, error) {
	if err := unspec(); err != nil {
		return "disconnect", err
	}
	return "connect", unix.Connect(0, g.loopback())
}
