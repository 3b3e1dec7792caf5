package invoke

import (
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/spawner/launch"
	"github.com/bulkhead/bulkhead/spawner/source"
	"github.com/bulkhead/bulkhead/spawner/stage"
)

// Invocation is one invocation of the program.
type Invocation struct {
	Core      posix.Core
	CoreLevel *slog.LevelVar // what Core logs: nothing, unless set to debug
	Argv      []string

	// Set by Start.
	Facts    host.Facts
	Launcher *launch.Launcher
	// Variables are what policies can name as ${NAME}; set by Compile.
	Variables map[string]string
	// Stays is called by Start when it is certain, early on, that this process is not replaced; nil is nothing.
	Stays func()

	handover stage.Handover
	included map[string]source.File // what policies include, as it was read outside of the user namespace
	trust    source.Trust           // whose policies are carried out; that of policies which are only looked at is anybody
}

// New returns the invocation of a command line. level is what core logs its calls from.
func New(core posix.Core, level *slog.LevelVar, argv []string) (*Invocation, error) {
	argv, handover, err := stage.Arguments(argv)
	if err != nil {
		return nil, err
	}
	return &Invocation{Core: core, CoreLevel: level, Argv: argv, handover: handover}, nil
}

// Status ends the invocation: it says what went wrong, if anything did, and returns the exit status.
func (a *Invocation) Status(err error) int {
	if a.Launcher != nil {
		err = errors.Join(err, a.Launcher.Close())
	}
	var exit *ExitError
	switch {
	case err == nil:
		return StatusDone
	case errors.As(err, &exit):
		if exit.Err != nil {
			fmt.Fprintln(os.Stderr, "supervisor:", exit.Err)
		}
		return exit.Status
	}
	fmt.Fprintln(os.Stderr, "supervisor:", err)
	return StatusInvalid // what is wrong with the command line
}
