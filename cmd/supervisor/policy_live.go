package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/invoke"
	"github.com/bulkhead/bulkhead/core/policy/suite"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/program"
	"github.com/bulkhead/bulkhead/spawner"
	"github.com/bulkhead/bulkhead/spawner/compile"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// testLive is `policy test --live`: what is launched has to come from policies that can be trusted, as for `exec`.
func (a *app) testLive(cmd *cobra.Command, paths []string) error {
	sources, err := a.Start(paths, true, true)
	if err != nil {
		return err
	}
	result, err := a.compute(cmd, work{command: "test", options: map[string]string{"live": "yes"}}, sources)
	if err != nil {
		return err
	}
	var all []suite.LiveResult
	for i, s := range sources {
		results, err := a.tryAll(s, result.Live[i])
		if err != nil {
			return invoke.Exit(invoke.StatusSupervisor, err)
		}
		all = append(all, results...)
	}
	if result.Status != invoke.StatusInvalid {
		if err := suite.RenderLive(cmd.OutOrStdout(), all); err != nil {
			return invoke.Exit(invoke.StatusSupervisor, err)
		}
	}
	switch {
	case result.Status != invoke.StatusDone:
		return invoke.Exit(result.Status, nil)
	case suite.LiveFailed(all):
		return invoke.Exit(invoke.StatusFailed, nil)
	}
	return nil
}

// tryAll makes the calls that a policy's tests want, each module's in one go. An error is one of the supervisor; what is wrong with a
// module is in the results.
func (a *app) tryAll(s compile.Source, calls []suite.Live) ([]suite.LiveResult, error) {
	results := make([]suite.LiveResult, len(calls))
	modules := map[string][]int{}
	var order []string
	for i, c := range calls {
		results[i].Live = c
		if c.Skip != "" {
			continue
		}
		if modules[c.Module] == nil {
			order = append(order, c.Module)
		}
		modules[c.Module] = append(modules[c.Module], i)
	}
	for _, name := range order {
		if err := a.tryModule(s, name, modules[name], results); err != nil {
			return nil, err
		}
	}
	return results, nil
}

// tryModule makes those of the results' calls that are about one module.
func (a *app) tryModule(s compile.Source, name string, which []int, results []suite.LiveResult) (err error) {
	fail := func(err error) error {
		for _, i := range which {
			results[i].Err = err
		}
		return nil
	}
	var said bytes.Buffer
	plan, err := a.Compile(compile.Request{Sources: []compile.Source{s}, Module: name, Exec: true, Trial: true}, &said)
	var exit *invoke.ExitError
	switch {
	case errors.As(err, &exit) && exit.Err == nil:
		return fail(errors.New(firstError(plan)))
	case err != nil:
		return err
	}
	if _, err := fmt.Fprint(os.Stderr, said.String()); err != nil { // warnings
		return err
	}
	m := &plan.Modules[0]
	h, err := spawner.NewHost(a.Core, a.Launcher, a.Facts, plan.Modules)
	if err != nil {
		return fail(err)
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	stream, err := scratch(a.Core)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Core.Close(stream)) }()
	for _, i := range which {
		r := &results[i]
		answer, err := h.Try(m, [3]posix.FD{stream, stream, stream}, program.Trial{Number: r.Nr, Args: r.Args, Strings: r.Strings})
		if errors.Is(err, program.ErrNoFilter) {
			err = errors.New("this host has no seccomp filters, and best_effort accepts that")
		}
		r.Err = err
		r.Said = suite.Said{Kind: suite.SaidKind(answer.Kind), Value: answer.Value, Signal: answer.Signal, Status: answer.Status, Filter: answer.Filter}
	}
	return nil
}

// firstError is the first of the things that are wrong with a module on this host, in one line.
func firstError(plan wire.Plan) string {
	for _, d := range plan.Diagnostics {
		if d.Severity == policy.SeverityError {
			return fmt.Sprintf("%s: %s", d.Pos, d.Message)
		}
	}
	return "it does not say why; this is a bug of ours, please report it"
}

// scratch makes what the standard streams of the processes are: a small file in memory, so that no call reaches a file of the host by them.
func scratch(k posix.Core) (posix.FD, error) {
	fd, err := k.MemfdCreate("bulkhead-trial", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return -1, fmt.Errorf("make a file in memory for the standard streams: %w", err)
	}
	if _, err = k.Write(fd, make([]byte, 4096)); err == nil {
		_, err = k.Fcntl(fd, unix.F_ADD_SEALS, unix.F_SEAL_SEAL|unix.F_SEAL_GROW|unix.F_SEAL_SHRINK)
	}
	if err != nil {
		return -1, errors.Join(fmt.Errorf("fill the file in memory of the standard streams: %w", err), k.Close(fd))
	}
	return fd, nil
}
