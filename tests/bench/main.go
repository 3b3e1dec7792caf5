package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"

	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox/seccomp/libseccomp"
	"github.com/bulkhead/bulkhead/spawner/compile"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == compile.Role {
		if err := compile.Serve(linux.New(), libseccomp.Chooser(linux.New())); err != nil {
			fmt.Fprintln(os.Stderr, "bench: compile:", err)
			os.Exit(1)
		}
		return
	}
	if len(os.Args) > 1 && os.Args[1] == filteredRole {
		if err := serveFiltered(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "bench: filtered:", err)
			os.Exit(1)
		}
		return
	}
	supervisor := flag.String("supervisor", "bin/supervisor", "the supervisor's `PROGRAM`")
	locked := flag.String("policy", "policies/examples/locked.yaml", "the policy `FILE` of the exec figures")
	scale := flag.Float64("scale", 1, "`FACTOR` for the number of rounds")
	suite := flag.String("suite", "sandbox", "`WHAT` is measured: sandbox; policy: filters, their compiler and their proof; peers: against other tools")
	tree := flag.String("tree", ".", "the `DIRECTORY` of the repository, whose policies are measured")
	only := flag.String("only", "", "`NAME` of one part, all when empty: launch, exec, check, compile, site, seccomp, memory, resident, reload; "+
		"of policy: sizes, proofs, mistakes, check, simulate, load, calls; of peers: compile, spawn, exec, growth, thousand")
	flag.Parse()
	if err := run(*suite, *supervisor, *locked, *tree, *only, *scale); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// part is one of the things that are measured.
type part struct {
	name    string
	measure func() error
}

// run measures everything of a suite.
func run(suite, supervisor, locked, tree, only string, scale float64) (err error) {
	runtime.LockOSThread() // children die with the thread that created them
	b, err := newBench(supervisor, locked, tree, scale)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	fmt.Printf("Linux %s %s, %d processors, %s\n", b.facts.Release, b.facts.Machine, runtime.NumCPU(), runtime.Version())
	var parts []part
	switch suite {
	case "sandbox":
		if err := b.findBwrap(); err != nil {
			return err
		}
		parts = []part{{"launch", b.launches}, {"exec", b.execs}, {"check", b.checks}, {"compile", b.compiles}, {"site", b.compilesSite},
			{"seccomp", b.filters}, {"memory", b.memory}, {"resident", b.residents}, {"reload", b.reloads}}
	case "peers":
		if err := b.findBwrap(); err != nil {
			return err
		}
		if !b.root() {
			return errors.New("the peers are compared as root only: control groups, and users for the instances")
		}
		before, e := b.stock()
		if e != nil {
			return e
		}
		defer func() { err = errors.Join(err, b.leftBehind(before)) }()
		parts = []part{{"compile", b.compiles}, {"spawn", b.spawns}, {"exec", b.execs}, {"growth", b.growth}, {"thousand", b.thousand}}
	case "policy":
		parts = []part{{"sizes", b.sizes}, {"proofs", b.proofs}, {"mistakes", b.mistakes}, {"check", b.checks}, {"simulate", b.simulates},
			{"load", b.loads}, {"calls", b.calls}}
	default:
		return fmt.Errorf("there is no suite %q: sandbox, policy or peers", suite)
	}
	measured := 0
	for _, p := range parts {
		if only != "" && only != p.name {
			continue
		}
		measured++
		if err := p.measure(); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	if measured == 0 {
		return fmt.Errorf("the suite %s has no part %q", suite, only)
	}
	return nil
}

// figure prints a number. goal is what it may be at most; 0 is none.
func figure(name string, value, goal float64) {
	fmt.Printf("figure: %s %.3g\n", name, value)
	if goal > 0 && value > goal {
		fmt.Printf("missed: %s want ≤ %g\n", name, goal)
	}
}

// count prints a whole number. most is what it may be; 0 is no goal.
func count(name string, n, most int) {
	fmt.Printf("figure: %s %d\n", name, n)
	if most > 0 && n > most {
		fmt.Printf("missed: %s want ≤ %d\n", name, most)
	}
}

// exactly prints a whole number of which only one value is right: another one is an error.
func exactly(name string, n, want int) error {
	fmt.Printf("figure: %s %d\n", name, n)
	if n != want {
		return fmt.Errorf("%s is %d, and has to be %d", name, n, want)
	}
	return nil
}
