package fault_test

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/fault"
)

// save is code under test: it puts a text into a file, and forgets something when that fails.
func save(core posix.Files, path, text string) error {
	fd, err := core.Openat2(posix.AtFDCWD, path, posix.OpenHow{Flags: unix.O_WRONLY | unix.O_CREAT | unix.O_TRUNC | unix.O_CLOEXEC, Mode: 0o600})
	if err != nil {
		return err
	}
	if _, err := core.Write(fd, []byte(text)); err != nil {
		return errors.Join(err, core.Close(fd))
	}
	_ = core.Fsync(fd) // a mistake
	return core.Close(fd)
}

// Every call fails once. Whoever does not notice is found out.
func ExampleSweep() {
	machine := kernel.New(kernel.Config{}).Init()
	fault.Sweep(printing{}, machine, unix.EIO, func(core posix.Core) error { return save(core, "/tmp/a", "text") })
	// Output:
	// call 3, fsync fd 0: EIO: no error
}

// printing stands for *testing.T, which an example has not.
type printing struct{}

func (printing) Helper()                           {}
func (printing) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }
