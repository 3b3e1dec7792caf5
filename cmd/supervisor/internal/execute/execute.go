package execute

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"

	"github.com/spf13/pflag"

	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/invoke"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/errs"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/posix/log"
	"github.com/bulkhead/bulkhead/posix/restrict"
	"github.com/bulkhead/bulkhead/posix/retry"
	"github.com/bulkhead/bulkhead/spawner"
	"github.com/bulkhead/bulkhead/spawner/stage"
)

// Name is the command.
const Name = "exec"

// Role is the first argument but what a process in a user namespace was handed.
func Role(argv []string) string {
	if rest, _, _ := stage.Arguments(argv); len(rest) > 1 {
		return rest[1]
	}
	return ""
}

// Run runs a command line whose [Role] is exec, and returns the exit status. With a command line that
// asks for help or cannot be understood it does nothing, and understood is false.
func Run(argv []string) (status int, understood bool) {
	var o invoke.ExecOptions
	flags := pflag.NewFlagSet(Name, pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	o.Register(flags)
	rest, _, _ := stage.Arguments(argv)
	if flags.Parse(rest[2:]) != nil {
		return 0, false
	}
	level := &slog.LevelVar{}
	kernel := retry.New(linux.New())
	posix.Use(errs.New(log.NewLeveled(restrict.New(kernel, spawner.Operations()),
		slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})), level)))
	// For life, as launching takes it. It comes first because a thread that the monitor makes has the monitor's timers, and so would what that one launches.
	runtime.LockOSThread()
	calm(kernel)
	a, err := invoke.New(posix.Active(), level, argv)
	if err != nil {
		fmt.Fprintln(os.Stderr, "supervisor:", err)
		return invoke.StatusSupervisor, true
	}
	return a.Status(a.Exec(o, flags.Args())), true
}
