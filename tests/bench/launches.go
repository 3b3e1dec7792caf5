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

// workload is a module that does nothing, ready to be launched, and what bwrap takes to do the same.
type workload struct {
	b      *bench
	host   *spawner.Host
	module wire.Module
	path   string
	filter posix.FD
	theirs command
	policy *policy.Policy
	calls  int // that the filter allows
	n      int
	stale  int // instances that were made ahead and not used
}

// workload makes one of a policy with a place for the directory of its program, and a launcher. The caller closes it.
func (b *bench) workload(text string, l *launch.Launcher) (_ *workload, err error) {
	program, err := noop()
	if err != nil {
		return nil, err
	}
	w := &workload{b: b, filter: -1}
	if w.path, err = b.write("noop", program, 0o755); err != nil {
		return nil, err
	}
	if w.policy, err = parse("bench.yaml", fmt.Sprintf(text, b.dir)); err != nil {
		return nil, err
	}
	res, err := b.compileHere(w.policy)
	if err != nil {
		return nil, err
	}
	if w.filter, w.calls, err = b.filterOf(w.policy); err != nil {
		return nil, err
	}
	w.module = wire.Module{Name: "noop", Resources: w.policy.Modules[0].Resources, Program: res.Program, Init: res.Init, Enforcement: res.Enforcement}
	if w.host, err = spawner.NewHost(b.kernel, l, b.facts, []wire.Module{w.module}); err != nil {
		return nil, errors.Join(err, b.kernel.Close(w.filter))
	}
	w.theirs = b.bwrapCommand(w.filter, false, []string{"/usr", "/etc", b.dir}, w.path)
	return w, nil
}

func (w *workload) close() error { return errors.Join(w.host.Close(), w.b.kernel.Close(w.filter)) }

func (w *workload) stdio() [3]posix.FD { return [3]posix.FD{w.b.null, w.b.null, 2} }

// id is the name of a new instance, which no other launcher of this process has either.
func (w *workload) id() string {
	w.n++
	return fmt.Sprintf("%d-%p", w.n, w)
}

// launches compares a launch by a process that stays with a whole bwrap: as the supervisor launches a module again, with what it has made ahead
// when there was time, and with nothing made ahead and everything removed, as it is the first time.
func (b *bench) launches() (err error) {
	if !b.root() {
		fmt.Println("launch_vs_bwrap: not measured: it needs root")
		return nil
	}
	w, err := b.workload(launchPolicy, b.launcher)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	s, err := takeTurns(b.rounds(300), contender{"launch", w.steady}, contender{"bwrap", b.starter(w.theirs.child(b.null))},
		contender{"launch, nothing ahead", w.launch})
	if err != nil {
		return err
	}
	figure("launch_vs_bwrap", s[0].median()/s[1].median(), 0.5)
	figure("launch_fresh_vs_bwrap", s[2].median()/s[1].median(), 0)
	return nil
}

// launch starts an instance and finishes it when it has ended. Nothing is made ahead, and nothing is left to be removed.
func (w *workload) launch() (time.Duration, error) {
	begin := time.Now()
	i, err := w.host.Start(&w.module, w.id(), w.stdio(), nil)
	if err != nil {
		return 0, err
	}
	err = finish(i)
	return time.Since(begin), err
}

// finish ends an instance, which must have ended well.
func finish(i *spawner.Instance) error {
	exit, err := i.Finish()
	if err == nil && exit.ShellStatus() != 0 {
		err = errors.New(exit.String())
	}
	return err
}

// filterOf makes the filter of the only module of a policy and puts it into a file. The caller closes it.
func (b *bench) filterOf(pol *policy.Policy) (fd posix.FD, calls int, err error) {
	section := pol.Modules[0].Seccomp
	f, err := maker{b.kernel}.Module(section)
	if err != nil {
		return -1, 0, err
	}
	decision, err := seccomp.Resolve(section)
	if err != nil {
		return -1, 0, err
	}
	allowed := decision.Allowed(seccomp.Native())
	if allowed < leastCalls {
		return -1, 0, fmt.Errorf("%s: the filter allows %d calls, want at least %d", pol.File, allowed, leastCalls)
	}
	fmt.Printf("%s: %d calls allowed, %d instructions\n", pol.File, allowed, len(f.Program)/bpf.InstructionSize)
	fd, err = b.loadable(f.Program)
	return fd, allowed, err
}
