// Package probe finds out whether somebody accepts TCP connections at an address, again and again.
//
//	p := probe.New(loop, kernel, func(id wire.InstanceID, err error) { … })
//	p.Start(probe.Target{Instance: id, Addr: addr, Interval: 5 * time.Second, Timeout: time.Second})
//	p.Stop(id)
//
// A connection that was made is closed at once; nothing is sent. The first try is made at once, the next ones at the interval from the
// beginning of the one before. Probes share the loop's goroutine: a thousand cost as many sockets, for a moment each.
//
// # Limits
//
// The kernel makes connections on behalf of a listening socket, up to its backlog: a program that hangs passes for one that is slow until its accept
// queue is full. The manager connects from the network that it runs in, which is the host's.
package probe
