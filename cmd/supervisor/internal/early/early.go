package early

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/invoke"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/errs"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/posix/log"
	"github.com/bulkhead/bulkhead/posix/restrict"
	"github.com/bulkhead/bulkhead/posix/retry"
	"github.com/bulkhead/bulkhead/spawner"
	"github.com/bulkhead/bulkhead/spawner/compile"
	"github.com/bulkhead/bulkhead/spawner/stage"
)

// An init on purpose, see the package's documentation. A command line that is another's it leaves alone.
func init() {
	if status, ours := run(os.Args); ours {
		os.Exit(status)
	}
}

// run runs the command line when it is one of those that somebody waits for, and returns the exit status.
func run(argv []string) (status int, ours bool) {
	switch role(argv) {
	case compile.Role:
		// Bare errnos will do: nobody but the parent sees what goes wrong here.
		if err := compile.Serve(retry.New(linux.New())); err != nil {
			fmt.Fprintln(os.Stderr, "supervisor: compile:", err)
			return invoke.StatusFailed, true
		}
		return invoke.StatusDone, true
	case "exec":
		level := &slog.LevelVar{}
		kernel := retry.New(linux.New())
		posix.Use(errs.New(log.NewLeveled(restrict.New(kernel, spawner.Operations()),
			slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})), level)))
		a, err := invoke.New(posix.Active(), level, argv)
		err = errors.Join(err, exact(kernel))
		if err != nil {
			fmt.Fprintln(os.Stderr, "supervisor:", err)
			return invoke.StatusSupervisor, true
		}
		root := &cobra.Command{Use: "supervisor", SilenceErrors: true, SilenceUsage: true,
			CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true}} // completions are main's
		root.AddCommand(a.ExecCommand())
		return a.Execute(context.Background(), root), true
	}
	return 0, false
}

// role is the first argument but what a process in a user namespace was handed.
func role(argv []string) string {
	if rest, _, _ := stage.Arguments(argv); len(rest) > 1 {
		return rest[1]
	}
	return ""
}
