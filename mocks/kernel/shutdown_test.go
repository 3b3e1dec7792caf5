package kernel_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
)

// A goroutine that is still in a call when the machine is shut down is named, and what it waits for is no mistake of the kernel's.
func TestCloseNamesCallsThatAreNotOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := kernel.New(kernel.Config{Concurrent: true})
		p := k.Init()
		r, w, err := p.Pipe2(unix.O_CLOEXEC)
		must(t, "pipe2", err)
		ended := make(chan any)
		go func() {
			how := any("ended")
			defer func() { ended <- how }()
			n, err := p.Read(r, make([]byte, 1))
			how = fmt.Sprintf("went on after %d, %v", n, err)
		}()
		synctest.Wait()
		must(t, "close", p.Close(r)) // the call goes on with what it has
		err = k.Close()
		var left *kernel.Leftovers
		if !errors.As(err, &left) || len(left.Calls) != 1 || left.Calls[0] != (kernel.LeftoverCall{PID: 1, What: "read"}) ||
			len(left.Descriptors) != 1 || left.Descriptors[0].FD != w || !strings.Contains(err.Error(), "process 1 was still waiting in read") {
			t.Errorf("%v, %+v", err, left)
		}
		if e := <-ended; e != "ended" {
			t.Errorf("the goroutine of the call: %v", e)
		}
	})
}
