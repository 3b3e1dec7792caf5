package launch_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/fault"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// launchesOf are the policies that the sweeps launch, with the paths of their programs.
var launchesOf = [][2]string{{"examples/locked", "/usr/bin/sh"}, {"nginx", "/usr/sbin/nginx"}, {"examples/noexec", "/opt/app/server"}}

// TestEveryCallFailsOnKernel lets each call that the launcher makes fail once: the error names it, and nothing is left on the machine.
func TestEveryCallFailsOnKernel(t *testing.T) {
	for _, of := range launchesOf {
		t.Run(of[0], func(t *testing.T) {
			var k *fault.Core
			h := newOnKernel(t, kernel.Config{}, of[0], of[1], func(c posix.Core) posix.Core { k = fault.New(c); return k })
			before := h.Inventory()
			total := 0
			for _, errno := range errnos {
				for range k.Each(fault.Nth(1, errno).Except(spared...)) {
					p, err := h.launcher.Launch(h.request)
					failed := k.Failed()
					if len(failed) == 0 {
						h.Must(err)
						<-h.seen
						h.finish(p)
						break
					}
					total++
					switch {
					case err == nil && cached(failed[0].Op, errno):
						<-h.seen
						h.finish(p)
					case err == nil:
						t.Errorf("%s: it was launched all the same", failed[0])
						<-h.seen
						h.finish(p)
					case !errors.Is(err, errno) || !strings.HasPrefix(err.Error(), h.module.Name+": "):
						t.Errorf("%s: %v", failed[0], err)
					case p.Pidfd != -1 || p.InitPidfd != -1:
						t.Errorf("%s: descriptors came with the error: %+v", failed[0], p)
					}
					if h.left(before, failed[0].String()); t.Failed() {
						return
					}
				}
			}
			t.Logf("%d calls of the launcher failed, each with %d errnos", total/len(errnos), len(errnos))
		})
	}
}

// childOf is which child of a launch makes a step.
type childOf int

const (
	initChild childOf = iota
	moduleChild
	networkChild // goes on beside the init
	children
)

func (c childOf) String() string { return [...]string{"init", "module", "network's process"}[c] }

// stepFault makes one system call of one child of a launch fail.
type stepFault struct {
	mu     sync.Mutex // guards what follows
	child  childOf
	left   int // calls before it
	kinds  map[posix.PID]childOf
	failed *kernel.Step
}

// fail is kernel.Config's FailStep.
func (f *stepFault) fail(s kernel.Step) posix.Errno {
	f.mu.Lock()
	defer f.mu.Unlock()
	kind, known := f.kinds[s.PID]
	if f.kinds == nil {
		return 0 // nothing has been set
	}
	if !known {
		begun := false // the init, which the network's process may be ahead of
		for _, other := range f.kinds {
			begun = begun || other == initChild
		}
		switch {
		case s.Number == unix.SYS_PRCTL: // the others begin with a session, or namespaces
			kind = networkChild
		case begun:
			kind = moduleChild
		}
		f.kinds[s.PID] = kind
	}
	if kind == f.child && s.Number != unix.SYS_KEYCTL { // which may fail: a kernel need not have keys
		if f.left--; f.left == 0 {
			f.failed = &s
			return unix.ENOMEM
		}
	}
	return 0
}

// set has the n-th call of a child fail.
func (f *stepFault) set(child childOf, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.child, f.left, f.kinds, f.failed = child, n, map[posix.PID]childOf{}, nil
}

func (f *stepFault) hit() *kernel.Step {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failed
}

// TestEveryStepFailsOnKernel lets each system call fail once that a launch makes in its children. The error names the call and the line of the
// policy, and nothing is left.
func TestEveryStepFailsOnKernel(t *testing.T) {
	for _, of := range launchesOf {
		t.Run(of[0], func(t *testing.T) {
			f := &stepFault{}
			h := newOnKernel(t, kernel.Config{FailStep: f.fail}, of[0], of[1], func(c posix.Core) posix.Core { return c })
			before := h.Inventory()
			for child := range children {
				n := 1
				for ; h.failsAt(f, child, n); n++ {
					if h.left(before, fmt.Sprintf("call %d of the %s", n, child)); t.Failed() {
						return
					}
				}
				if t.Logf("%d calls of the %s failed", n-1, child); n == 1 {
					t.Errorf("the %s makes no calls", child)
				}
			}
		})
	}
}

// failsAt launches with the n-th call of a child failing, and tells whether there is one.
func (h *onKernel) failsAt(f *stepFault, child childOf, n int) bool {
	h.t.Helper()
	f.set(child, n)
	p, err := h.launcher.Launch(h.request)
	step := f.hit()
	if err == nil {
		<-h.seen
		h.finish(p)
	}
	switch {
	case step == nil && err != nil:
		h.t.Errorf("without a fault: %v", err)
	case step == nil:
	case err == nil && child == networkChild && step.Number == unix.SYS_READ: // it only waits then
	case err == nil:
		h.t.Errorf("%s, step %d: it was launched all the same", child, step.Index)
	default:
		where := ": " + seccomp.Name(step.Number) + ": "
		if child == networkChild {
			where = ": process that makes a network namespace"
		}
		if text := err.Error(); !errors.Is(err, posix.Errno(unix.ENOMEM)) || !strings.HasPrefix(text, h.module.Name+where) ||
			!strings.Contains(text, "(policy ") {
			h.t.Errorf("%s, step %d, %s: %v", child, step.Index, seccomp.Name(step.Number), err)
		}
	}
	return step != nil
}
