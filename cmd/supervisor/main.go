// Command supervisor runs programs under restrictions that a policy states.
//
// One binary has every role: the spawner, the confined compile process, the demo.
//
//posixvet:leak os.Stdout, os.Stderr: the streams that main chooses; what is printed there goes through io.Writer
//posixvet:leak os/signal.*: signals reach a Go program through its runtime only
//posixvet:leak path/filepath.Abs: asks for the working directory, once
//posixvet:leak crypto/rand.Reader: identifiers of events; after the start it makes no call where the vDSO has getrandom
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/demo"
	_ "github.com/bulkhead/bulkhead/cmd/supervisor/internal/early" // runs exec and the compile process
	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/execute"
	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/invoke"
	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/workbench"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/posix/retry"
	"github.com/bulkhead/bulkhead/posix/stack"
	"github.com/bulkhead/bulkhead/spawner"
)

func main() { os.Exit(run(execute.Taken(os.Args))) }

// run chooses the role.
func run(argv []string) int {
	if len(argv) > 1 && argv[1] == demo.Role {
		if err := demo.Serve(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, "supervisor: demo:", err)
			return invoke.StatusFailed
		}
		return invoke.StatusDone
	}
	if len(argv) > 1 && argv[1] == managerRole {
		return runManager()
	}
	if len(argv) > 1 && argv[1] == workbench.Role {
		// Bare errnos will do: nobody but the parent sees what goes wrong here.
		if err := workbench.Serve(retry.New(linux.New())); err != nil {
			fmt.Fprintln(os.Stderr, "supervisor: workbench:", err)
			return invoke.StatusFailed
		}
		return invoke.StatusDone
	}
	level := &slog.LevelVar{}
	rules := spawner.Operations()
	if len(argv) > 1 && argv[1] == "policy" {
		rules = workbench.Operations(rules)
	}
	layers := stack.New(linux.New(), stack.Options{
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})), Level: level, Rules: &rules,
	})
	posix.Use(layers)
	a, err := invoke.New(posix.Active(), level, argv)
	if err != nil {
		fmt.Fprintln(os.Stderr, "supervisor:", err)
		return invoke.StatusSupervisor
	}
	app := &app{Invocation: a, counts: layers.Counts()}
	root := app.rootCommand()
	root.SetArgs(a.Argv[1:])
	return a.Status(root.ExecuteContext(context.Background()))
}
