package linux

import "golang.org/x/sys/unix"

// Kernel is the running kernel. All its methods may be called from any goroutine. It keeps the memory of one launch for the
// next, and nothing else.
type Kernel struct {
	images images
}

// New returns the running kernel.
func New() *Kernel { return &Kernel{} }

// Name returns "linux".
func (k *Kernel) Name() string { return "linux" }

// noFD is what a method that makes a descriptor returns with an error.
const noFD = -1

// result turns the errno of a raw call into an error.
func result(errno unix.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}
