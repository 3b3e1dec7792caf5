package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
)

func main() { os.Exit(dispatch(os.Args[1:])) }

// dispatch is the program in its roles: what runs the attacks, and what is run by it.
func dispatch(args []string) int {
	if len(args) > 0 {
		switch args[0] {
		case "attack":
			return victim(args[1:])
		case "neighbour":
			return beNeighbour()
		}
		if stage, ok := secondStages()[args[0]]; ok {
			return stage(args[1:])
		}
	}
	runtime.LockOSThread() // children end with the thread that made them
	status, err := command(args, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "escape:", err)
		return 1
	}
	return status
}

// options are those of the command line.
type options struct {
	supervisor, root, user string
	only, under            string
	report                 bool // for ourselves: results as JSON
	alone                  bool
	show                   bool
}

func command(args []string, out io.Writer) (int, error) {
	var o options
	flags := flag.NewFlagSet("escape", flag.ContinueOnError)
	flags.StringVar(&o.supervisor, "supervisor", "bin/supervisor", "the program that is attacked")
	flags.StringVar(&o.root, "root", ".", "the repository, for the policies")
	flags.StringVar(&o.user, "user", "games", "the ordinary user, when root runs this")
	flags.StringVar(&o.only, "only", "", "names of attacks, or of families, with commas in between")
	flags.StringVar(&o.under, "under", "", "make them under this policy instead, by the name of its file in policies/ or testdata/")
	flags.BoolVar(&o.report, "report", false, "print the results as JSON")
	flags.BoolVar(&o.alone, "alone", false, "do not do it again as the ordinary user")
	flags.BoolVar(&o.show, "show", false, "make no attack, and show results that --report has printed: the arguments are files")
	if err := flags.Parse(args); err != nil {
		return 2, nil
	}
	if o.show {
		return showFiles(out, flags.Args())
	}
	if flags.NArg() > 0 {
		return 2, fmt.Errorf("unexpected %q", flags.Arg(0))
	}
	for _, p := range []*string{&o.supervisor, &o.root} {
		abs, err := filepath.Abs(*p)
		if err != nil {
			return 1, err
		}
		*p = abs
	}
	first, err := runAll(o)
	if err != nil {
		return 1, err
	}
	if o.report {
		return 0, json.NewEncoder(out).Encode(first)
	}
	runs := []*report{first}
	if isRoot() && !o.alone {
		second, err := runAsUser(o)
		if err != nil {
			return 1, fmt.Errorf("as %s: %w", o.user, err)
		}
		runs = append(runs, second)
	}
	if show(out, runs) {
		return 0, nil
	}
	return 1, nil
}

// runAsUser does everything again with a process that has no privileges.
func runAsUser(o options) (second *report, err error) {
	uid, gid, err := lookUp(o.user)
	if err != nil {
		return nil, err
	}
	there, remove, err := o.reachable()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	cmd := exec.Command("/proc/self/exe", "--report", "--supervisor", there.supervisor, "--root", there.root, "--only", o.only, "--under", o.under)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, Pdeathsig: syscall.SIGKILL}
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	text, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, stderr.String())
	}
	second = &report{}
	return second, json.Unmarshal(text, second)
}

func runAll(o options) (r *report, err error) {
	s, err := newStage(o.supervisor, o.root, o.user)
	if err != nil {
		return nil, err
	}
	defer func() {
		err = errors.Join(err, s.close())
		err = errors.Join(err, s.leftovers())
	}()
	list, err := choose(o.only)
	if err != nil {
		return nil, err
	}
	if o.under != "" {
		for i := range list {
			list[i].policy, list[i].opens = o.under, ""
		}
	}
	return s.all(list), nil
}

// choose picks attacks by their names and families; all when there are none.
func choose(only string) ([]attack, error) {
	if only == "" {
		return attacks(), nil
	}
	names := strings.Split(only, ",")
	found := map[string]bool{}
	var out []attack
	for _, a := range attacks() {
		if slices.Contains(names, a.name) || slices.Contains(names, a.family) {
			out = append(out, a)
			found[a.name], found[a.family] = true, true
		}
	}
	for _, name := range names {
		if !found[name] {
			return nil, fmt.Errorf("there is no attack and no family %q", name)
		}
	}
	return out, nil
}
