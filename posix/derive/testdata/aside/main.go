// Command aside makes calls of its own.
package main

import (
	"runtime"
	"syscall"

	"github.com/bulkhead/bulkhead/posix"
)

// number is not a constant.
func number(n uintptr) { _, _, _ = syscall.RawSyscall(n, 0, 0, 0) }

var late = len(syscall.Environ())

func main() {
	use(nil)
	_ = syscall.Chroot("/") // of package syscall
	number(syscall.SYS_SYNC)
	number(uintptr(late))
	object := new(int)
	runtime.SetFinalizer(object, func(*int) { _ = syscall.Sethostname(nil) })
}

func use(k posix.Clock) { _, _ = k.ClockGettime(0) }
