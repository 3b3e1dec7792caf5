// Package linger makes descriptors that cannot be closed quickly.
package linger

import (
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
)

// Lingers is how long the close of what [Leave] leaves behind would take if nobody ended it.
const Lingers = 10 * time.Second

// Leave sends the last copy of a TCP connection to a unix socket, with data. The connection lingers and its peer does not read, so who closes it waits: for
// [Lingers], or until the end of the test. Nobody may receive before Leave returns, or the last copy is the test's own.
func Leave(t *testing.T, to posix.FD, data []byte) {
	t.Helper()
	fd := held(t)
	k := linux.New()
	_, err := k.Sendmsg(to, &posix.Msg{Data: data, Control: posix.Rights(fd)}, unix.MSG_NOSIGNAL)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Close(fd); err != nil { // not the last copy, so this does not wait
		t.Fatal(err)
	}
}

// held returns the near end of a connection.
func held(t *testing.T) posix.FD {
	t.Helper()
	must := func(fd int, err error) int {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return fd
	}
	l := must(unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0))
	defer func() { _ = unix.Close(l) }()
	if err := errors.Join(unix.Bind(l, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), unix.Listen(l, 1)); err != nil {
		t.Fatal(err)
	}
	where, err := unix.Getsockname(l)
	if err != nil {
		t.Fatal(err)
	}
	near := must(unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0))
	if err := unix.Connect(near, where); err != nil {
		t.Fatal(err)
	}
	far, _, err := unix.Accept4(l, unix.SOCK_CLOEXEC)
	must(far, err)
	t.Cleanup(func() { _ = unix.Close(far) }) // which resets the connection: it has not read everything
	if err := errors.Join(unix.SetNonblock(near, true), unix.SetsockoptLinger(near, unix.SOL_SOCKET, unix.SO_LINGER,
		&unix.Linger{Onoff: 1, Linger: int32(Lingers / time.Second)})); err != nil {
		t.Fatal(err)
	}
	for junk := make([]byte, 64<<10); err == nil; {
		_, err = unix.Write(near, junk)
	}
	if !errors.Is(err, unix.EAGAIN) {
		t.Fatal(err)
	}
	return posix.FD(near)
}

// Quick fails when f waits for what was left.
func Quick(t *testing.T, f func()) {
	t.Helper()
	begun := time.Now()
	f()
	if took := time.Since(begun); took > Lingers/2 {
		t.Errorf("it took %s, as long as somebody else wants", took)
	}
}
