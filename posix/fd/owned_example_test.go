package fd_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/fd"
)

// A descriptor has one owner. What is left open, and what is used after it was closed, is found.
func ExampleSet() {
	core := kernel.New(kernel.Config{}).Init() // or linux.New()
	n, err := core.MemfdCreate("scratch", unix.MFD_CLOEXEC)
	if err != nil {
		panic(err)
	}
	set := fd.NewSet(core)
	f := set.Own(n)
	fmt.Println(f.Do(func(n posix.FD) error { return core.Ftruncate(n, 4096) }), len(set.Leaks()))
	fmt.Println(f.Close(), len(set.Leaks()))
	err = f.Close()
	fmt.Println(err, errors.Is(err, fs.ErrClosed))
	// Output:
	// <nil> 1
	// <nil> 0
	// close descriptor 0: it is closed already true
}

// A listener and a connection, as package net has them, on a machine in memory. Config.Concurrent is set since the poller has a goroutine of its
// own.
func ExamplePoller_Listener() {
	core := kernel.New(kernel.Config{Concurrent: true}).Init() // or linux.New()
	poller, err := fd.NewPoller(core)
	if err != nil {
		panic(err)
	}
	socket := func() posix.FD {
		n, err := core.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			panic(err)
		}
		return n
	}
	at := posix.Sockaddr{Family: unix.AF_UNIX, Path: "/run/echo"}
	server, client := socket(), socket()
	if err := errors.Join(core.Bind(server, at), core.Listen(server, 8), core.Connect(client, at)); err != nil {
		panic(err)
	}
	l, err := poller.Listener(server) // a net.Listener, which owns server now
	if err != nil {
		panic(err)
	}
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = io.Copy(c, c)
		_ = c.Close()
	}()
	c, err := poller.Conn(client) // a net.Conn
	if err != nil {
		panic(err)
	}
	_, _ = io.WriteString(c, "hello")
	_ = c.CloseWrite()
	answer, err := io.ReadAll(c)
	fmt.Println(string(answer), err)
	fmt.Println(c.RemoteAddr(), errors.Join(c.Close(), l.Close(), poller.Close()))
	// Output:
	// hello <nil>
	// /run/echo <nil>
}
