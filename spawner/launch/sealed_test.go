package launch

import (
	"bytes"
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/spawner/launch/pidinit"
)

// TestSealedInit: nobody can change the file that every pid namespace starts with, and only root could read it.
func TestSealedInit(t *testing.T) {
	k := linux.New()
	fd, err := sealedInit(k)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = k.Close(fd) }()
	seals, err := k.Fcntl(fd, unix.F_GET_SEALS, 0)
	const want = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	if err != nil || seals&want != want {
		t.Errorf("seals %#x, %v", seals, err)
	}
	if _, err := k.Write(fd, []byte{0}); !errors.Is(err, posix.Errno(unix.EPERM)) {
		t.Errorf("a write: %v, want EPERM", err)
	}
	if err := k.Ftruncate(fd, 0); !errors.Is(err, posix.Errno(unix.EPERM)) {
		t.Errorf("a truncation: %v, want EPERM", err)
	}
	var st posix.Stat
	if err := k.Fstat(fd, &st); err != nil || st.Mode&0o7777 != 0o111 || st.Size != int64(len(pidinit.Executable)) {
		t.Errorf("mode %o, %d bytes, %v", st.Mode, st.Size, err)
	}
	flags, err := k.Fcntl(fd, unix.F_GETFD, 0)
	if err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("descriptor flags %#x, %v", flags, err)
	}
	data := make([]byte, st.Size+1)
	if n, err := k.Pread(fd, data, 0); err != nil || !bytes.Equal(data[:n], pidinit.Executable) {
		t.Errorf("%d bytes, %v", n, err)
	}
}
