// Command echo sends back what it is sent:
//
//	echo ADDRESS
//
// It listens on an IP address and a port ("127.0.0.1:0" lets the kernel choose), prints the address that it got, and serves any number
// of connections in one thread. It is written against the interfaces of package posix, so that what it may ask of the kernel follows from its
// types; `supervisor policy derive ./tests/testdata/echo` says what that is.
package main

import (
	"fmt"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

func main() {
	core := implementation()
	if len(os.Args) != 2 {
		say(core, 2, "usage: echo ADDRESS\n")
		os.Exit(2)
	}
	if err := run(core, os.Args[1]); err != nil {
		say(core, 2, fmt.Sprintf("echo: %v\n", err))
		os.Exit(1)
	}
}

// say writes a line to one of the standard streams. When that fails there is nobody to tell.
func say(k posix.Files, fd posix.FD, text string) { _, _ = k.Write(fd, []byte(text)) }

// kernel is what the program needs.
type kernel interface {
	posix.Files
	posix.Sockets
	posix.Polling
}

func run(k kernel, address string) error {
	addr, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("listen on %q: %w; write an IP address and a port, such as 127.0.0.1:7", address, err)
	}
	listener, got, err := listen(k, addr)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", addr, err)
	}
	say(k, 1, got.String()+"\n")
	s, err := newServer(k, listener)
	if err != nil {
		return err
	}
	for err == nil {
		err = s.turn()
	}
	return err
}

// listen opens a socket and returns it with the address that it has.
func listen(k posix.Sockets, addr netip.AddrPort) (posix.FD, posix.Sockaddr, error) {
	family := unix.AF_INET
	if addr.Addr().Is6() {
		family = unix.AF_INET6
	}
	fd, err := k.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, posix.Sockaddr{}, err
	}
	if err := k.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return -1, posix.Sockaddr{}, err
	}
	if err := k.Bind(fd, posix.Sockaddr{Family: uint16(family), Addr: addr}); err != nil {
		return -1, posix.Sockaddr{}, err
	}
	if err := k.Listen(fd, 16); err != nil {
		return -1, posix.Sockaddr{}, err
	}
	got, err := k.Getsockname(fd)
	return fd, got, err
}
