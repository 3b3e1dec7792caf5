package footprint

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
)

// Rest is how long a process has had nothing to do when it is to shrink. What goes on for less would only be slowed down.
const Rest = time.Second

// Shrink collects garbage and gives back what it leaves free, and then the pages of the program. It takes some milliseconds, in which other
// goroutines go on. It can be called by any goroutine, and again. An error is about the program's pages; nothing is broken then.
func Shrink(m posix.Memory) error {
	debug.FreeOSMemory()
	segments, err := linux.ReadOnlySegments()
	if err != nil {
		return err
	}
	return release(m, segments)
}

// release gives segments back, whatever becomes of others.
func release(m posix.Memory, segments []linux.Segment) error {
	var errs []error
	for _, s := range segments {
		if err := m.Madvise(s.Addr, s.Length, unix.MADV_DONTNEED); err != nil {
			errs = append(errs, fmt.Errorf("give back %d bytes of the program: %w", s.Length, err))
		}
	}
	return errors.Join(errs...)
}
