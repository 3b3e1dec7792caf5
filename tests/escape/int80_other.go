//go:build !amd64

package main

// interrupt is for processors that have no such interface.
func interrupt(number, a, b, c int32) int32 { return -38 } // ENOSYS

const has32Bit = false
