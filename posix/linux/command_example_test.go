package linux_test

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
)

// A child that is a shell, and how it ended.
func ExampleKernel_Clone3() {
	core := linux.New()
	program, err := posix.Command{Path: "/bin/sh", Args: []string{"sh", "-c", "kill -TERM $$"}}.Program()
	if err != nil {
		fmt.Println(err)
		return
	}
	child, err := core.Clone3(&posix.CloneArgs{ExitSignal: unix.SIGCHLD, Program: program})
	if err != nil {
		fmt.Println(err)
		return
	}
	var info posix.WaitInfo
	err = core.Waitid(posix.PPidfd, int(child.Pidfd), &info, unix.WEXITED)
	fmt.Println(info.Code == posix.CldKilled, posix.Signal(info.Status), err)
	fmt.Println(core.Close(child.Pidfd))
	// Output:
	// true terminated <nil>
	// <nil>
}
