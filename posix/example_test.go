package posix_test

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/posix/stack"
)

// readFile takes the narrowest interface that it needs.
func readFile(files posix.Files, path string) ([]byte, error) {
	fd, err := files.Openat2(posix.AtFDCWD, path, posix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	defer func() { _ = files.Close(fd) }() // nothing was written
	var text []byte
	for buf := make([]byte, 4096); ; {
		n, err := files.Read(fd, buf)
		if n == 0 || err != nil {
			return text, err
		}
		text = append(text, buf[:n]...)
	}
}

// A function takes a narrow interface. Its test runs it on a machine in memory; main gives it linux.New(), with the layers of package stack.
func Example() {
	machine := kernel.New(kernel.Config{})
	if err := machine.WriteFile("/etc/motd", []byte("hello"), 0o644); err != nil {
		panic(err)
	}
	process := machine.Init()

	text, err := readFile(process, "/etc/motd")
	fmt.Println(string(text), err)

	_, err = readFile(process, "/etc/none")
	fmt.Println(err, errors.Is(err, fs.ErrNotExist))
	// Output:
	// hello <nil>
	// read /etc/none: no such file or directory true
}

// main gives a function Linux, with the standard layers on top, and a test gives it a process of a machine in memory.
func Example_kernels() {
	text, err := readFile(stack.New(linux.New(), stack.Options{}), "/proc/self/comm")
	fmt.Println(len(text) > 0, err)
	text, err = readFile(kernel.New(kernel.Config{}).Init(), "/proc/self/comm")
	fmt.Printf("%q %v\n", text, err)
	// Output:
	// true <nil>
	// "init\n" <nil>
}

// A child that executes a program, with a pipe as its standard output.
func ExampleCommand() {
	machine := kernel.New(kernel.Config{})
	err := machine.Install("/bin/echo", 0o755, func(p *kernel.Process, argv, _ []string) int {
		if _, err := p.Write(1, []byte(argv[1])); err != nil {
			return 1
		}
		return 3
	})
	if err != nil {
		panic(err)
	}
	var core posix.Core = machine.Init() // or linux.New()

	r, w, err := core.Pipe2(unix.O_CLOEXEC)
	if err != nil {
		panic(err)
	}
	program, err := posix.Command{Path: "/bin/echo", Args: []string{"echo", "hello"}, Files: []posix.FD{posix.NoFD, w, posix.NoFD}}.Program()
	if err != nil {
		panic(err)
	}
	child, err := core.Clone3(&posix.CloneArgs{ExitSignal: unix.SIGCHLD, Program: program})
	if err != nil {
		panic(err)
	}
	text := make([]byte, 100)
	n, err := core.Read(r, text)
	fmt.Println(string(text[:n]), err)

	var info posix.WaitInfo
	err = core.Waitid(posix.PPidfd, int(child.Pidfd), &info, unix.WEXITED)
	fmt.Println(info.Code == posix.CldExited, info.Status, err)
	// Output:
	// hello <nil>
	// true 3 <nil>
}

// What is known of each method is data.
func ExampleOp() {
	op, _ := posix.OpByName("read")
	fmt.Println(op, op.Interface()+"."+op.Method(), op.Calls(), op.Retry())
	fmt.Println(op.RetryReason())
	fmt.Println(slices.Contains(posix.Ops(), op))
	// Output:
	// read Files.Read [read] retry
	// EINTR is answered only before the first byte; after it, the number of bytes is
	// true
}
