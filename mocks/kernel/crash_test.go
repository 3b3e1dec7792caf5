package kernel_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
)

// A panic while a call has the kernel locked: in a trace function, which stands for a bug of the kernel as well.
func TestPanicWithinACall(t *testing.T) {
	explode := func(c kernel.Call) {
		if c.Op == posix.OpGetuid {
			panic("within a call")
		}
	}
	for _, concurrent := range []bool{false, true} {
		name := map[bool]string{false: "one at a time", true: "concurrent"}[concurrent]
		t.Run(name+", of a program", func(t *testing.T) {
			t.Parallel() // somebody waits for a lock that nobody gives back
			k := kernel.New(kernel.Config{Concurrent: concurrent, Trace: explode})
			fork(t, k.Init(), func(p *kernel.Process) { p.Getuid() })
			defer func() {
				crash, ok := recover().(*kernel.Crash)
				if !ok || crash.Value != "within a call" || !strings.Contains(crash.Error(), "Getuid") {
					t.Errorf("the test panicked with %v, want the panic within the call", crash)
				}
				if err := k.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			}()
			for { // with Concurrent nothing says when the program has come so far
				k.Settle()
				k.Init().Getpid()
			}
		})
		t.Run(name+", of the test", func(t *testing.T) {
			t.Parallel() // somebody waits for a lock that nobody gives back
			k := kernel.New(kernel.Config{Concurrent: concurrent, Trace: explode})
			defer func() {
				if v := recover(); v != "within a call" {
					t.Errorf("panicked with %v", v)
				}
				if err := k.Close(); err == nil || !strings.Contains(err.Error(), "panicked") {
					t.Errorf("close: %v, want that a call does not end", err)
				}
			}()
			k.Init().Getuid()
		})
	}
}

func TestCloseTellsOfAPanicThatNoCallTold(t *testing.T) {
	k := kernel.New(kernel.Config{Concurrent: true})
	began := make(chan struct{})
	fork(t, k.Init(), func(*kernel.Process) { close(began); panic("unheard") })
	<-began
	var crash *kernel.Crash
	if err := k.Close(); !errors.As(err, &crash) || crash.Value != "unheard" {
		t.Errorf("close: %v, want the panic", err)
	}
}
