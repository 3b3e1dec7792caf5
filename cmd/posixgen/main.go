package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is main without the process: 0 done, 1 files differ or cannot be written, 2 the source or the command line is wrong.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("posixgen", flag.ContinueOnError)
	flags.SetOutput(stderr)
	dir := flags.String("dir", ".", "directory of package posix")
	check := flags.Bool("check", false, "write nothing; fail when a file on disk differs from what would be written")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if flags.NArg() > 0 {
		_, _ = fmt.Fprintf(stderr, "posixgen: unexpected argument %q\n", flags.Arg(0))
		return 2
	}
	p, err := parse(*dir)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, err)
		return 2
	}
	count, err := cases(filepath.Join(*dir, "../tests/conformance"))
	if err == nil {
		err = untested(p, count)
	}
	if err != nil {
		_, _ = fmt.Fprintln(stderr, err)
		return 2
	}
	files, err := generate(p)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "posixgen:", err)
		return 2
	}
	if *check {
		diffs, err := compare(*dir, files)
		if err != nil {
			_, _ = fmt.Fprintln(stderr, "posixgen:", err)
			return 1
		}
		for _, d := range diffs {
			_, _ = fmt.Fprintln(stderr, d)
		}
		if len(diffs) > 0 {
			_, _ = fmt.Fprintln(stderr, "posixgen: run go generate ./posix/...")
			return 1
		}
		return 0
	}
	changed, err := write(*dir, files)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "posixgen:", err)
		return 1
	}
	for _, name := range changed {
		_, _ = fmt.Fprintln(stdout, name)
	}
	return 0
}
