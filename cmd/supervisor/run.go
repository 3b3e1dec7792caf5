package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/invoke"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/cgroup/containerd"
	"github.com/bulkhead/bulkhead/spawner"
	"github.com/bulkhead/bulkhead/spawner/compile"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// runOptions are the flags of `supervisor --policy FILE`.
type runOptions struct {
	policies  []string
	check     bool
	dryRun    bool
	logDates  bool // the log goes to a file, in which a time of day says little
	logFormat string
	logLevel  string
	control   string
	metrics   string
	state     string
	version   bool
}

func (o *runOptions) register(cmd *cobra.Command, control string) {
	f := cmd.Flags()
	f.StringArrayVar(&o.policies, "policy", nil, "policy `FILE`, repeatable; a directory means its *.yaml; embedded:NAME is one that ships")
	f.BoolVar(&o.check, "check", false, "verify the policy on this host and stop")
	f.BoolVar(&o.dryRun, "dry-run", false, "print what would be started and stop")
	f.StringVar(&o.logFormat, "log-format", "text", "`FORMAT` of the log and of the modules' output: text or json")
	f.StringVar(&o.logLevel, "log-level", "info", "lowest `LEVEL` that is logged: debug (every system call), info, warn or error")
	f.StringVar(&o.control, "control", "", "`PATH` of the control socket (default "+control+")")
	f.StringVar(&o.metrics, "metrics", "", "`ADDR` that Prometheus metrics are served on, such as 127.0.0.1:9464; none by default")
	f.BoolVar(&o.version, "version", false, "print the version and stop, as the command does")
	f.StringVar(&o.state, "state", "", "`DIR` of the state (belongs to upgrade; not in this version)")
}

// complete checks the flags and fills in what follows from others.
func (o *runOptions) complete(control string) error {
	if o.state != "" {
		return later("--state")
	}
	if o.control == "" {
		o.control = control
	}
	var err error
	if o.control, err = filepath.Abs(o.control); err != nil {
		return invoke.Exit(invoke.StatusSupervisor, err)
	}
	if o.metrics != "" {
		if _, err := netip.ParseAddrPort(o.metrics); err != nil {
			return invoke.Exit(invoke.StatusInvalid, fmt.Errorf("--metrics %s: %w; write an IP address and a port, such as 127.0.0.1:9464", o.metrics, err))
		}
	}
	return nil
}

// spawnerGarbage is how many percent of live memory the garbage of the spawner may take before it is collected. It is idle
// nearly always, and is to be small then.
const spawnerGarbage = 40

// supervise runs policies in the foreground.
func (a *app) supervise(cmd *cobra.Command, o runOptions) error {
	if err := o.complete(a.controlPath()); err != nil {
		return err
	}
	o.logDates = a.Core.Tcgetattr(2, &posix.Termios{}) != nil // a terminal is looked at now; a file, later
	to, err := newPatientLog(a.Core, 2, o.logFormat, o.logDates)
	if err != nil {
		return invoke.Exit(invoke.StatusInvalid, err)
	}
	log, err := invoke.NewLogger(to, o.logFormat, o.logLevel, o.logDates)
	if err != nil {
		return invoke.Exit(invoke.StatusInvalid, err)
	}
	if log.Enabled(cmd.Context(), slog.LevelDebug) {
		a.CoreLevel.Set(slog.LevelDebug)
	}
	screen := newTerminals(a.Core)
	signals := make(chan os.Signal, 16)
	if !o.check && !o.dryRun {
		// A reload can be asked for from now on. Neither this process nor the one that may take its place, which inherits what is ignored, ends
		// because nobody listens yet.
		signal.Ignore(unix.SIGHUP)
		a.Stays = func() { signal.Notify(signals, unix.SIGHUP) }
	}
	debug.SetGCPercent(spawnerGarbage)
	sources, err := a.Start(o.policies, true, !o.check && !o.dryRun)
	if err != nil {
		return err
	}
	if sources, err = withManager(sources); err != nil {
		return err
	}
	plan, err := a.Compile(compile.Request{Sources: sources}, os.Stderr)
	if err != nil {
		return err
	}
	plan, manager, err := spawner.SplitManager(plan)
	if err != nil {
		return invoke.Exit(invoke.StatusSupervisor, err)
	}
	switch {
	case o.dryRun:
		return printPlan(cmd.OutOrStdout(), plan)
	case o.check:
		fmt.Fprintf(cmd.OutOrStdout(), "%s: no errors; %s, %s\n", strings.Join(o.policies, ", "),
			counted(len(plan.Modules), "module"), counted(len(plan.Listeners), "listener"))
		return nil
	}
	return a.reside(o, plan, manager, log, signals, screen)
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// withManager adds the policy of the supervisor's own manager.
func withManager(sources []compile.Source) ([]compile.Source, error) {
	text, ok, err := invoke.Embedded(spawner.ManagerSource)
	if err != nil || !ok {
		return nil, invoke.Exit(invoke.StatusSupervisor, fmt.Errorf("bug: the manager's policy is not in the program (%w); please report it", err))
	}
	return append(sources, compile.Source{Name: spawner.ManagerSource, Dir: "/", Text: text}), nil
}

// reside runs the modules until it is told to stop, and undoes everything.
func (a *app) reside(o runOptions, plan wire.Plan, manager wire.Module, log *slog.Logger, signals chan os.Signal, screen terminals) (err error) {
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	defer signal.Stop(signals)
	ended := make(chan struct{})
	defer close(ended)
	// A standard output that nobody reads any more is an error of a write, not the end of this process.
	signal.Ignore(unix.SIGPIPE)

	if manager, err = spawner.FitDescriptors(a.Core, manager); err != nil {
		return invoke.Exit(invoke.StatusSupervisor, err)
	}
	h, err := spawner.NewResidentHost(a.Core, a.Launcher, a.Facts, append(plan.Modules, manager), containerd.Library{})
	if err != nil {
		return invoke.Exit(invoke.StatusSupervisor, err)
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	runtime, err := spawner.RuntimeName(h.Kernel)
	if err != nil {
		return invoke.Exit(invoke.StatusSupervisor, err)
	}
	r := spawner.NewResident(spawner.Config{
		Host: h, Facts: a.Facts,
		Options: wire.Options{Version: invoke.Version, LogFormat: o.logFormat, LogDates: o.logDates, LogLevel: o.logLevel, Control: o.control, Metrics: o.metrics,
			Owner: uint32(a.Core.Geteuid())},
		Files: o.policies, Plan: plan, Manager: manager,
		Read: func() ([]compile.Source, error) {
			sources, _, err := a.Open(o.policies)
			if err != nil {
				return nil, err
			}
			return withManager(sources)
		},
		Variables: a.Variables, Include: a.Include,
		Ahead:    true,
		Runtime:  filepath.Join(filepath.Dir(a.controlPath()), runtime),
		Log:      log,
		Output:   newLineWriter(a.Core, o.logFormat, plan.Modules),
		Counters: func() ([]wire.CallCount, []wire.CallDuration) { return callCounts(a.counts) },
		Signals:  screen.translate(signals, ended),
		Rest:     func() { shrink(a.Core, log) },
	})
	status, err := r.Run()
	switch {
	case err != nil:
		return invoke.Exit(invoke.StatusSupervisor, err)
	case status != invoke.StatusDone:
		return invoke.Exit(status, nil)
	}
	return nil
}
