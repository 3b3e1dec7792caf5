package linux_test

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/errs"
	"github.com/bulkhead/bulkhead/posix/linux"
)

func ExampleNew() {
	core := errs.New(linux.New())
	fmt.Println(posix.Describe(core))

	_, err := core.Openat2(posix.AtFDCWD, "/nonexistent", posix.OpenHow{Flags: syscall.O_RDONLY | syscall.O_CLOEXEC})
	fmt.Println(err)
	fmt.Println(errors.Is(err, fs.ErrNotExist))
	// Output:
	// errs > linux
	// openat2 /nonexistent: no such file or directory
	// true
}
