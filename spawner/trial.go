package spawner

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/program"
	"github.com/bulkhead/bulkhead/spawner/launch"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// Answer is what came of a call that was tried.
type Answer struct {
	// Kind says which of the other fields mean something.
	Kind AnswerKind
	// Value is what the kernel returned; an error is negative.
	Value int64
	// Signal ended the process, and Status is what it ended with.
	Signal posix.Signal
	Status int
	// Filter: it was the filter that answered, and not the kernel behind it. Of a process that SIGSYS ended it always is.
	Filter bool
}

// AnswerKind is a kind of answer to a call.
type AnswerKind uint8

const (
	Returned AnswerKind = iota // the call came back
	Killed                     // a signal ended the process in the call
	Exited                     // the process ended in the call, by itself
	Waiting                    // the call had not come back when its time was over
	Replaced                   // nobody saw the process end: the call took it, or who waited for it, away
)

// Try makes a system call in the place of a module's command: with its namespaces, mounts, user, capabilities, limits, Landlock rules and
// filter, in a process of its own. The caller keeps the standard streams; listeners are there as sockets that are bound to nothing. Nothing
// is left behind.
//
// An error is about the launch: the module cannot be started here, or loads no filter (program.ErrNoFilter).
func (h *Host) Try(m *wire.Module, stdio [3]posix.FD, t program.Trial) (Answer, error) {
	h.alone = true // one at a time
	t.Marked = false
	a, err := h.try(m, stdio, t)
	if err != nil {
		return Answer{}, err
	}
	switch {
	case a.Kind == Killed:
		a.Filter = a.Signal == unix.SIGSYS
		return a, nil
	case a.Kind != Returned || a.Value >= 0:
		return a, nil
	}
	// An error may be anybody's: once more with a filter whose errors are its own.
	t.Marked = true
	marked, err := h.try(m, stdio, t)
	if err != nil {
		return Answer{}, err
	}
	a.Filter = marked.Kind == Returned && marked.Value == -(-a.Value|program.Mark)
	return a, nil
}

func (h *Host) try(m *wire.Module, stdio [3]posix.FD, t program.Trial) (_ Answer, err error) {
	changed := *m
	var read func([]byte) program.Outcome
	if changed.Program, read, err = m.Program.Try(t); err != nil {
		return Answer{}, fmt.Errorf("%s: %w", m.Name, err)
	}
	listeners := map[string]posix.FD{}
	defer func() {
		for _, fd := range listeners {
			err = errors.Join(err, h.Kernel.Close(fd))
		}
	}()
	for _, want := range m.Program.Prepare { // those of the module and the supervisor's own, @notify and @control
		name := want.Path
		if _, made := listeners[name]; want.Kind != program.Listener || made {
			continue
		}
		fd, err := h.Kernel.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return Answer{}, fmt.Errorf("%s: make a socket for listener %s: %w", m.Name, name, err)
		}
		listeners[name] = fd
	}
	var left launch.Trial
	i, err := h.request(&changed, "trial", launch.Request{Stdio: stdio, Listeners: listeners, Trial: &left})
	if err != nil {
		return Answer{}, err
	}
	if _, err := i.Finish(); err != nil {
		return Answer{}, err
	}
	out := read(left.Memory)
	switch out.Stage {
	case program.StageLaunch:
		return Answer{}, left.Failed
	case program.StageCloned:
		return Answer{}, trialError(m, "prepare the process of a trial", left.Failed)
	case program.StageTimed:
		return Answer{}, trialError(m, "load the filter", left.Failed)
	}
	return answerOf(out), nil
}

// trialError says what went wrong in the process of a trial. The step that failed is that of the process that waited for it.
func trialError(m *wire.Module, what string, failed error) error {
	var step *launch.StepError
	if errors.As(failed, &step) && step.Errno != 0 {
		failed = step.Errno
	} else {
		failed = errors.New("it ended before")
	}
	return fmt.Errorf("%s: %s: %w", m.Name, what, failed)
}

// answerOf says what came of a call, of a process that got as far as to make it.
func answerOf(out program.Outcome) Answer {
	status := unix.WaitStatus(out.Status)
	switch {
	case out.Stage == program.StageAnswered:
		return Answer{Kind: Returned, Value: out.Answer}
	case status.Signaled() && status.Signal() == unix.SIGALRM:
		return Answer{Kind: Waiting}
	case status.Signaled():
		return Answer{Kind: Killed, Signal: status.Signal()}
	case status.Exited():
		return Answer{Kind: Exited, Status: status.ExitStatus()}
	}
	return Answer{Kind: Replaced}
}
