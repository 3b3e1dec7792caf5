package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/spawner/compile"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == compile.Role {
		if err := compile.Serve(linux.New()); err != nil {
			fmt.Fprintln(os.Stderr, "bench: compile:", err)
			os.Exit(1)
		}
		return
	}
	supervisor := flag.String("supervisor", "bin/supervisor", "the supervisor's `PROGRAM`")
	locked := flag.String("policy", "policies/examples/locked.yaml", "the policy `FILE` of the exec figures")
	scale := flag.Float64("scale", 1, "`FACTOR` for the number of rounds")
	only := flag.String("only", "", "`NAME` of one part: launch, exec, check, compile, site, seccomp, memory, resident, reload; all when empty")
	flag.Parse()
	if err := run(*supervisor, *locked, *only, *scale); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures everything.
func run(supervisor, locked, only string, scale float64) (err error) {
	runtime.LockOSThread() // children die with the thread that created them
	version, err := exec.Command("bwrap", "--version").Output()
	if errors.Is(err, exec.ErrNotFound) {
		return errors.New("bwrap, which the figures compare with, is not installed: apt-get install bubblewrap")
	}
	if err != nil {
		return fmt.Errorf("ask bwrap for its version: %w", err)
	}
	b, err := newBench(supervisor, locked, scale)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	fmt.Printf("Linux %s %s, %d processors, %s, %s\n", b.facts.Release, b.facts.Machine, runtime.NumCPU(), runtime.Version(),
		strings.TrimSpace(string(version)))
	for _, part := range []struct {
		name    string
		measure func() error
	}{{"launch", b.launches}, {"exec", b.execs}, {"check", b.checks}, {"compile", b.compiles}, {"site", b.compilesSite}, {"seccomp", b.filters},
		{"memory", b.memory}, {"resident", b.residents}, {"reload", b.reloads}} {
		if only != "" && only != part.name {
			continue
		}
		if err := part.measure(); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
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
