package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/metrics"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/spawner"
	"github.com/bulkhead/bulkhead/spawner/compile"
	"github.com/bulkhead/bulkhead/spawner/launch"
	"github.com/bulkhead/bulkhead/spawner/source"
	"github.com/bulkhead/bulkhead/spawner/stage"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// app is one invocation of the program.
type app struct {
	core      posix.Core
	coreLevel *slog.LevelVar // what core logs: nothing, unless set to debug
	counts    *metrics.Core  // what core counts
	argv      []string
	handover  stage.Handover

	facts    host.Facts
	trust    source.Trust // whose policies are carried out; that of policies which are only looked at is anybody
	launcher *launch.Launcher
	// variables are what policies can name as ${NAME}; set by compile.
	variables map[string]string
	stays     func() // called by start when it is certain, early on, that this process is not replaced; nil is nothing
}

// execute runs the command line and returns the exit status.
func (a *app) execute(ctx context.Context) int {
	root := a.rootCommand()
	root.SetArgs(a.argv[1:])
	err := root.ExecuteContext(ctx)
	if a.launcher != nil {
		err = errors.Join(err, a.launcher.Close())
	}
	var exit *exitError
	switch {
	case err == nil:
		return statusDone
	case errors.As(err, &exit):
		if exit.err != nil {
			fmt.Fprintln(os.Stderr, "supervisor:", exit.err)
		}
		return exit.status
	}
	fmt.Fprintln(os.Stderr, "supervisor:", err)
	return statusInvalid // cobra's complaints about the command line
}

// start reads the policies and gets ready to launch: facts, limits, the locked thread. With privileges it also makes sure that
// this process has what launching takes, entering a user namespace when it is an ordinary user's; then it does not return.
func (a *app) start(paths []string, trust, privileges bool) ([]compile.Source, error) {
	// For life: children die with the thread that created them.
	runtime.LockOSThread()
	if err := spawner.CheckLimits(a.core); err != nil {
		return nil, &exitError{statusSupervisor, err}
	}
	var err error
	if a.facts, err = a.probe(trust && !privileges); err != nil {
		return nil, &exitError{statusSupervisor, err}
	}
	if a.stays != nil && privileges && spawner.Privileged(a.facts) {
		a.stays()
	}
	a.trust = source.Anyone
	if trust {
		a.trust = source.Trusted(a.facts)
	}
	var c carried
	if a.handover.Inside {
		if c, err = receive(a.core, a.handover.Carried); err == nil {
			a.trust = a.trust.Knowing(a.facts, c.Trusted)
		}
	} else {
		c.Sources, c.Trusted, err = a.open(paths)
	}
	if err != nil {
		return nil, err
	}
	if privileges && !spawner.Privileged(a.facts) {
		return nil, &exitError{statusSupervisor, a.enterUserNamespace(c)}
	}
	if a.launcher, err = launch.New(a.core, launch.Options{Spare: privileges}); err != nil {
		return nil, &exitError{statusSupervisor, err}
	}
	return c.Sources, nil
}

// probe finds out what this host can enforce. What can only be known by trying is tried out for --check and --dry-run: a launch tries it anyway.
func (a *app) probe(try bool) (host.Facts, error) {
	if try {
		return host.ProbeAll(a.core)
	}
	return host.Probe(a.core)
}

// enterUserNamespace starts the program again inside of one, handing the policies over as they were read and checked here.
func (a *app) enterUserNamespace(c carried) error {
	if a.handover.Inside {
		return errors.New("the user namespace brought no capabilities (AppArmor restricts them?): `supervisor doctor` says what to do, or run it as root")
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	fd, err := handOver(a.core, c)
	if err != nil {
		return err
	}
	return errors.Join(stage.Enter(a.core, exe, a.argv, os.Environ(), fd), a.core.Close(fd))
}

// open reads policy files under the rule of trust, and returns what was found to be trusted, too.
func (a *app) open(paths []string) (out []compile.Source, trusted []source.Identity, err error) {
	for _, p := range paths {
		if text, ok, err := embedded(p); err != nil {
			return nil, nil, &exitError{statusInvalid, err}
		} else if ok {
			out = append(out, compile.Source{Name: p, Dir: "/", Text: text})
			continue
		}
		files, ids, err := source.OpenRecorded(a.core, p, a.trust)
		if err != nil {
			return nil, nil, &exitError{statusInvalid, err}
		}
		for _, f := range files {
			out = append(out, compile.Source{Name: f.Name, Dir: f.Dir, Text: f.Text})
		}
		trusted = append(trusted, ids...)
	}
	return out, trusted, nil
}

// compile makes a plan in the confined process. Diagnostics are printed; an error among them ends the program.
func (a *app) compile(req compile.Request, w io.Writer) (wire.Plan, error) {
	return a.compileWith(req, w, func(req compile.Request) (wire.Plan, error) { return compile.Run(a.core, a.launcher, req) })
}

// compileWith is compile, with a function that returns the plan.
func (a *app) compileWith(req compile.Request, w io.Writer, run func(compile.Request) (wire.Plan, error)) (wire.Plan, error) {
	exe, err := os.Executable()
	if err != nil {
		return wire.Plan{}, &exitError{statusSupervisor, err}
	}
	req.Facts = a.facts
	a.variables = map[string]string{"SUPERVISOR": exe}
	req.Variables = a.variables
	plan, err := run(req)
	var step *launch.StepError
	if errors.As(err, &step) && step.Exec && errors.Is(err, posix.Errno(unix.EACCES)) {
		err = fmt.Errorf("%w: it runs as another user, so everybody must be able to read and execute %s (chmod a+rx), on a file system without noexec", err, exe)
	}
	if err != nil {
		return plan, &exitError{statusSupervisor, err}
	}
	if plan.Rendered != "" {
		fmt.Fprint(w, plan.Rendered)
	}
	if plan.Diagnostics.HasErrors() {
		return plan, &exitError{status: invalidStatus(plan.Diagnostics)}
	}
	return plan, nil
}

// rootCommand is `supervisor --policy FILE` with the other commands below it.
func (a *app) rootCommand() *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:           "supervisor --policy FILE",
		Short:         "Run programs under the restrictions that a policy states",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.version {
				_, err := io.WriteString(cmd.OutOrStdout(), versionText())
				return err
			}
			if len(o.policies) == 0 {
				return cmd.Help()
			}
			return a.supervise(cmd, o)
		},
	}
	o.register(cmd, a.controlPath())
	if len(a.argv) > 1 && a.argv[1] == "exec" {
		// Whoever starts a command waits for each page that is touched here.
		cmd.AddCommand(a.execCommand())
		return cmd
	}
	cmd.AddCommand(a.execCommand(), a.policyCommand(), a.doctorCommand(), a.versionCommand())
	cmd.AddCommand(a.controlCommands()...)
	cmd.AddCommand(laterCommands()...)
	return cmd
}
