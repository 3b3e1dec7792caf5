package metrics

import (
	"errors"
	"strconv"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// cacheLines is the distance that keeps two shards from sharing a cache line, nor a pair of lines that is fetched together.
const cacheLines = 128

// shard is the counters of about one processor: a goroutine may have moved to another one by the time that it counts.
type shard struct {
	cells [posix.OpCount]cell
	_     [cacheLines]byte
}

// cell counts the calls of one operation. The failures are apart, as most operations never have one.
type cell struct {
	ok     atomic.Uint64
	failed atomic.Pointer[failures]
}

// errnos is one more than Linux's greatest errno, EHWPOISON.
const errnos = 134

// failures counts by errno; the last place is for errors that have none of Linux's.
type failures struct {
	total atomic.Uint64
	by    [errnos + 1]atomic.Uint64
}

// fail counts a failure and returns how many there are.
func (c *cell) fail(err error) uint64 {
	f := c.failed.Load()
	if f == nil {
		c.failed.CompareAndSwap(nil, new(failures))
		f = c.failed.Load()
	}
	f.by[place(err)].Add(1)
	return f.total.Add(1)
}

// place returns where err is counted.
func place(err error) int {
	errno, ok := err.(posix.Errno)
	if !ok {
		errno = within(err)
	}
	if errno == 0 || errno >= errnos {
		return errnos
	}
	return int(errno)
}

// within finds the errno in an error that is no bare one, as a layer below should have returned. It is apart because its
// variable escapes to the heap.
func within(err error) posix.Errno {
	var errno posix.Errno
	_ = errors.As(err, &errno) // 0 when there is none
	return errno
}

// label returns the errno label of a place.
func label(place int) string {
	switch name := unix.ErrnoName(posix.Errno(place)); {
	case place == 0:
		return "0"
	case place == errnos:
		return "other"
	case name == "":
		return strconv.Itoa(place)
	default:
		return name
	}
}
