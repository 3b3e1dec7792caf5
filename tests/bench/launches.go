package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
	"github.com/bulkhead/bulkhead/spawner"
	"github.com/bulkhead/bulkhead/spawner/launch"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// launches compares a launch by a process that stays with a whole bwrap.
func (b *bench) launches() (err error) {
	if !b.root() {
		fmt.Println("launch_vs_bwrap: not measured: it needs root")
		return nil
	}
	program, err := noop()
	if err != nil {
		return err
	}
	path, err := b.write("noop", program, 0o755)
	if err != nil {
		return err
	}
	pol, err := parse("bench.yaml", fmt.Sprintf(launchPolicy, b.dir))
	if err != nil {
		return err
	}
	res, err := b.compileHere(pol)
	if err != nil {
		return err
	}
	filter, err := b.filterOf(pol)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.kernel.Close(filter)) }()
	m := wire.Module{Name: "noop", Resources: pol.Modules[0].Resources, Program: res.Program, Init: res.Init, Enforcement: res.Enforcement}
	h, err := spawner.NewHost(b.kernel, b.launcher, b.facts, []wire.Module{m})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	theirs := b.bwrapCommand(filter, false, []string{"/usr", "/etc", b.dir}, path)
	unprepared, err := launch.New(b.kernel, launch.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unprepared.Close()) }()
	fresh := *h
	fresh.Launcher = unprepared
	n := 0
	from := func(h *spawner.Host) func() (time.Duration, error) {
		return func() (time.Duration, error) {
			n++
			return b.launch(h, &m, fmt.Sprint(n))
		}
	}
	s, err := takeTurns(b.rounds(300), contender{"launch", from(h)}, contender{"bwrap", b.starter(theirs.child(b.null))},
		contender{"launch, nothing made ahead", from(&fresh)})
	if err != nil {
		return err
	}
	figure("launch_vs_bwrap", ratio(s), 0.5)
	figure("launch_fresh_vs_bwrap", s[2].median()/s[1].median(), 0)
	return nil
}

// launch starts an instance and finishes it when it has ended. What is made ahead for the next one is made when the clock has stopped,
// and is done before somebody else's turn.
func (b *bench) launch(h *spawner.Host, m *wire.Module, id string) (time.Duration, error) {
	begin := time.Now()
	defer func() { h.Launcher.Refill(); h.Launcher.Settle() }()
	i, err := h.Start(m, id, [3]posix.FD{b.null, b.null, 2}, nil)
	if err != nil {
		return 0, err
	}
	exit, err := i.Finish()
	took := time.Since(begin)
	if err == nil && exit.ShellStatus() != 0 {
		err = errors.New(exit.String())
	}
	return took, err
}

// filterOf makes the filter of the only module of a policy and puts it into a file. The caller closes it.
func (b *bench) filterOf(pol *policy.Policy) (posix.FD, error) {
	section := pol.Modules[0].Seccomp
	f, err := maker{b.kernel}.Module(section)
	if err != nil {
		return -1, err
	}
	decision, err := seccomp.Resolve(section)
	if err != nil {
		return -1, err
	}
	allowed := decision.Allowed(seccomp.Native())
	if allowed < leastCalls {
		return -1, fmt.Errorf("%s: the filter allows %d calls, want at least %d", pol.File, allowed, leastCalls)
	}
	fmt.Printf("%s: %d calls allowed, %d instructions\n", pol.File, allowed, len(f.Program)/bpf.InstructionSize)
	return b.loadable(f.Program)
}
