package differential

import "unsafe"

// addressOf is where mapped memory is, as a number. Mapped memory does not move.
func addressOf(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }
