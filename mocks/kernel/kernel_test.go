package kernel_test

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
)

var _ posix.Core = (*kernel.Process)(nil)

func TestCloseOfNothing(t *testing.T) {
	p := kernel.New(kernel.Config{}).Init()
	for _, fd := range []posix.FD{-1, posix.AtFDCWD, 0, 7, 1 << 30} {
		if err := p.Close(fd); !errors.Is(err, unix.EBADF) {
			t.Errorf("close of %d: %v, want EBADF", fd, err)
		}
	}
}
