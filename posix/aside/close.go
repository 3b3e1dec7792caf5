package aside

import (
	"time"

	"github.com/bulkhead/bulkhead/posix"
)

const (
	// Slots is how many threads of a process may be held up.
	Slots = 16
	// Patience is how long Close waits.
	Patience = 20 * time.Millisecond
)

var slots = make(chan struct{}, Slots) // threads are the process's

// Close closes descriptors, one after the other. It returns after [Patience] even when that is not done; then there is no error.
func Close(k posix.Files, fds ...posix.FD) error {
	done := make(chan error, 1)
	go func() {
		slots <- struct{}{}
		defer func() { <-slots }()
		var first error
		for _, fd := range fds {
			if err := k.Close(fd); err != nil && first == nil {
				first = err
			}
		}
		done <- first
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
