package main

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// temper is what deeds change.
type temper struct {
	deaf atomic.Bool // takes no notice of signals
	hung atomic.Bool // does nothing any more
}

// hungUp does not return once the service hangs.
func (s *service) hungUp() {
	if s.temper.hung.Load() {
		select {}
	}
}

// deedKind is one line of the table of deeds.
type deedKind struct {
	name     string
	argument bool // it has one after "="
	number   bool // which is a number
	last     bool // nobody can say afterwards how it went
	do       func(s *service, argument string, number int) error
}

// deedKinds is everything that the service can do to its supervisor; doc.go describes it.
var deedKinds = [...]deedKind{
	{name: "exit", argument: true, number: true, last: true, do: func(_ *service, _ string, n int) error {
		os.Exit(n)
		return nil
	}},
	{name: "ignore-term", do: func(s *service, _ string, _ int) error {
		s.temper.deaf.Store(true)
		return nil
	}},
	{name: "hang", last: true, do: func(s *service, _ string, _ int) error {
		s.temper.hung.Store(true)
		return nil
	}},
	{name: "flood", argument: true, number: true, do: func(s *service, _ string, n int) error {
		for i := range n {
			s.log.Printf("flood %d of %d", i+1, n)
		}
		return nil
	}},
	{name: "daemonize", do: func(*service, string, int) error { return daemonize() }},
	{name: "shutdown-listener", do: func(*service, string, int) error {
		return unix.Shutdown(firstFD, unix.SHUT_RDWR)
	}},
	{name: "disconnect-listener", do: func(*service, string, int) error { return disconnect(firstFD) }},
	{name: "notify", argument: true, do: func(s *service, text string, _ int) error {
		s.notify(text)
		return nil
	}},
	{name: "stray-notify", argument: true, do: func(_ *service, text string, _ int) error { return strayNotify(text) }},
}

// firstFD is where inherited sockets start: sd_listen_fds(3).
const firstFD = 3

// deed is one thing to do.
type deed struct {
	text     string
	kind     *deedKind
	argument string
	number   int
}

// parseDeed reads NAME or NAME=ARGUMENT.
func parseDeed(text string) (deed, error) {
	name, argument, has := strings.Cut(text, "=")
	i := slices.IndexFunc(deedKinds[:], func(k deedKind) bool { return k.name == name })
	if i < 0 {
		return deed{}, fmt.Errorf("there is no deed %q", name)
	}
	d := deed{text: text, kind: &deedKinds[i], argument: argument}
	if has != d.kind.argument {
		return deed{}, fmt.Errorf("the deed %s: has an argument: %t; should have one: %t", name, has, d.kind.argument)
	}
	if d.kind.number {
		n, err := strconv.Atoi(argument)
		if err != nil || n < 0 {
			return deed{}, fmt.Errorf("the deed %s: %q is not a number", name, argument)
		}
		d.number = n
	}
	return d, nil
}

// deeds is a flag that may come again.
type deeds []deed

func (l *deeds) String() string {
	var out []string
	for _, d := range *l {
		out = append(out, d.text)
	}
	return strings.Join(out, ",")
}

// Set adds one.
func (l *deeds) Set(text string) error {
	d, err := parseDeed(text)
	if err == nil {
		*l = append(*l, d)
	}
	return err
}

func (s *service) do(d deed) error { return d.kind.do(s, d.argument, d.number) }

func (s *service) doAll(l deeds) {
	for _, d := range l {
		if err := s.do(d); err != nil {
			s.log.Printf("%s: %v", d.text, err)
		}
	}
}

// strayNotify sends a text to the supervisor from a child process, as sd_notify's supervisors must not believe.
func strayNotify(text string) error {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return fmt.Errorf("NOTIFY_SOCKET is not set")
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer conn.Close()
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var sent error
	err = raw.Control(func(fd uintptr) { sent = writeFromChild(int(fd), []byte(text)) })
	if err == nil {
		err = sent
	}
	return err
}
