// Package link is the manager's end of the channel to the spawner: it turns frames with descriptors into values that own them, and
// requests into frames.
//
//	l, err := link.New(kernel, 0)
//	err = l.Run(handler)                                      // Hello first, then what happens, until the channel closes
//	err = l.Send(id, wire.KindStart, request.Encode())        // from any goroutine; never blocks
//
// The spawner is privileged and of the same build, yet what it says is checked as what a stranger says: lengths, kinds, the exact number of
// descriptors, the seals and sizes of files in memory, and that a reply answers something. The first thing that does not fit ends Run with an
// error that names it, and the manager with it: a channel whose ends disagree is good for nothing.
//
// # Limits
//
// At most [Window] requests are on their way; more wait in memory, up to [MaxQueue]. A spawner that is silent is reported and waited for: it
// is the one who ends a manager, never the other way round.
package link
