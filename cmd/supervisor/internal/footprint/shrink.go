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

// piece is how much of the program comes back at most when a byte of it is needed.
const piece = 256 << 10

// release gives segments back, whatever becomes of others.
func release(m posix.Memory, segments []linux.Segment) error {
	var errs []error
	for _, s := range segments {
		if err := errors.Join(divide(m, s), m.Madvise(s.Addr, s.Length, unix.MADV_DONTNEED)); err != nil {
			errs = append(errs, fmt.Errorf("give back %d bytes of the program: %w", s.Length, err))
		}
	}
	return errors.Join(errs...)
}

// divide has the kernel see a segment as many. A file that was written in one go lies in memory in blocks of up to two megabytes, and Linux 6.18 maps
// all of the block in which a byte is needed, as long as it lies within one mapping. So every second piece is given an attribute that the
// others do not have, which makes mappings of them. It is the one against huge pages, since it says what is wanted.
func divide(m posix.Memory, s linux.Segment) error {
	for at := uintptr(0); at < s.Length; at += 2 * piece {
		err := m.Madvise(s.Addr+at, min(piece, s.Length-at), unix.MADV_NOHUGEPAGE)
		if errors.Is(err, posix.Errno(unix.EINVAL)) {
			return nil // a kernel that has no large blocks
		}
		if err != nil {
			return err
		}
	}
	return nil
}
