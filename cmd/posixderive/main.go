// Command posixderive says which system calls follow from a program that uses package posix: see `posixderive -h`, and package posix/derive for
// what it means. `supervisor policy derive` runs it.
//
// It is a program of its own because it brings a compiler's front end with it, which would make the supervisor larger and
// slower to start.
//
//posixvet:exempt a tool for who writes Go, which runs when somebody builds a program
package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/bulkhead/bulkhead/posix/derive"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// Exit statuses.
const (
	statusDone    = 0
	statusFailed  = 1
	statusInvalid = 2
)

const usage = `Print the seccomp allow-list that follows from a program

Usage:
  supervisor policy derive [flags] PACKAGE

PACKAGE is one that uses package posix, such as ./cmd/server; a Go toolchain must be installed. The table shows for each system call whether
an interface that the program takes has it (declared), whether anything that can run makes it (reachable), and how often a
recording has it (observed). What the Go runtime and libraries do by themselves is listed besides.

Flags:
  -o, --output FORMAT    table (the default), yaml (a profile for a policy) or json
      --from BASIS       what the profile allows: declared, reachable (the default) or observed
      --recording FILE   a recording that the program made with package posix/record
      --tags LIST        build tags, with commas; write those that the program is built with
      --arch ARCH        amd64 or arm64; the default is this machine's
  -h, --help             this text

Exit status: 0 done, 1 the package does not load or does not use posix, 2 a wrong command line or recording.
`

// options are the flags.
type options struct {
	output, from, recording, tags, arch, pattern string
}

// usageError is a wrong command line or recording.
type usageError struct{ error }

func parse(args []string, stdout io.Writer) (o options, help bool, err error) {
	f := flag.NewFlagSet("posixderive", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&o.output, "output", "table", "")
	f.StringVar(&o.output, "o", "table", "")
	f.StringVar(&o.from, "from", "", "")
	f.StringVar(&o.recording, "recording", "", "")
	f.StringVar(&o.tags, "tags", "", "")
	f.StringVar(&o.arch, "arch", "", "")
	var rest []string
	for len(args) > 0 { // flags may stand behind the package
		if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
			_, err := io.WriteString(stdout, usage)
			return o, true, err
		} else if err != nil {
			return o, false, usageError{fmt.Errorf("%w; `supervisor policy derive --help` lists the flags", err)}
		}
		if args = f.Args(); len(args) > 0 {
			rest, args = append(rest, args[0]), args[1:]
		}
	}
	switch {
	case len(rest) != 1 || strings.Contains(rest[0], "..."):
		return o, false, usageError{errors.New("name one package, such as ./cmd/server")}
	case o.output != "table" && o.output != "yaml" && o.output != "json":
		return o, false, usageError{fmt.Errorf("output format %q: use table, yaml or json", o.output)}
	case o.from != "" && o.output != "yaml":
		return o, false, usageError{errors.New("--from is for -o yaml; the other formats show all three")}
	case o.from != "" && o.from != "declared" && o.from != "reachable" && o.from != "observed":
		return o, false, usageError{fmt.Errorf("--from %s: use declared, reachable or observed", o.from)}
	case o.from == "observed" && o.recording == "":
		return o, false, usageError{errors.New("--from observed needs --recording FILE")}
	}
	o.pattern, o.from = rest[0], cmp.Or(o.from, "reachable")
	return o, false, nil
}

func run(args []string, stdout, stderr io.Writer) int {
	o, help, err := parse(args, stdout)
	if err == nil && !help {
		err = derived(o, stdout)
	}
	if err == nil {
		return statusDone
	}
	fmt.Fprintf(stderr, "supervisor: policy derive: %v\n", err)
	if usage := (usageError{}); errors.As(err, &usage) || errors.Is(err, derive.ErrRecording) {
		return statusInvalid
	}
	return statusFailed
}

func derived(o options, w io.Writer) error {
	observed, err := observation(o.recording)
	if err != nil {
		return usageError{err}
	}
	opt := derive.Options{Arch: o.arch}
	if o.tags != "" {
		opt.Tags = strings.Split(o.tags, ",")
	}
	p, err := derive.Load(o.pattern, opt)
	if err != nil {
		return err
	}
	report, err := p.Analyze(observed)
	if err != nil {
		return err
	}
	switch o.output {
	case "yaml":
		return report.WriteYAML(w, derive.Basis(o.from))
	case "json":
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(report)
	}
	return report.WriteTable(w)
}

// observation reads a recording, when there is one.
func observation(name string) (*derive.Observation, error) {
	if name == "" {
		return nil, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return derive.ReadRecording(name, f)
}
