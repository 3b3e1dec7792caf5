//go:build joined && amd64 && cgo

package early

// entry.c runs before the C library has given this thread its storage, in which a stack protector keeps its value (at %fs:0x28): with one,
// which Ubuntu's gcc adds unless it is told not to, every start of the file would be a fault.

// #cgo CFLAGS: -fno-stack-protector
import "C"
