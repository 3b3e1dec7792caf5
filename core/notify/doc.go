// Package notify receives what modules say of themselves: the datagrams of sd_notify(3).
//
//	r := notify.New(loop, kernel, notify.Options{Notified: …, Refused: …})
//	r.Add(instance, pid, fd)
//	r.Remove(instance)
//
// Each instance has a socket of its own. A datagram counts when the kernel says that the instance's main process sent it (SCM_CREDENTIALS);
// anything else is refused, and reported. Descriptors that come along are closed at once; where that takes long, which their maker can see to,
// nothing more is read from that socket until it is done, and all others are.
//
// # Bounds
//
// A datagram has at most [MaxDatagram] bytes, and [perSecond] of one instance are read in a second. More of them wait in the socket, where the
// sender waits too, so that a flood costs whoever sends it. Refusals of an instance are reported at once and then every ten seconds, with
// their number.
//
// # Limits
//
// A program that has forked and lets a child notify (systemd's NotifyAccess=all) is refused, and so is MAINPID=: the main process is the one that
// was started. A process that is privileged in the user namespace of the instance's pid namespace could send somebody else's number there.
// FDSTORE=, BUSERROR=, EXTEND_TIMEOUT_USEC= and names that nobody knows are ignored, as sd_notify(3) wants it.
package notify
