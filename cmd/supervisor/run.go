package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/spawner"
	"github.com/bulkhead/bulkhead/spawner/compile"
	"github.com/bulkhead/bulkhead/spawner/listener"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// runOptions are the flags of `supervisor --policy FILE`.
type runOptions struct {
	policies  []string
	check     bool
	dryRun    bool
	logFormat string
	logLevel  string
	// Flags of the manager.
	control, state, metrics string
}

func (o *runOptions) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&o.policies, "policy", nil, "policy `FILE`, repeatable; a directory means its *.yaml; embedded:NAME is one that ships")
	f.BoolVar(&o.check, "check", false, "verify the policy on this host and stop")
	f.BoolVar(&o.dryRun, "dry-run", false, "print what would be started and stop")
	f.StringVar(&o.logFormat, "log-format", "text", "`FORMAT` of the log and of the modules' output: text or json")
	f.StringVar(&o.logLevel, "log-level", "info", "lowest `LEVEL` that is logged: debug (every system call), info, warn or error")
	f.StringVar(&o.control, "control", "", "`PATH` of the control socket (belongs to the manager; not in this version)")
	f.StringVar(&o.state, "state", "", "`DIR` of the state (belongs to the manager; not in this version)")
	f.StringVar(&o.metrics, "metrics", "", "`ADDR` of the Prometheus metrics (belongs to the manager; not in this version)")
}

// refuseManagerFlags says so when a flag of the manager was given.
func (o *runOptions) refuseManagerFlags() error {
	for _, f := range []struct{ name, value string }{{"--control", o.control}, {"--state", o.state}, {"--metrics", o.metrics}} {
		if f.value != "" {
			return later(f.name)
		}
	}
	return nil
}

// supervise runs policies in the foreground.
func (a *app) supervise(cmd *cobra.Command, o runOptions) error {
	if err := o.refuseManagerFlags(); err != nil {
		return err
	}
	log, err := newLogger(os.Stderr, o.logFormat, o.logLevel)
	if err != nil {
		return &exitError{statusInvalid, err}
	}
	if log.Enabled(cmd.Context(), slog.LevelDebug) {
		a.coreLevel.Set(slog.LevelDebug)
	}
	sources, err := a.start(o.policies, true, !o.check && !o.dryRun)
	if err != nil {
		return err
	}
	plan, err := a.compile(compile.Request{Sources: sources}, os.Stderr)
	if err != nil {
		return err
	}
	switch {
	case o.dryRun:
		return printPlan(cmd.OutOrStdout(), plan)
	case o.check:
		fmt.Fprintf(cmd.OutOrStdout(), "%s: no errors; %d modules, %d listeners\n", strings.Join(o.policies, ", "), len(plan.Modules), len(plan.Listeners))
		return nil
	}
	return a.runPlan(plan, log, o.logFormat)
}

// runPlan opens the listeners, runs the modules and undoes everything.
func (a *app) runPlan(plan wire.Plan, log *slog.Logger, format string) (err error) {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	defer signal.Stop(signals)
	// A standard output that nobody reads any more is an error of a write, which stops everything in order; not the end of this process.
	pipe := make(chan os.Signal, 1)
	signal.Notify(pipe, unix.SIGPIPE)
	defer signal.Stop(pipe)

	h, err := spawner.NewHost(a.core, a.launcher, a.facts, plan.Modules)
	if err != nil {
		return &exitError{statusSupervisor, err}
	}
	var listeners listener.Set
	defer func() { err = errors.Join(err, listeners.Close(a.core), h.Close()) }()
	if listeners, err = listener.OpenAll(a.core, plan.Listeners); err != nil {
		return &exitError{statusSupervisor, err}
	}
	s := &spawner.Supervisor{
		Host: h, Modules: plan.Modules, Listeners: listeners.FDs(), Log: log, Output: newLineWriter(os.Stdout, os.Stderr, format, plan.Modules),
		Signals: signals, Started: func() { announce(os.Stderr, log, format, plan) },
	}
	switch err := s.Run(); {
	case errors.Is(err, spawner.ErrModuleFailed):
		return &exitError{status: statusFailed}
	case err != nil:
		return &exitError{statusSupervisor, err}
	}
	return nil
}
