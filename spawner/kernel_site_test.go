package spawner

import (
	"errors"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/fault"
	"github.com/bulkhead/bulkhead/posix/restrict"
	"github.com/bulkhead/bulkhead/spawner/compile"
	"github.com/bulkhead/bulkhead/spawner/launch"
	"github.com/bulkhead/bulkhead/spawner/wire"
	"github.com/bulkhead/bulkhead/tests/machine"
)

// site is a spawner as a whole on an in-memory kernel: its policies are compiled by the compile process, its modules are programs of that
// kernel, and its managers are processes that the test drives. No call of it needs a privilege of the test's.
type site struct {
	*machine.Machine
	t      *testing.T
	self   *kernel.Process
	client *kernel.Process // who connects
	faults *fault.Core
	*Resident
	lives   chan *life
	exits   chan wire.ExitedEvent
	signals chan os.Signal
	ended   chan struct{}
	stopped chan struct{}
	status  int
	err     error

	mu   sync.Mutex // guards what follows
	log  strings.Builder
	text string // of the policy, when it is read again
}

// Write implements [io.Writer] for the log.
func (s *site) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(p)
}

func (s *site) logged() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// WriteLine implements [LineWriter].
func (s *site) WriteLine(string, int, Stream, []byte) error { return nil }

// policyOf is a policy of a web server, of whom it is said what it answers, and a module beside it that stays as it is.
func policyOf(answer string) string {
	return strings.ReplaceAll(`version: 1
kernel: ">=5.13"
listeners:
  web: {address: "127.0.0.1:8080", backlog: 16}
  sock: {address: "unix:/run/web.sock"}
modules:
  web:
    command: [/usr/sbin/server, ANSWER]
    user: www-data
    listeners: {web: 3, sock: 4}
    filesystem: [{path: /usr/sbin/server, access: rx}, {path: /tmp, tmpfs: 1M}]
    seccomp: {allow: ["@system-service"], deny: [execve, execveat]}
  other:
    command: [/usr/sbin/server, other]
    user: backup
    healthcheck: {notify: true}
    filesystem: [{path: /usr/sbin/server, access: rx}]
    seccomp: {allow: ["@system-service"], deny: [execve, execveat]}
`, "ANSWER", answer)
}

// managerPolicy is that of the managers that the test plays.
const managerPolicy = `version: 1
kernel: ">=5.13"
modules:
  manager:
    command: [/usr/sbin/manager]
    user: daemon
    filesystem: [{path: /usr/sbin/manager, access: rx}]
    seccomp: {allow: ["@system-service"], deny: [execve, execveat]}
`

// newSite starts a spawner with a policy. before, unless nil, is called when it is ready to run.
func newSite(t *testing.T, config kernel.Config, text string, before func(s *site)) *site {
	t.Helper()
	s := &site{Machine: machine.New(t, config), t: t, lives: make(chan *life, 8), exits: make(chan wire.ExitedEvent, 64),
		signals: make(chan os.Signal, 8), ended: make(chan struct{}), stopped: make(chan struct{}), text: text}
	s.Program("/usr/sbin/server", serve)
	s.Program("/usr/sbin/manager", s.manage)
	s.self = s.Supervisor()
	var err error
	s.client, err = s.Init().Child()
	s.Must(err)
	for fd := range posix.FD(3) { // standard streams, as every process has them
		got, err := s.self.Openat2(posix.AtFDCWD, "/dev/null", posix.OpenHow{Flags: unix.O_RDWR})
		if s.Must(err); got != fd {
			t.Fatalf("descriptor %d", got)
		}
	}
	s.faults = fault.New(s.self)
	var k Kernel = restrict.New(s.faults, Operations())
	l, err := launch.New(k, launch.Options{})
	s.Must(err)
	facts := s.Facts(s.self)
	plan := s.Compile(s.self, l, "web.yaml", text)
	manager := s.Compile(s.self, l, "manager.yaml", managerPolicy).Modules[0]
	host, err := NewHost(k, l, facts, nil)
	s.Must(err)
	s.Resident = NewResident(Config{
		Host: host, Facts: facts, Plan: plan, Files: []string{"web.yaml"}, Manager: manager,
		Options: wire.Options{Version: "test", Control: "/run/bulkhead/control.sock"}, Runtime: "/run/bulkhead/private", Output: s, Signals: s.signals,
		Log: slog.New(slog.NewTextHandler(s, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Read: func() ([]compile.Source, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			return []compile.Source{{Name: "web.yaml", Dir: machine.PolicyDir, Text: []byte(s.text)}}, nil
		},
	})
	if before != nil {
		before(s)
	}
	go func() {
		defer close(s.ended)
		s.status, s.err = s.Run()
		s.err = errors.Join(s.err, host.Close(), l.Close())
	}()
	go func() { // the spawner's own time is real; that of the kernel goes with it
		for {
			select {
			case <-s.stopped:
				return
			case <-time.After(5 * time.Millisecond):
				s.Advance(10 * time.Millisecond)
			}
		}
	}()
	return s
}

// serve is the program of the modules: who connects is told its argument, and it ends with SIGTERM.
func serve(p *kernel.Process, argv, _ []string) int {
	_, _ = p.Write(1, []byte("ready\n"))
	if _, err := p.GetsockoptInt(3, unix.SOL_SOCKET, unix.SO_ACCEPTCONN); err != nil {
		for { // without a socket
			_, _ = p.Ppoll(nil, nil)
		}
	}
	for {
		fd, _, err := p.Accept4(3, unix.SOCK_CLOEXEC)
		if err != nil {
			return 1
		}
		_, _ = p.Write(fd, []byte(argv[1]))
		_ = p.Close(fd)
	}
}

// connect is a client that has come, whether or not somebody accepts it.
func (s *site) connect() func() string {
	s.t.Helper()
	p := s.client
	fd, err := p.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	s.Must(err)
	if err := p.Connect(fd, posix.Sockaddr{Family: unix.AF_INET, Addr: s.address()}); err != nil {
		s.t.Errorf("connect: %v\n%s", err, s.logged())
	}
	return func() string {
		s.t.Helper()
		answer := make(chan string, 1)
		go func() {
			b := make([]byte, 64)
			n, err := p.Read(fd, b)
			if err != nil {
				answer <- err.Error()
			}
			answer <- string(b[:max(n, 0)])
		}()
		text := await(s.t, answer, "an answer of the web server; the log:\n"+s.logged())
		s.Must(p.Close(fd))
		return text
	}
}

// inventory is what there is on the machine, without the numbers.
func (s *site) inventory() []string {
	lines := s.Inventory()
	lines = lines[:len(lines)-1]
	for i, line := range lines {
		lines[i] = numbers.ReplaceAllString(line, "#")
	}
	slices.Sort(lines)
	return lines
}

var numbers = regexp.MustCompile(`[0-9]+`)
