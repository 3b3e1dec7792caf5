package conformance

import "unsafe"

// addressOf returns where memory begins that Mmap returned; it does not move.
func addressOf(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }
