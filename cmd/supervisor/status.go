package main

// Exit statuses. 128+n is a command that was ended by signal n.
const (
	statusDone       = 0
	statusFailed     = 1   // it failed, or there are findings
	statusInvalid    = 2   // the command line or a policy is invalid
	statusSupervisor = 125 // the supervisor itself failed
	statusNotAllowed = 126 // the command cannot be executed
	statusNotFound   = 127 // there is no such command
)

// exitError ends the program with a status. A nil err prints nothing more.
type exitError struct {
	status int
	err    error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }
