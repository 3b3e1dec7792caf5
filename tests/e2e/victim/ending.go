package victim

import (
	"bytes"
	"fmt"
	"os"
	ossignal "os/signal"
	"time"

	"golang.org/x/sys/unix"
)

// exit:STATUS
func exit(args []string) (string, error) {
	n, err := number(args, 0)
	if err != nil {
		return "", err
	}
	os.Exit(n)
	return "", nil
}

// raise:SIGNAL sends a signal to itself.
func raise(args []string) (string, error) {
	n, err := number(args, 0)
	if err != nil {
		return "", err
	}
	err = unix.Kill(os.Getpid(), unix.Signal(n))
	time.Sleep(time.Second)
	return "", err
}

// ignore:SIGNAL ignores one from now on.
func ignore(args []string) (string, error) {
	n, err := number(args, 0)
	if err == nil {
		ossignal.Ignore(unix.Signal(n))
	}
	return "", err
}

// askedToStop returns a channel that gets SIGTERM, SIGINT and SIGQUIT.
func askedToStop() <-chan os.Signal {
	asked := make(chan os.Signal, 1)
	ossignal.Notify(asked, unix.SIGTERM, unix.SIGINT, unix.SIGQUIT)
	return asked
}

// sleep:DURATION waits.
func sleep(args []string) (string, error) {
	d, err := time.ParseDuration(args[0])
	time.Sleep(d)
	return "", err
}

// ready says so on both streams, and waits to be asked to stop. With a parameter it waits, too, for as long, after it was asked.
func ready(args []string) (string, error) {
	asked := askedToStop()
	fmt.Println("ready")
	fmt.Fprintln(os.Stderr, "ready, too")
	s := <-asked
	fmt.Println("asked with", s)
	if len(args) > 0 {
		d, err := time.ParseDuration(args[0])
		if err != nil {
			return "", err
		}
		time.Sleep(d)
	}
	return "", nil
}

// flood:LINES,BYTES writes so many lines of that length.
func flood(args []string) (string, error) {
	lines, err := number(args, 0)
	if err != nil {
		return "", err
	}
	width, err := number(args, 1)
	if err != nil {
		return "", err
	}
	line := append(bytes.Repeat([]byte("x"), width), '\n')
	for range lines {
		if _, err := os.Stdout.Write(line); err != nil {
			return "", err
		}
	}
	return "", nil
}

// needs:PATH,STATUS ends with a status unless there is something at a path.
func needs(args []string) (string, error) {
	status, err := number(args, 1)
	if err != nil {
		return "", err
	}
	if err := unix.Access(args[0], unix.F_OK); err != nil {
		os.Exit(status)
	}
	return "", nil
}

// ticks:DURATION writes what time it is, and again after that time, until it is asked to stop.
func ticks(args []string) (string, error) {
	d, err := time.ParseDuration(args[0])
	if err != nil {
		return "", err
	}
	asked := askedToStop()
	tick := time.NewTicker(d)
	defer tick.Stop()
	for {
		fmt.Printf("tick %d\n", time.Now().UnixNano())
		select {
		case <-asked:
			return "", nil
		case <-tick.C:
		}
	}
}
