// Package fd owns descriptors: one owner, closed once, leaks reported; and makes net.Listener, net.Conn and io.ReadWriteCloser of them.
//
// A posix.FD is a number. Whoever has it can close it, and after that it may be another file. An [FD] has one owner: it is closed once, nobody uses
// it afterwards, and a use that is under way when it is closed is finished first.
//
//	set := fd.NewSet(core)
//	f := set.Own(n)       // n is f's now
//	err := f.Do(func(n posix.FD) error { return core.Ftruncate(n, 0) })
//	err = f.Close()       // a second Close, and a Do after it, are an error that wraps fs.ErrClosed
//
// A test makes the set with [Set.Stacks] and checks at its end that nothing is left: see [Set.Check].
//
// # Waiting
//
// A [Poller] waits for any number of descriptors on one epoll instance, with one goroutine. [Poller.Stream], [Poller.Conn] and [Poller.Listener] take ownership of a
// non-blocking descriptor and wait with it: goroutines block, threads do not. They have deadlines, and Close ends what waits.
//
//	poller, err := fd.NewPoller(core)
//	l, err := poller.Listener(n) // of a socket that listens
//	http.Serve(l, handler)
//
// Errors are those that package net gives: [net.OpError] around an errno, [os.ErrDeadlineExceeded], [net.ErrClosed], io.EOF.
//
// # In tests
//
// On mocks/kernel a poller needs Config.Concurrent, since it has a goroutine of its own; in a bubble of testing/synctest it counts as waiting when nothing happens.
// docs/guide-testing.md has a server that is tested so.
//
// # Limits
//
// Deadlines are those of Go's clock, not of a virtual one of the core below; in a testing/synctest bubble both can be virtual. A descriptor whose file
// epoll does not take (a regular file, a directory) is no stream: NewPoller's methods answer EPERM. Copies of a descriptor that other processes
// have stay open, and so does what is behind it.
package fd
