package invoke

// Exit statuses. 128+n is a command that was ended by signal n.
const (
	StatusDone       = 0
	StatusFailed     = 1   // it failed, or there are findings
	StatusInvalid    = 2   // the command line or a policy is invalid
	StatusTimeout    = 124 // the command ran longer than it may, as timeout(1) says it
	StatusSupervisor = 125 // the supervisor itself failed
	StatusNotAllowed = 126 // the command cannot be executed
	StatusNotFound   = 127 // there is no such command
)

// ExitError ends the program with a status. A nil Err prints nothing more.
type ExitError struct {
	Status int
	Err    error
}

// Exit returns an [*ExitError].
func Exit(status int, err error) error { return &ExitError{status, err} }

// Error implements error.
func (e *ExitError) Error() string {
	if e.Err == nil {
		return ""
	}
	return e.Err.Error()
}

// Unwrap returns Err.
func (e *ExitError) Unwrap() error { return e.Err }
