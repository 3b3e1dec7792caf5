package posix

import "net/netip"

// Sockaddr is a socket address as a value. Family says which of the other fields counts. A zone that is an interface's name costs the
// calls that take it an ioctl (SIOCGIFINDEX).
type Sockaddr struct {
	Family uint16         // AF_INET, AF_INET6, AF_UNIX, AF_UNSPEC (the zero value: no address)
	Addr   netip.AddrPort // AF_INET and AF_INET6; the zone is a decimal interface index or name
	Path   string         // AF_UNIX; empty is unnamed, a leading "@" is the abstract namespace
}

// Ucred is who is at the other end of a unix socket. Source: unix(7), SO_PEERCRED.
type Ucred struct {
	PID PID
	UID UID
	GID GID
}

// TCPInfo is the part of struct tcp_info that we read. On a listening socket Unacked is the length of the
// accept queue and Sacked its limit. Source: tcp(7), TCP_INFO.
type TCPInfo struct {
	State   uint8
	Unacked uint32
	Sacked  uint32
}

// Msg is a message with control data. Source: recvmsg(2).
type Msg struct {
	Data    []byte   // sent, or filled in up to its length
	Control []byte   // sent, or filled in: control messages in the kernel's layout
	Addr    Sockaddr // destination, or source
	Flags   int      // filled in: MSG_TRUNC, MSG_CTRUNC
	// ControlLen is filled in by Recvmsg: how much of Control was used.
	ControlLen int
}

// Sockets makes sockets and moves data and descriptors through them.
type Sockets interface {
	// Socket makes a socket; the caller owns it. SOCK_CLOEXEC and SOCK_NONBLOCK may be or'ed into typ.
	// Errors: EACCES, EAFNOSUPPORT, EMFILE, ENFILE, ENOBUFS, EPROTONOSUPPORT. Source: socket(2).
	//posix:calls socket
	//posix:retry retry nothing was made
	Socket(family, typ, protocol int) (FD, error)

	// Socketpair makes two connected sockets; the caller owns both. Errors: as Socket. Source: socketpair(2).
	//posix:calls socketpair
	//posix:retry retry nothing was made
	Socketpair(family, typ, protocol int) (a, b FD, err error)

	// Bind gives a socket its address. Errors: EACCES (a privileged port), EADDRINUSE, EADDRNOTAVAIL, EINVAL
	// (already bound), ENOENT (directory of a unix socket). Source: bind(2).
	//posix:calls bind ioctl
	//posix:retry retry the socket has no address yet; a path made for it has been removed again
	Bind(fd FD, addr Sockaddr) error

	// Listen makes a socket accept connections, or changes the backlog of one that does.
	// Errors: EADDRINUSE, EBADF, EOPNOTSUPP. Source: listen(2).
	//posix:calls listen
	//posix:retry retry the same backlog set again is the same
	Listen(fd FD, backlog int) error

	// Accept4 takes a connection; the caller owns the descriptor. It blocks unless fd has O_NONBLOCK.
	// Errors: EAGAIN, ECONNABORTED, EINVAL (not listening), EMFILE, ENFILE, EPERM. Source: accept4(2).
	//posix:calls accept4
	//posix:retry retry no connection was taken
	Accept4(fd FD, flags int) (FD, Sockaddr, error)

	// Connect connects a socket. After EINTR or EINPROGRESS the connection goes on being made.
	// Errors: EACCES, EADDRNOTAVAIL, ECONNREFUSED, EINPROGRESS, EINTR, ENETUNREACH, ETIMEDOUT. Source: connect(2).
	//posix:calls connect ioctl
	//posix:retry caller the connection goes on being made; again, the answer would be EALREADY or EISCONN
	Connect(fd FD, addr Sockaddr) error

	// Shutdown ends one or both directions, for every holder of the socket. Errors: ENOTCONN. Source: shutdown(2).
	//posix:calls shutdown
	//posix:retry retry the same direction ended again is the same
	Shutdown(fd FD, how int) error

	// Getsockname returns the address that a socket is bound to. Errors: EBADF, ENOTSOCK. Source: getsockname(2).
	//posix:calls getsockname
	//posix:retry retry it only reads
	Getsockname(fd FD) (Sockaddr, error)

	// SetsockoptInt sets an option whose value is an int. Errors: EINVAL, ENOPROTOOPT, EPERM. Source: setsockopt(2).
	//posix:calls setsockopt
	//posix:retry retry the same value set again is the same
	SetsockoptInt(fd FD, level, option, value int) error

	// GetsockoptInt reads an option whose value is an int. Errors: ENOPROTOOPT. Source: getsockopt(2).
	//posix:calls getsockopt
	//posix:retry retry nothing was read; a pending error is cleared only by the call that returns it
	GetsockoptInt(fd FD, level, option int) (int, error)

	// GetsockoptUcred reads who connected a unix socket (SO_PEERCRED). Errors: ENOTSOCK. Source: unix(7).
	//posix:calls getsockopt
	//posix:retry retry it only reads
	GetsockoptUcred(fd FD) (Ucred, error)

	// GetsockoptTCPInfo fills info from TCP_INFO. Errors: EOPNOTSUPP, ENOPROTOOPT. Source: tcp(7).
	//posix:calls getsockopt
	//posix:retry retry it only reads
	//posix:fills info
	GetsockoptTCPInfo(fd FD, info *TCPInfo) error

	// Sendmsg sends m.Data with m.Control, to m.Addr unless its Family is AF_UNSPEC. flags: MSG_NOSIGNAL, MSG_DONTWAIT.
	// Errors: EAGAIN, ECONNRESET, EMSGSIZE, ENOBUFS, EPIPE. Source: sendmsg(2).
	//posix:calls sendmsg ioctl
	//posix:retry retry EINTR is answered only before the first byte, and descriptors go with that
	//posix:reads m
	Sendmsg(fd FD, m *Msg, flags int) (int, error)

	// Recvmsg receives into m.Data and m.Control. Descriptors that arrive in Control belong to the caller.
	// flags: MSG_CMSG_CLOEXEC, MSG_DONTWAIT, MSG_PEEK. Errors: EAGAIN, ECONNREFUSED, ENOTCONN. Source: recvmsg(2).
	//posix:calls recvmsg
	//posix:retry retry EINTR is answered only when nothing was received
	//posix:fills m
	Recvmsg(fd FD, m *Msg, flags int) (int, error)

	// Getpeername returns the address of the other end. Errors: EBADF, ENOTCONN, ENOTSOCK. Source: getpeername(2).
	//posix:calls getpeername
	//posix:retry retry it only reads
	Getpeername(fd FD) (Sockaddr, error)
}
