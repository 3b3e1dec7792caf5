// Package poll calls functions when descriptors are ready, when time has passed, and when other goroutines ask for it: one goroutine, on
// one epoll instance, so that a thousand pipes cost one thread.
//
//	loop, err := poll.New(kernel)
//	go loop.Run()
//	loop.Post(func() { loop.Add(fd, unix.EPOLLIN, func(events uint32) { … }) })
//
// All functions are called by the goroutine that runs the loop, one after the other; what only they touch needs no lock. [Loop.Post] and
// [Loop.Stop] can be called by any goroutine; the other methods only by functions that the loop calls, or before it runs.
//
// # Limits
//
// A function that blocks holds up all others of its loop. Whoever writes to where nobody may be reading has a loop of its own.
package poll
