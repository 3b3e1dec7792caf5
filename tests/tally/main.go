package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout))
}

// run returns the exit status: 0 nothing failed, 1 something did, 2 a wrong command line.
func run(args []string, out io.Writer) int {
	var failed bool
	var err error
	switch {
	case len(args) > 3 && args[0] == "run":
		failed, err = runCommand(args[1], args[2], args[3:], out)
	case len(args) > 1 && args[0] == "close":
		failed, err = closeLogs(args[1:], out)
	default:
		fmt.Fprintln(os.Stderr, "usage: tally run LABEL LOG COMMAND ARG… | tally close LOG…")
		return 2
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "tally:", err)
		return 1
	}
	if failed {
		return 1
	}
	return 0
}

// runCommand runs a command that prints the stream, and says whether anything failed.
func runCommand(label, log string, argv []string, out io.Writer) (failed bool, err error) {
	f, err := os.Create(log)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()

	// An interrupt is for the command; what it then says is still counted. (Ignoring the signal would make the command ignore it.)
	signal.Notify(make(chan os.Signal, 1), syscall.SIGINT)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stderr = os.Stderr
	stream, err := cmd.StdoutPipe()
	if err != nil {
		return false, err
	}
	if err := cmd.Start(); err != nil {
		return false, err
	}
	l, err := read(io.TeeReader(stream, f), newPrinter(out, label))
	if err != nil {
		return false, errors.Join(err, cmd.Process.Kill(), cmd.Wait())
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		return false, err
	}
	if c := l.counts(); exit != nil && c.Failed == 0 {
		return false, fmt.Errorf("%s: no test failed, but it ended with %w", argv[0], exit)
	}
	return exit != nil || l.counts().Failed > 0, nil
}

// who says as whom the tests of a log ran, from its name: "3-games.json".
func who(log string) string {
	name := strings.TrimSuffix(filepath.Base(log), ".json")
	if number, user, ok := strings.Cut(name, "-"); ok && strings.Trim(number, "0123456789") == "" {
		return user
	}
	return name
}

// closeLogs prints what failed in the streams and as whom, and the closing line.
func closeLogs(logs []string, out io.Writer) (failed bool, err error) {
	var total counts
	for _, name := range logs {
		text, err := os.ReadFile(name)
		if err != nil {
			return false, err
		}
		l, err := read(bytes.NewReader(text), nil)
		if err != nil {
			return false, fmt.Errorf("%s: %w", name, err)
		}
		for _, id := range l.failures() {
			fmt.Fprintf(out, "failed: %s (as %s)\n", id, who(name))
		}
		total = total.plus(l.counts())
	}
	fmt.Fprintln(out, total)
	if total.Passed == 0 {
		return false, errors.New("no test ran")
	}
	return total.Failed > 0, nil
}

// read counts a stream to its end; p, when there is one, shows it.
func read(r io.Reader, p *printer) (*ledger, error) {
	l := newLedger()
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		if e, ok := parseEvent(line); ok {
			l.add(e)
			if p != nil {
				p.add(e)
			}
		} else if text := bytes.TrimRight(line, "\n"); p != nil && len(text) > 0 {
			p.text(string(text))
		}
		switch {
		case err == io.EOF:
			return l, nil
		case err != nil:
			return nil, fmt.Errorf("read the stream of go test: %w", err)
		}
	}
}
