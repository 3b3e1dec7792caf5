package suite

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// SaidKind is a kind of answer of a kernel.
type SaidKind uint8

const (
	Returned SaidKind = iota // the call came back with Value
	Killed                   // Signal ended the process in the call
	Exited                   // the process ended by itself in the call, with Status
	Waiting                  // the call did not come back in time
	Replaced                 // the process was not seen to end
)

// Said is what a kernel answered to a call.
type Said struct {
	Kind   SaidKind
	Value  int64 // an error is negative
	Signal syscall.Signal
	Status int
	Filter bool // it was the filter that answered, not what is behind it
}

// LiveResult is what came of a live call.
type LiveResult struct {
	Live
	Said Said
	Err  error // why it could not be made
}

// OK tells whether the kernel did what the test expects. kill_process, kill_thread and trap are one and the same to a process with one thread and
// no handler.
func (r LiveResult) OK() bool {
	switch {
	case r.Skip != "":
		return true
	case r.Err != nil:
		return false
	case r.Want.Kind == policy.ActionAllow, r.Want.Kind == policy.ActionLog:
		return !r.Said.Filter
	case r.Want.Kind == policy.ActionErrno:
		return r.Said.Filter && r.Said.Kind == Returned && r.Said.Value == -int64(r.Want.Errno)
	}
	return r.Said.Filter && r.Said.Kind == Killed
}

// String says what the kernel answered, and which layer did.
func (r LiveResult) String() string {
	s := r.Said
	switch {
	case s.Kind == Killed && s.Filter:
		return "killed by SIGSYS, by the filter"
	case s.Kind == Returned && s.Filter:
		return "errno " + errorName(s.Value) + ", by the filter"
	case s.Kind == Killed:
		return "past the filter, where " + unix.SignalName(s.Signal) + " ended the process"
	case s.Kind == Exited:
		return fmt.Sprintf("past the filter, where the process ended with status %d", s.Status)
	case s.Kind == Waiting:
		return "past the filter, where it waited for something"
	case s.Kind == Replaced:
		return "past the filter, where the process was taken out of sight"
	case s.Value >= 0:
		return fmt.Sprintf("past the filter, where the kernel returned %d", s.Value)
	}
	text := "past the filter, where the kernel said " + errorName(s.Value)
	if denials := []int64{-int64(unix.EPERM), -int64(unix.EACCES), -int64(unix.ENOENT)}; slices.Contains(denials, s.Value) && len(r.Layers) > 0 {
		text += " (the policy decides there under " + strings.Join(r.Layers, ", ") + ")"
	}
	return text
}

func errorName(value int64) string {
	if name := unix.ErrnoName(syscall.Errno(-value)); name != "" {
		return name
	}
	return fmt.Sprint(-value)
}

// RenderLive prints a line for each call, as Render does for tests.
func RenderLive(w io.Writer, results []LiveResult) error {
	var b strings.Builder
	var made, skipped, impossible, failed int
	for i, r := range results {
		what := printable(r.Module + ": " + r.Name + ": " + r.Text)
		switch {
		case r.Skip != "":
			skipped++
			fmt.Fprintf(&b, "not made  %s: %s\n", what, r.Skip)
		case r.Err != nil:
			impossible++
			if i > 0 && results[i-1].Err != nil && results[i-1].Err.Error() == r.Err.Error() && results[i-1].Pos.File == r.Pos.File {
				fmt.Fprintf(&b, "     nor %s\n", what)
				break
			}
			fmt.Fprintf(&b, "FAIL live %s: %s: the module cannot be launched on this host: %s\n", what, printable(r.Pos.String()), printable(r.Err.Error()))
		case r.OK():
			made++
			fmt.Fprintf(&b, "ok   live %s: %s\n", what, r)
		default:
			made++
			failed++
			fmt.Fprintf(&b, "FAIL live %s: %s: got %s, want %s\n", what, printable(r.Pos.String()), r, expected(r.Want))
		}
	}
	fmt.Fprintf(&b, "%d calls made, %d answered otherwise than expected", made, failed)
	if skipped > 0 {
		fmt.Fprintf(&b, "; %d not made", skipped)
	}
	if impossible > 0 {
		fmt.Fprintf(&b, "; %d could not be made", impossible)
	}
	b.WriteByte('\n')
	_, err := io.WriteString(w, b.String())
	return err
}

// LiveFailed tells whether a kernel disagreed, or could not be asked.
func LiveFailed(results []LiveResult) bool {
	return slices.ContainsFunc(results, func(r LiveResult) bool { return !r.OK() })
}
