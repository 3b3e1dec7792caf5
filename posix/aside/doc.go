// Package aside closes descriptors that somebody else may have made slow to close.
//
//	err := aside.Close(kernel, fd)
//
// Whoever can send to a unix socket can leave a descriptor in its queue, and whoever closes the socket closes that descriptor, too. One of a TCP
// connection with SO_LINGER, whose peer does not read, is closed when the peer likes, or never: socket(7), unix(7). The loop of the
// spawner must not wait for that, nor the manager.
//
// # Limits
//
// What takes longer is closed by a thread of its own, by [Slots] of them at most in a process. When so many are held up, descriptors that are
// closed here stay open until one gets free. All of them are closed when the process ends.
package aside
