// Command loadgen asks an HTTP server as fast as it answers, and reports every failure: see package load.
//
//	loadgen [-unix] [-workers N] [-count N] [-for TIME] [-close] [-method M] [-path P] [-body BYTES] [-echo] [-json] ADDRESS
//
// Exit status: 0 no request failed, 1 some did or none was made, 2 a wrong command line.
//
//posixvet:exempt a part of tests
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/bulkhead/bulkhead/tests/load"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// run returns the exit status. When ctx ends, what was asked until then is reported.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o load.Options
	flags := flag.NewFlagSet("loadgen", flag.ContinueOnError)
	flags.SetOutput(stderr)
	unix := flags.Bool("unix", false, "ADDRESS is the path of a unix socket")
	flags.IntVar(&o.Workers, "workers", 8, "`connections` at a time")
	flags.Int64Var(&o.Count, "count", 0, "`requests` in all")
	flags.DurationVar(&o.For, "for", 0, "`time` to run")
	flags.StringVar(&o.Method, "method", "", "`method`; GET, or POST with a body")
	flags.StringVar(&o.Path, "path", "/", "`path` to ask for")
	flags.IntVar(&o.BodySize, "body", 0, "`bytes` of a body")
	flags.BoolVar(&o.EchoBody, "echo", false, "the answer must be the body")
	flags.StringVar(&o.Who, "who", "", "response `header` that says who answered; X-Instance")
	shut := flags.Bool("close", false, "a connection for each request")
	asJSON := flags.Bool("json", false, "report in JSON")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if flags.NArg() != 1 {
		fmt.Fprintln(stderr, "loadgen: one address is needed")
		return 2
	}
	o.Address, o.KeepAlive = flags.Arg(0), !*shut
	if *unix {
		o.Network = "unix"
	}
	result, err := load.Run(ctx, o)
	if err != nil {
		fmt.Fprintln(stderr, "loadgen:", err)
		return 2
	}
	if *asJSON {
		err = json.NewEncoder(stdout).Encode(result)
	} else {
		_, err = fmt.Fprint(stdout, result)
	}
	if err != nil {
		fmt.Fprintln(stderr, "loadgen:", err)
		return 1
	}
	if result.Failed() > 0 || result.Answered == 0 {
		return 1
	}
	return 0
}
