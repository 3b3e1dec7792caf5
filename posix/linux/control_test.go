package linux

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// The helpers of package posix against the kernel: what Rights made is passed, with credentials beside it, and is found.
func TestControlMessages(t *testing.T) {
	k := New()
	file := tempFile(t, tempDir(t), "file", "inside")
	for _, typ := range []int{unix.SOCK_SEQPACKET, unix.SOCK_DGRAM, unix.SOCK_STREAM} {
		a, b := pair(t, typ)
		must(t, "SO_PASSCRED", k.SetsockoptInt(b, unix.SOL_SOCKET, unix.SO_PASSCRED, 1))
		on, err := k.GetsockoptInt(b, unix.SOL_SOCKET, unix.SO_PASSCRED)
		if on != 1 || err != nil {
			t.Fatalf("SO_PASSCRED is %d, %v", on, err)
		}
		for _, sent := range [][]posix.FD{nil, {file}, {file, file, file}} {
			_, err := k.Sendmsg(a, &posix.Msg{Data: []byte("!"), Control: posix.Rights(sent...)}, 0)
			must(t, "Sendmsg", err)
			m := posix.Msg{Data: make([]byte, 8), Control: make([]byte, posix.CredentialsSpace+posix.RightsSpace(len(sent)))}
			_, err = k.Recvmsg(b, &m, unix.MSG_CMSG_CLOEXEC)
			must(t, "Recvmsg", err)
			got, err := posix.ParseRights(m.Control[:m.ControlLen])
			for _, fd := range got {
				closing(t, fd, nil)
			}
			if len(got) != len(sent) || err != nil || m.Flags&unix.MSG_CTRUNC != 0 {
				t.Fatalf("%d descriptors came as %v, %v, flags %#x", len(sent), got, err, m.Flags)
			}
			who, ok := posix.ParseCredentials(m.Control[:m.ControlLen])
			if want := (posix.Ucred{PID: k.Getpid(), UID: k.Getuid(), GID: k.Getgid()}); who != want || !ok {
				t.Errorf("from %+v, %v, want %+v", who, ok, want)
			}
			for _, fd := range got {
				buf := make([]byte, 8)
				if n, err := k.Pread(fd, buf, 0); string(buf[:n]) != "inside" || err != nil {
					t.Errorf("descriptor %d reads %q, %v", fd, buf[:n], err)
				}
			}
		}
	}
}

// The room that aligns a message for one descriptor holds a second one, and no third: RightsSpace's documentation.
func TestControlMessageCutShort(t *testing.T) {
	k := New()
	a, b := pair(t, unix.SOCK_DGRAM)
	file := tempFile(t, tempDir(t), "file", "")
	_, err := k.Sendmsg(a, &posix.Msg{Data: []byte("!"), Control: posix.Rights(file, file, file)}, 0)
	must(t, "Sendmsg", err)
	m := posix.Msg{Data: make([]byte, 8), Control: make([]byte, posix.RightsSpace(1))}
	_, err = k.Recvmsg(b, &m, unix.MSG_CMSG_CLOEXEC)
	must(t, "Recvmsg", err)
	got, err := posix.ParseRights(m.Control[:m.ControlLen])
	for _, fd := range got {
		closing(t, fd, nil)
	}
	if len(got) != 2 || err != nil || m.Flags&unix.MSG_CTRUNC == 0 {
		t.Errorf("received %v, %v, flags %#x, want 2 descriptors and MSG_CTRUNC", got, err, m.Flags)
	}
	many := make([]posix.FD, posix.MaxRights+1)
	for i := range many {
		many[i] = file
	}
	_, err = k.Sendmsg(a, &posix.Msg{Data: []byte("!"), Control: posix.Rights(many...)}, 0)
	if !errors.Is(err, unix.EINVAL) {
		t.Errorf("one more than MaxRights: %v, want EINVAL", err)
	}
	_, err = k.Sendmsg(a, &posix.Msg{Data: []byte("!"), Control: posix.Rights(many[1:]...)}, 0)
	must(t, "MaxRights descriptors", err)
}
