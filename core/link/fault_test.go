package link

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/fault"
)

// What cannot be read is not the spawner's fault; what is not sealed is. A file that was read is good, whatever becomes of its descriptor.
func TestContents(t *testing.T) {
	const io = posix.Errno(unix.EIO)
	for _, tt := range []struct {
		name    string
		op      posix.Op // fails; 0: none
		seals   int
		want    error
		garbage bool
	}{
		{"a sealed file", 0, seals, nil, false},
		{"a file without a seal", 0, seals &^ unix.F_SEAL_WRITE, ErrGarbage, true},
		{"its seals cannot be read", posix.OpFcntl, seals, io, false},
		{"its size cannot be read", posix.OpFstat, seals, io, false},
		{"it cannot be read", posix.OpPread, seals, io, false},
		{"it is not closed well", posix.OpClose, seals, nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := kernel.New(kernel.Config{})
			p := k.Init()
			fd, err := p.MemfdCreate("message", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.Write(fd, []byte("text")); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Fcntl(fd, unix.F_ADD_SEALS, tt.seals); err != nil {
				t.Fatal(err)
			}
			core := fault.New(p)
			if tt.op != 0 {
				core.Set(0, fault.Always(io).On(tt.op))
			}
			message, err := contents(core, fd)
			if !errors.Is(err, tt.want) || errors.Is(err, ErrGarbage) != tt.garbage || err == nil && string(message) != "text" {
				t.Errorf("%q, %v", message, err)
			}
			if err := k.Close(); err != nil { // it was closed
				t.Error(err)
			}
		})
	}
}
