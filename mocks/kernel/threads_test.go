package kernel_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
)

// TestProgramEndsDuringACall: a program returns while another goroutine of it waits in a call; that one ends with the process.
func TestProgramEndsDuringACall(t *testing.T) {
	k := machine(t, kernel.Config{Concurrent: true})
	p := k.Init()
	over := make(chan bool)
	pid := fork(t, p, func(c *kernel.Process) {
		r, w, err := c.Pipe2(unix.O_CLOEXEC)
		if err != nil {
			t.Error(err)
		}
		begun := make(chan bool)
		go func() {
			defer close(over)
			if _, err := c.Write(w, []byte{1}); err != nil {
				t.Error(err)
			}
			close(begun)
			for {
				if _, err := c.Read(r, make([]byte, 1)); err != nil {
					t.Error(err)
				}
			}
		}()
		<-begun
	})
	if info := reap(t, p, pid); info.Code != posix.CldExited || info.Status != 0 {
		t.Errorf("it ended as %+v", info)
	}
	<-over
}
