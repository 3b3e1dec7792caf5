package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout))
}

// options are what the command line says.
type options struct {
	ready   readiness
	goodbye time.Duration // how long clients are told to close their connections
	drain   time.Duration // how long those are waited for that could not be told
	before  deeds
	after   deeds
}

// readiness is when the service says that it is ready: after a time, or never.
type readiness struct {
	never bool
	after time.Duration
}

func (r *readiness) String() string {
	if r.never {
		return "never"
	}
	return r.after.String()
}

// Set reads "now", "never" or a duration.
func (r *readiness) Set(text string) error {
	switch text {
	case "now":
		*r = readiness{}
	case "never":
		*r = readiness{never: true}
	default:
		d, err := time.ParseDuration(text)
		if err != nil || d < 0 {
			return fmt.Errorf("%q is neither now nor never nor a duration", text)
		}
		*r = readiness{after: d}
	}
	return nil
}

func parseOptions(args []string, out io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("service", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.Var(&o.ready, "ready", "`when` to be ready: now, never, or after a time")
	flags.DurationVar(&o.goodbye, "goodbye", 400*time.Millisecond, "`time` for which clients are told to close their connections")
	flags.DurationVar(&o.drain, "drain", 3*time.Second, "`time` for which clients are waited for that asked nothing")
	flags.Var(&o.before, "before", "`deed` to do before it is ready; may come again")
	flags.Var(&o.after, "after", "`deed` to do when it is ready; may come again")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("nothing is to be done with %q", flags.Args())
	}
	return o, nil
}

// service is one process of it.
type service struct {
	options
	log      *log.Logger // writes one line at a time
	instance string
	version  string
	pid      string
	sockets  []socket
	temper   temper
}

// run returns the exit status: 0 ended when asked to, 1 an error, 2 a wrong command line, or what the deed exit says.
func run(args []string, out io.Writer) int {
	o, err := parseOptions(args, out)
	if err != nil {
		fmt.Fprintln(out, "service:", err)
		return 2
	}
	s := &service{
		options:  o,
		log:      log.New(out, "service: ", 0),
		instance: rand.Text()[:12],
		version:  os.Getenv("SERVICE_VERSION"),
		pid:      strconv.Itoa(os.Getpid()),
	}
	if err := s.live(); err != nil {
		s.log.Print(err)
		return 1
	}
	return 0
}

// live is its life from the first notification to the last answer.
func (s *service) live() (err error) {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(asked)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go s.obey(asked, stop)

	if s.sockets, err = inherit(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeAll(s.sockets)) }()
	s.notify("STATUS=starting")
	s.doAll(s.before)
	if !s.awaitReadiness(ctx) {
		s.log.Print("asked to stop before it was ready")
		return nil
	}
	server := newServer(s.handler(), s.hungUp)
	server.start(s.sockets, s.instance)
	s.notify("READY=1\nSTATUS=serving version " + s.version)
	s.log.Printf("ready, instance %s, version %s, pid %s", s.instance, s.version, s.pid)
	go s.feedWatchdog(ctx)
	s.doAll(s.after)

	select {
	case err := <-server.failed:
		return err
	case <-ctx.Done():
	}
	s.notify("STOPPING=1\nSTATUS=answering the last requests")
	err = server.drain(s.goodbye, s.drain, s.sockets)
	s.log.Print("ended")
	return err
}

// obey calls stop when a signal comes that it listens to.
func (s *service) obey(asked <-chan os.Signal, stop func()) {
	for sig := range asked {
		if s.temper.hung.Load() {
			continue
		}
		if s.temper.deaf.Load() {
			s.log.Printf("takes no notice of %v", sig)
			continue
		}
		stop()
		return
	}
}

// awaitReadiness returns false when it was asked to stop first.
func (s *service) awaitReadiness(ctx context.Context) bool {
	if s.ready.never {
		<-ctx.Done()
		return false
	}
	if s.ready.after == 0 {
		return ctx.Err() == nil
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(s.ready.after):
		return true
	}
}
