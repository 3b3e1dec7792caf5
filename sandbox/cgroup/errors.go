package cgroup

import (
	"errors"
	"fmt"

	"github.com/bulkhead/bulkhead/sandbox/host"
)

// ErrStillRunning is the class of errors about a group that could not be emptied in time.
var ErrStillRunning = errors.New("processes are still running")

// UnavailableError says why no control group can be made on this host and what would change that. Whether that stops
// a start is for the caller to decide: it does when the policy sets limits that are not best_effort.
type UnavailableError struct {
	Controllers host.ControllerSet // what was wanted; empty: only a group to end processes by
	Version     int                // the version that would have been used; 0 when there is none
	Dir         string             // where it was tried, or empty
	Reason      string
	Enable      string // a step that would make it possible
	Err         error  // the kernel's answer, or nil
}

func (e *UnavailableError) Error() string {
	what := "control groups"
	if e.Controllers != 0 {
		what += " with " + e.Controllers.String()
	}
	text := what + " are not available: " + e.Reason
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	if e.Enable != "" {
		text += fmt.Sprintf(" (%s)", e.Enable)
	}
	return text
}

// Unwrap returns the kernel's answer.
func (e *UnavailableError) Unwrap() error { return e.Err }
