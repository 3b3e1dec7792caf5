package kernel

import "unsafe"

// address returns where a slice begins. The number is only compared with others: nobody makes a pointer of it again.
func address(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }

// pages returns zeroed memory that begins at a page, as mmap(2) does. Go's memory does not move once it is on the heap, where a slice of unknown size always is.
func pages(length int) []byte {
	b := make([]byte, length+pageSize)
	skip := int(-address(b) & (pageSize - 1))
	return b[skip : skip+length : skip+length]
}
