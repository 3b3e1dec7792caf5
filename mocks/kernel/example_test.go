package kernel_test

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
)

// A machine, a file on it, and what is a different answer for a different user.
func Example() {
	k := kernel.New(kernel.Config{})
	if err := k.WriteFile("/etc/secret", []byte("text"), 0o600); err != nil {
		panic(err)
	}
	root := k.Init()
	user, err := root.Child()
	if err != nil {
		panic(err)
	}
	if err := user.Setresuid(posix.Uids{Real: 1000, Effective: 1000, Saved: 1000}); err != nil {
		panic(err)
	}
	for _, p := range []*kernel.Process{root, user} {
		fd, err := p.Openat2(posix.AtFDCWD, "/etc/secret", posix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC})
		fmt.Println(p.Geteuid(), err)
		if err == nil {
			_ = p.Close(fd)
		}
	}
	fmt.Println(k.Close()) // names what was left open
	// Output:
	// 0 <nil>
	// 1000 permission denied
	// <nil>
}

// A program waits for an hour, which takes no time, and is killed.
func ExampleProcess_Fork() {
	k := kernel.New(kernel.Config{})
	p := k.Init()
	pid, err := p.Fork(func(child *kernel.Process) {
		for {
			_ = child.ClockNanosleep(unix.CLOCK_MONOTONIC, 0, posix.Timespec{Sec: 1}, nil)
		}
	})
	if err != nil {
		panic(err)
	}
	k.Advance(time.Hour)
	fmt.Println(k.Now(), p.Kill(pid, unix.SIGKILL))
	var info posix.WaitInfo
	err = p.Waitid(posix.PPid, int(pid), &info, unix.WEXITED)
	fmt.Println(info.Code == posix.CldKilled, posix.Signal(info.Status), err)
	// Output:
	// 1h0m0s <nil>
	// true killed <nil>
}

// A file system of one byte is a full disk.
func ExampleKernel_Limit() {
	k := kernel.New(kernel.Config{})
	p := k.Init()
	fd, err := p.Openat2(posix.AtFDCWD, "/var/log", posix.OpenHow{Flags: unix.O_WRONLY | unix.O_CREAT | unix.O_CLOEXEC, Mode: 0o600})
	if err != nil {
		panic(err)
	}
	fmt.Println(p.Write(fd, make([]byte, 4000)))
	if err := k.Limit("/", 1, 0); err != nil {
		panic(err)
	}
	fmt.Println(p.Write(fd, make([]byte, 4000))) // the rest of the page
	fmt.Println(p.Write(fd, make([]byte, 4000)))
	// Output:
	// 4000 <nil>
	// 96 <nil>
	// 0 no space left on device
}

// A handler runs when a signal interrupts a call, which answers EINTR.
func ExampleProcess_Sigaction() {
	k := kernel.New(kernel.Config{})
	p := k.Init()
	r, w, err := p.Pipe2(unix.O_CLOEXEC)
	if err != nil {
		panic(err)
	}
	pid, err := p.Fork(func(child *kernel.Process) {
		handler := func(info posix.SignalInfo) { fmt.Println("process", info.PID, "sent", info.Signal) }
		if err := child.Sigaction(unix.SIGHUP, kernel.Action{Handler: handler}); err != nil {
			panic(err)
		}
		_, err := child.Read(r, make([]byte, 1))
		fmt.Println("read:", err)
	})
	if err != nil {
		panic(err)
	}
	k.Settle() // until the child reads
	fmt.Println("kill:", p.Kill(pid, unix.SIGHUP))
	k.Settle()
	_ = p.Close(r)
	_ = p.Close(w)
	// Output:
	// kill: <nil>
	// process 1 sent hangup
	// read: interrupted system call
}
