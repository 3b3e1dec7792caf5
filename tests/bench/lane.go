package main

import (
	"runtime"
	"time"

	"github.com/bulkhead/bulkhead/spawner/launch"
)

// lane is a thread that launches and does nothing else, as those of the supervisor are. Other tools are started by another one: this thread gives
// capabilities up that they need.
type lane struct {
	launcher *launch.Launcher
	work     chan func()
	ended    chan error
}

// lane makes one. The caller closes it.
func (b *bench) lane() (*lane, error) {
	n := &lane{work: make(chan func()), ended: make(chan error, 1)}
	opened := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		var err error
		if n.launcher, err = launch.New(b.kernel, launch.Options{Narrow: true}); err != nil {
			opened <- err
			return
		}
		close(opened)
		for do := range n.work {
			do()
		}
		n.ended <- n.launcher.Close()
	}()
	return n, <-opened
}

// on has the lane do something. The time is what it takes there, without the way.
func (n *lane) on(once func() (time.Duration, error)) func() (time.Duration, error) {
	return func() (took time.Duration, err error) {
		done := make(chan struct{})
		n.work <- func() { defer close(done); took, err = once() }
		<-done
		return took, err
	}
}

func (n *lane) close() error {
	close(n.work)
	return <-n.ended
}
