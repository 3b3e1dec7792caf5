// Package listener opens listening sockets.
//
// [Open] makes the socket of one listener of a policy, [OpenAll] those of all of them or none:
//
//	set, err := listener.OpenAll(kernel, plan.Listeners)
//	…
//	defer set.Close(kernel)
//
// A reconfiguration checks its new listeners with [Reserve], which binds and does not listen, and lets them [Socket.Listen] when nothing else can
// go wrong. Sockets that stay are changed in place by [Socket.Change]. A socket that a module has put out of service is [Socket.Down] and
// can be put back with [Socket.Heal]; [Socket.Queue] tells how busy those who accept are.
//
// # What is set
//
//   - TCP: SO_REUSEADDR, so that connections in TIME-WAIT do not keep the port. Never SO_REUSEPORT: two supervisors on one
//     port would each get a share of the connections.
//   - UDP: neither. With SO_REUSEADDR anybody could take the port over.
//   - IPv6: IPV6_V6ONLY, whatever net.ipv6.bindv6only says, as in nginx (ipv6only=on). [::]:80 does not take IPv4; a policy that wants both has
//     two listeners. So a policy means the same on every host.
//   - Descriptors are close-on-exec, until a launch hands them on, and blocking, as systemd passes them: O_NONBLOCK belongs to the open socket,
//     which all its holders share, so it is left to the program that knows whether it wants it. A module with `listener_protocol: nginx` gets it
//     set by its launch program: nginx expects a socket that a former nginx has prepared.
//
// # Unix sockets
//
// The socket is bound to its path, gets its owner and mode, and only then listens. Until it listens a client is refused, so at no time is
// there a socket that answers and has another mode. It is bound to the path itself and not to a temporary name that is renamed, because
// getsockname tells every later holder the name of the bind: nginx compares it with its own configuration to find out which of the
// inherited sockets is which.
//
// Something that stands at the path already is never removed unless it is a socket on which nobody listens. That one gets another name in the
// same directory while its place is reserved, and is removed when the new one listens, or put back. [Socket.Close] removes the
// path if what is there is what was bound, by device and inode. The socket that is still open keeps its inode, so the
// number cannot have gone to another file.
//
// # Identity
//
// [IdentityOf] is everything about a listener that cannot be changed while it is open. Listeners of equal identity can
// share a socket: a new backlog, mode or owner does not close it.
//
// # Limits
//
//   - The kernel lowers a backlog to net.core.somaxconn without a word; [Socket.Backlog] is what was asked for. TCP_INFO tells what is used.
//   - Any process that holds a listening socket can put it out of service for all of them, again and again, and nobody can tell which one it was.
//     A UDP socket cannot be healed while one of them lives. In the same way a holder can clear O_NONBLOCK, and another one that is woken for a
//     connection which is gone then waits in accept(2) for the next.
//   - Between Reserve and Listen another process can bind the same TCP port and listen before us; then Listen fails.
//   - The path of a unix socket is missing for a moment when a socket that nobody listens on is replaced or healed: a socket has to be bound
//     where it stays, as said above. Clients were refused there before.
//   - The queue of a unix socket is not known.
//   - Whoever may write to the directory of a unix socket can put another socket in its place. Use a directory of its own, such as /run/NAME.
//   - A socket that is bound and does not listen yet looks like one that was left behind. Two supervisors that start at the same moment with
//     the same path may both succeed; the path then leads to one of them.
//   - A path of more than 107 bytes does not fit into an address. It is bound through /proc/self/fd, and getsockname shows that.
//
//posixvet:leak os/user.*: knows the format of the user database, which is whoever administers the host's
package listener
