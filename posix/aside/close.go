package aside

import (
	"time"

	"github.com/bulkhead/bulkhead/posix"
)

const (
	// Slots is how many threads of a process Close may have held up.
	Slots = 16
	// Patience is how long Close waits.
	Patience = 20 * time.Millisecond
)

// Threads closes with as many threads as it has places.
type Threads chan struct{}

// common are those of Close: threads are the process's.
var common = make(Threads, Slots)

// Close closes descriptors, one after the other. It returns after [Patience] even when that is not done; then there is no error.
func Close(k posix.Files, fds ...posix.FD) error {
	return common.Do(func() error {
		var first error
		for _, fd := range fds {
			if err := k.Close(fd); err != nil && first == nil {
				first = err
			}
		}
		return first
	})
}

// Do calls a function that closes something. It returns after [Patience] even when that is not done, or another one has not been; then there
// is no error.
func (t Threads) Do(f func() error) error {
	done := make(chan error, 1)
	go func() {
		t <- struct{}{}
		defer func() { <-t }()
		done <- f()
	}()
	timer := time.NewTimer(Patience)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		return nil
	}
}
