package fd

import (
	"fmt"
	"io/fs"
	"runtime"
	"strings"
	"sync"

	"github.com/bulkhead/bulkhead/posix"
)

// FD is a descriptor with an owner. Its methods may be called from any goroutine.
type FD struct {
	set *Set
	n   posix.FD

	mu     sync.Mutex // guards what follows
	users  int        // uses that are under way
	closed bool
	idle   chan struct{} // closed when the last use ends after closed was set; made by Close
	opened []uintptr     // where from, when the set keeps stacks
	shut   []uintptr
}

// MisuseError is the use, or another Close, of a descriptor that its owner has closed or released.
type MisuseError struct {
	Op     string // "close", "use", "release"
	FD     posix.FD
	Opened string // stack of the call of Own; empty unless the set keeps stacks
	Closed string // stack of the call that closed it
}

// Error says what was attempted, and with stacks where it was opened and closed.
func (e *MisuseError) Error() string {
	s := fmt.Sprintf("%s descriptor %d: it is closed already", e.Op, e.FD)
	if e.Closed != "" {
		s += "\nit was opened at\n" + e.Opened + "and closed at\n" + e.Closed
	}
	return s
}

// Unwrap returns fs.ErrClosed.
func (e *MisuseError) Unwrap() error { return fs.ErrClosed }

// Do calls f with the number, which stays open until f returns. It does not wait. Errors: those of f; a [*MisuseError] when it is closed.
func (f *FD) Do(use func(n posix.FD) error) error {
	if err := f.begin("use"); err != nil {
		return err
	}
	defer f.end()
	return use(f.n)
}

func (f *FD) begin(op string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return f.misuse(op)
	}
	f.users++
	return nil
}

func (f *FD) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.users--
	if f.users == 0 && f.idle != nil {
		close(f.idle)
	}
}

func (f *FD) misuse(op string) error {
	return &MisuseError{Op: op, FD: f.n, Opened: text(f.opened), Closed: text(f.shut)}
}

// Close gives the descriptor back when the uses that are under way have ended, and nobody can use it from now on. Errors: those of close(2), after which it
// is closed as well; a [*MisuseError] when it was closed before.
func (f *FD) Close() error {
	n, err := f.take("close")
	if err != nil {
		return err
	}
	return f.set.core.Close(n)
}

// Release ends the ownership without closing: the number is the caller's. Errors: a [*MisuseError].
func (f *FD) Release() (posix.FD, error) {
	n, err := f.take("release")
	if err != nil {
		return posix.NoFD, err
	}
	return n, nil
}

// take marks it closed and waits until nobody uses it.
func (f *FD) take(op string) (posix.FD, error) {
	f.mu.Lock()
	if f.closed {
		defer f.mu.Unlock()
		return posix.NoFD, f.misuse(op)
	}
	f.closed = true
	f.shut = f.set.stack()
	var idle chan struct{}
	if f.users > 0 {
		idle = make(chan struct{})
		f.idle = idle
	}
	f.mu.Unlock()
	if idle != nil {
		<-idle
	}
	f.set.forget(f)
	return f.n, nil
}

// String returns "fd 7", or "fd 7 (closed)".
func (f *FD) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return fmt.Sprintf("fd %d (closed)", f.n)
	}
	return fmt.Sprintf("fd %d", f.n)
}

// text shows a stack, a line for each call.
func text(stack []uintptr) string {
	if len(stack) == 0 {
		return ""
	}
	var b strings.Builder
	frames := runtime.CallersFrames(stack)
	for {
		frame, more := frames.Next()
		fmt.Fprintf(&b, "\t%s\n\t\t%s:%d\n", frame.Function, frame.File, frame.Line)
		if !more {
			return b.String()
		}
	}
}
