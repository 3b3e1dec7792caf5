package metrics

import _ "unsafe" // for go:linkname

// The runtime keeps procPin and procUnpin reachable by linkname for packages outside of it (its source lists them). They
// are used here for their number alone. That is sound: nothing runs between the two calls, so the goroutine is
// pinned for an instant only, and a number that is out of date when it is used costs speed and nothing else. A Go
// release without them fails to link, rather than to count.
//
//posixvet:leak runtime.procPin, runtime.procUnpin: they make no system call

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
