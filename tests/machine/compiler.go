package machine

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
)

// compiler is a process whose files in memory are real ones: libseccomp writes into them by itself, and closes them.
type compiler struct {
	*kernel.Process
	real *linux.Kernel
}

// realFDs is where the numbers of real descriptors begin: above those that the process may have.
const realFDs posix.FD = 64

// MemfdCreate implements [posix.Memory].
func (c *compiler) MemfdCreate(name string, flags int) (posix.FD, error) {
	fd, err := c.real.MemfdCreate(name, flags)
	if err != nil {
		return fd, err
	}
	above, err := c.real.Fcntl(fd, unix.F_DUPFD_CLOEXEC, int(realFDs))
	return posix.FD(above), errors.Join(err, c.real.Close(fd))
}

// Fstat implements [posix.Files].
func (c *compiler) Fstat(fd posix.FD, st *posix.Stat) error {
	if fd >= realFDs {
		return c.real.Fstat(fd, st)
	}
	return c.Process.Fstat(fd, st)
}

// Pread implements [posix.Files].
func (c *compiler) Pread(fd posix.FD, b []byte, off int64) (int, error) {
	if fd >= realFDs {
		return c.real.Pread(fd, b, off)
	}
	return c.Process.Pread(fd, b, off)
}
