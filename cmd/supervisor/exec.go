package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/spawner"
	"github.com/bulkhead/bulkhead/spawner/compile"
	"github.com/bulkhead/bulkhead/spawner/launch"
	"github.com/bulkhead/bulkhead/spawner/terminal"
)

func (a *app) execCommand() *cobra.Command {
	var file, module string
	cmd := &cobra.Command{
		Use:   "exec --policy FILE [--module NAME] [-- COMMAND ARG…]",
		Short: "Run one command under a policy",
		Long: "Run one command under a policy, in the foreground. Standard streams, signals and the exit status pass through; a terminal is\n" +
			"proxied. Without COMMAND the module's own is run. Everything that the command started ends with it.",
		RunE: func(_ *cobra.Command, args []string) error { return a.exec(file, module, args) },
	}
	cmd.Flags().StringVar(&file, "policy", "", "policy `FILE`")
	cmd.Flags().StringVar(&module, "module", "", "module of the policy, when it has several")
	return cmd
}

func (a *app) exec(file, module string, command []string) error {
	if file == "" {
		return &exitError{statusInvalid, errors.New("exec needs --policy FILE")}
	}
	sources, err := a.start([]string{file}, true, true)
	if err != nil {
		return err
	}
	req := compile.Request{Sources: sources, Module: module, Exec: true, Command: command}
	var size posix.Winsize
	if req.Terminal = a.core.Tcgetwinsize(0, &size) == nil; req.Terminal {
		req.Environment = []string{"TERM=" + os.Getenv("TERM")}
	}
	signals := spawner.CatchSignals() // one that comes before the command is there waits for it
	plan, err := a.compile(req, os.Stderr)
	if err != nil {
		return err
	}
	m := &plan.Modules[0]
	if len(m.Listeners) > 0 && len(command) == 0 {
		return &exitError{statusInvalid, fmt.Errorf("module %s takes listeners; run it with supervisor --policy %s", m.Name, file)}
	}
	h, err := spawner.NewHost(a.core, a.launcher, a.facts, plan.Modules)
	if err != nil {
		return &exitError{statusSupervisor, err}
	}
	exit, err := a.foreground(h, spawner.Foreground{Module: m, Signals: signals}, req.Terminal)
	err = errors.Join(err, h.Close())
	if err != nil {
		return &exitError{launchStatus(err), err}
	}
	if exit.OOMKills > 0 && exit.Code != posix.CldExited {
		fmt.Fprintf(os.Stderr, "supervisor: %s: %s\n", m.Name, exit)
	}
	return &exitError{status: exit.ShellStatus()}
}

// foreground runs the command, behind a pseudo-terminal of its own when the standard input is one.
func (a *app) foreground(h *spawner.Host, f spawner.Foreground, tty bool) (exit spawner.Exit, err error) {
	if tty {
		if f.Terminal, err = terminal.Open(a.core, 0); err != nil {
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
			return statusNotFound
		}
		return statusNotAllowed
	}
	return statusSupervisor
}

// invalidStatus is the exit status for a policy with errors: that of a shell when all that is wrong is the command.
func invalidStatus(ds policy.Diagnostics) int {
	status := statusInvalid
	for _, d := range ds {
		if d.Severity != policy.SeverityError {
			continue
		}
		switch d.Code {
		case sandbox.CodeCommandNotFound:
			status = statusNotFound
		case sandbox.CodeCommandNotAllowed:
			status = statusNotAllowed
		default:
			return statusInvalid
		}
	}
	return status
}
