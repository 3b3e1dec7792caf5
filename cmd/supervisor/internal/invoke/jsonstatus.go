package invoke

import (
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/spawner"
)

// statusStream writes how a command began and ended to a descriptor that the caller gave, an object in each line. The names of
// bubblewrap's --json-status-fd are kept where it has one.
type statusStream struct {
	core posix.Core
	fd   posix.FD // -1 is none
	over bool     // the end was told
}

// beginning is the first object.
type beginning struct {
	PID    posix.PID `json:"child-pid"`
	Module string    `json:"module"`
}

// ending is the last one.
type ending struct {
	ExitCode int    `json:"exit-code"`        // of the supervisor
	Signal   string `json:"signal,omitempty"` // that ended the command
	OOMKills uint64 `json:"oom-kills,omitempty"`
	TimedOut bool   `json:"timed-out,omitempty"`
	Reason   string `json:"reason,omitempty"` // for a person
	Error    string `json:"error,omitempty"`  // of the supervisor; then there may have been no beginning
}

// began says that the command runs.
func (s *statusStream) began(i *spawner.Instance) error {
	return s.write(beginning{i.PID, i.Module.Name})
}

// ended says how it went.
func (s *statusStream) ended(exit spawner.Exit, code int) error {
	e := ending{ExitCode: code, OOMKills: exit.OOMKills, TimedOut: exit.TimedOut, Reason: exit.String()}
	if exit.Code != posix.CldExited {
		e.Signal = unix.SignalName(posix.Signal(exit.Status))
	}
	s.over = true
	return s.write(e)
}

// failed says that there is no end to tell of, because of err, unless it was told.
func (s *statusStream) failed(err error) error {
	var exit *ExitError
	if s.over || !errors.As(err, &exit) {
		return nil
	}
	return s.write(ending{ExitCode: exit.Status, Error: exit.Error()})
}

func (s *statusStream) write(object any) error {
	if s.fd < 0 {
		return nil
	}
	text, err := json.Marshal(object)
	if err != nil {
		return err
	}
	text = append(text, '\n')
	for len(text) > 0 {
		n, err := s.core.Write(s.fd, text)
		if err != nil {
			return fmt.Errorf("--json-status %d: %w", s.fd, err)
		}
		text = text[n:]
	}
	return nil
}
