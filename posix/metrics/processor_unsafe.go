package metrics

import (
	"unsafe"

	"github.com/bulkhead/bulkhead/posix"
)

// The runtime keeps procPin and procUnpin reachable by linkname for packages outside of it (its source lists them). A Go
// release without them fails to link, rather than to count.
//
//posixvet:leak runtime.procPin, runtime.procUnpin: they make no system call

// procPin keeps the calling goroutine on its processor, and everybody else off it, until procUnpin. It returns the processor's number.
//
//go:linkname procPin runtime.procPin
func procPin() int

//go:linkname procUnpin runtime.procUnpin
func procUnpin()

// processor returns the number of the processor, in the sense of GOMAXPROCS, that runs the calling goroutine.
func processor() int {
	p := procPin()
	procUnpin()
	return p
}

// Succeed counts a call that Succeeded.
//
// An addition that is atomic would wait until everything that was written before is in the cache, which is a fifth of the cost of a call. This one
// is sound because the goroutine is pinned: nobody else adds to this processor's counter between the read and the write, and nothing
// between procPin and procUnpin can panic or block. Others read it, atomically, and an aligned word is written as a whole. An
// atomic.Uint64 is a uint64 with an alignment, whose fields of no size come first. The race detector, which does not know of
// processors, gets an addition that is atomic.
func (d *Core) Succeed(op posix.Op) {
	var n uint64
	if p := procPin(); p < len(d.shards) && !raceEnabled {
		c := (*uint64)(unsafe.Pointer(&d.shards[p].cells[op].ok))
		n = *c + 1
		*c = n
		procUnpin()
	} else {
		procUnpin()
		n = d.shard().cells[op].ok.Add(1)
	}
	if n%sampling == 0 {
		d.due[op].Store(true)
	}
}
