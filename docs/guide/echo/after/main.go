// Command after is the echo server of docs/guide-testing.md on package posix: it does what before does, and what it does when the kernel says no
// is tested.
//
//	after -listen 127.0.0.1:7007 -journal /var/log/echo -helper /usr/lib/echo-helper
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"net/netip"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/posix/stack"
)

func main() {
	core := stack.New(linux.New(), stack.Options{})
	logger := log.New(stderr{core}, "", log.LstdFlags)
	if err := run(core, logger); err != nil {
		logger.Print(err)
		os.Exit(1)
	}
}

// run serves until a signal ends it.
//
//posixvet:leak os/signal.Notify: signals reach a Go program through its runtime only
func run(core system, logger *log.Logger) error {
	address := flag.String("listen", "127.0.0.1:7007", "TCP address")
	journal := flag.String("journal", "echo.journal", "file that lines are appended to")
	helper := flag.String("helper", "", "program to keep running")
	flag.Parse()
	at, err := netip.ParseAddrPort(*address)
	if err != nil {
		return fmt.Errorf("-listen: %w", err)
	}
	s, err := newServer(core, config{
		Listen: at, Dir: posix.AtFDCWD, Journal: *journal,
		Helper: posix.Command{Path: *helper, Args: []string{*helper}, Env: os.Environ()}, Pause: time.Second,
		Notify: func(event string) { logger.Print(event) },
	})
	if err != nil {
		return err
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-signals
		_ = s.close() // below it is asked again
	}()
	logger.Print("listening on ", s.listener.Addr())
	return errors.Join(s.serve(), s.close())
}

// stderr is where the log goes.
type stderr struct{ files posix.Files }

func (w stderr) Write(b []byte) (int, error) { return w.files.Write(2, b) }
