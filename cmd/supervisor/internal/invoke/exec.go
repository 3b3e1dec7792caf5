package invoke

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/spawner"
	"github.com/bulkhead/bulkhead/spawner/compile"
	"github.com/bulkhead/bulkhead/spawner/launch"
	"github.com/bulkhead/bulkhead/spawner/plancache"
	"github.com/bulkhead/bulkhead/spawner/terminal"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// ExecCommand is `supervisor exec`.
func (a *Invocation) ExecCommand() *cobra.Command {
	var o execOptions
	cmd := &cobra.Command{
		Use:   "exec --policy FILE [--module NAME] [-- COMMAND ARG…]",
		Short: "Run one command under a policy",
		Long: "Run one command under a policy, in the foreground. Standard streams, signals and the exit status pass through; a terminal is\n" +
			"proxied. Without COMMAND the module's own is run. Everything that the command started ends with it.",
		RunE: func(_ *cobra.Command, args []string) error { return a.exec(o, args) },
	}
	f := cmd.Flags()
	f.StringVar(&o.file, "policy", "", "policy `FILE`")
	f.StringVar(&o.module, "module", "", "module of the policy, when it has several")
	f.BoolVar(&o.noPlanCache, "no-plan-cache", false, "compile the policy anew, and do not keep the plan")
	f.StringVar(&o.logLevel, "log-level", "info", "lowest `LEVEL` that is logged: debug (every system call, where the plan came from), info, warn or error")
	return cmd
}

// execOptions are the flags of `supervisor exec`.
type execOptions struct {
	file, module string
	noPlanCache  bool
	logLevel     string
}

// planCache returns where plans are kept, or a cache that keeps none.
func (a *Invocation) planCache(o execOptions) (*plancache.Cache, error) {
	log, err := NewLogger(os.Stderr, "text", o.logLevel, false)
	if err != nil {
		return nil, Exit(StatusInvalid, err)
	}
	if log.Enabled(context.Background(), slog.LevelDebug) {
		a.CoreLevel.Set(slog.LevelDebug)
	}
	c := &plancache.Cache{Version: Version, Log: log}
	if !o.noPlanCache {
		c.Dir = plancache.Dir(a.Core.Geteuid(), os.Getenv)
	}
	return c, nil
}

func (a *Invocation) exec(o execOptions, command []string) error {
	if o.file == "" {
		return Exit(StatusInvalid, errors.New("exec needs --policy FILE"))
	}
	cache, err := a.planCache(o)
	if err != nil {
		return err
	}
	var signals *spawner.Signals
	// A signal that comes before the command is there waits for it. Catching them takes other threads a while, so it begins early; but not in a
	// process that is going to be replaced, which would lose those that it caught.
	a.Stays = func() { signals = spawner.CatchSignals() }
	sources, err := a.Start([]string{o.file}, true, true)
	if err != nil {
		return err
	}
	req := compile.Request{Sources: sources, Module: o.module, Exec: true, Command: command}
	var size posix.Winsize
	if req.Terminal = a.Core.Tcgetwinsize(0, &size) == nil; req.Terminal {
		req.Environment = []string{"TERM=" + os.Getenv("TERM")}
	}
	plan, err := a.compileWith(req, os.Stderr, func(req compile.Request) (wire.Plan, error) {
		plan, _, err := cache.Compile(a.Core, a.Launcher, req)
		return plan, err
	})
	if err != nil {
		return err
	}
	m := &plan.Modules[0]
	if len(m.Listeners) > 0 && len(command) == 0 {
		return Exit(StatusInvalid, fmt.Errorf("module %s takes listeners; run it with supervisor --policy %s", m.Name, o.file))
	}
	h, err := spawner.NewHost(a.Core, a.Launcher, a.Facts, plan.Modules)
	if err != nil {
		return Exit(StatusSupervisor, err)
	}
	exit, err := a.foreground(h, spawner.Foreground{Module: m, Signals: signals}, req.Terminal)
	err = errors.Join(err, h.Close())
	if err != nil {
		return Exit(launchStatus(err), err)
	}
	if exit.OOMKills > 0 && exit.Code != posix.CldExited {
		fmt.Fprintf(os.Stderr, "supervisor: %s: %s\n", m.Name, exit)
	}
	return Exit(exit.ShellStatus(), nil)
}

// foreground runs the command, behind a pseudo-terminal of its own when the standard input is one.
func (a *Invocation) foreground(h *spawner.Host, f spawner.Foreground, tty bool) (exit spawner.Exit, err error) {
	if tty {
		if f.Terminal, err = terminal.Open(a.Core, 0); err != nil {
			return exit, err
		}
		defer func() { err = errors.Join(err, f.Terminal.Close()) }()
	}
	return h.Run(f)
}

// launchStatus is the exit status for a launch that failed: that of a shell when the command could not be executed.
func launchStatus(err error) int {
	var step *launch.StepError
	if errors.As(err, &step) && step.Exec {
		if errors.Is(step.Errno, posix.Errno(unix.ENOENT)) {
			return StatusNotFound
		}
		return StatusNotAllowed
	}
	return StatusSupervisor
}

// invalidStatus is the exit status for a policy with errors: that of a shell when all that is wrong is the command.
func invalidStatus(ds policy.Diagnostics) int {
	status := StatusInvalid
	for _, d := range ds {
		if d.Severity != policy.SeverityError {
			continue
		}
		switch d.Code {
		case sandbox.CodeCommandNotFound:
			status = StatusNotFound
		case sandbox.CodeCommandNotAllowed:
			status = StatusNotAllowed
		default:
			return StatusInvalid
		}
	}
	return status
}
