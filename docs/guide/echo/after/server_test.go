package main

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// scenarios are what happens to the server, on the in-memory kernel and on Linux.
var scenarios = []struct {
	name string
	run  func(t testing.TB, m *machine)
}{
	{"Echo", echo},
	{"TooManyOpenFiles", tooManyOpenFiles},
	{"Interrupted", interrupted},
	{"DiskFull", diskFull},
	{"ChildKilled", childKilled},
}

// In a bubble of synctest one can wait until everybody waits, and a server that waits for ever is a failure and not a hang.
func TestKernel(t *testing.T) {
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := fake(t, synctest.Wait)
				s.run(t, m)
				m.check()
			})
		})
	}
}

// The same on Linux: what the in-memory kernel answers is what Linux answers.
func TestLinux(t *testing.T) {
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			m := host(t)
			s.run(t, m)
			m.check()
		})
	}
}

// Each scenario, from booting the machine to checking that nothing is left.
func BenchmarkKernel(b *testing.B) {
	for _, s := range scenarios {
		b.Run(s.name, func(b *testing.B) {
			for b.Loop() {
				m := fake(b, runtime.Gosched)
				s.run(b, m)
				m.check()
			}
		})
	}
}

func echo(t testing.TB, m *machine) {
	s, _, stop := m.start(t, false)
	defer stop()
	c := m.dial(t, s)
	defer c.close()
	want(t, "the answer", c.ask("hello"), "hello")
	want(t, "the journal", m.journal(t), "hello\n")
}

// The limit of open files is reached: who is connected does not notice, who comes is told, and when there is room again all is as before.
func tooManyOpenFiles(t testing.TB, m *machine) {
	s, events, stop := m.start(t, false)
	defer stop()
	before, late, later := m.dial(t, s), m.dialer(t), m.dialer(t)
	defer before.close()
	want(t, "before", before.ask("one"), "one")

	unlimited := m.noMoreFiles(t)
	want(t, "who comes late", late.connect(s).answer(), "busy: too many open files")
	want(t, "what the server says", <-events, "too many open files: connections are turned away")
	want(t, "who was there before", before.ask("two"), "two")
	want(t, "who comes later", later.connect(s).answer(), "busy: too many open files")
	late.close()
	later.close()

	unlimited()
	after := m.dial(t, s)
	defer after.close()
	want(t, "after", after.ask("three"), "three")
	want(t, "the journal", m.journal(t), "one\ntwo\nthree\n")
}

// noMoreFiles lowers the limit of open files to what is open, and returns what sets it back.
func (m *machine) noMoreFiles(t testing.TB) (back func()) {
	free, err := m.server.Fcntl(m.dir, unix.F_DUPFD_CLOEXEC, 0)
	must(t, err)
	must(t, m.server.Close(posix.FD(free)))
	var old posix.Rlimit
	must(t, m.server.Prlimit(0, unix.RLIMIT_NOFILE, nil, &old))
	must(t, m.server.Prlimit(0, unix.RLIMIT_NOFILE, &posix.Rlimit{Soft: uint64(free), Hard: old.Hard}, nil))
	return func() { must(t, m.server.Prlimit(0, unix.RLIMIT_NOFILE, &old, nil)) }
}

// Signals arrive while the server waits for connections and for its helper. Nobody notices.
func interrupted(t testing.TB, m *machine) {
	s, events, stop := m.start(t, true)
	defer stop()
	pid := started(t, events)
	for n := 0; !m.signal(); n++ {
		if n == 100_000 {
			t.Fatal("no signal has interrupted a wait")
		}
	}
	c := m.dial(t, s)
	defer c.close()
	want(t, "the answer", c.ask("hello"), "hello")
	select {
	case event := <-events:
		t.Errorf("something happened to helper %d or the server: %s", pid, event)
	default:
	}
}

// The disk gets full in the middle of a line: the client is told, and no part of the line is kept.
func diskFull(t testing.TB, m *machine) {
	if m.fill == nil {
		t.Skip("only root may make a file system of two pages: fsopen(2) answers EPERM")
	}
	s, events, stop := m.start(t, false)
	defer stop()
	c := m.dial(t, s)
	defer c.close()
	kilobyte := strings.Repeat("x", 1000)
	want(t, "with room", c.ask(kilobyte), kilobyte)
	m.fill() // what is left is the rest of the journal's page, 4096 - 1001 bytes
	kept := kilobyte + "\n"
	for range 3 {
		want(t, "the rest of the page", c.ask(kilobyte), kilobyte)
		kept += kilobyte + "\n"
	}
	want(t, "without room", c.ask(kilobyte), "not kept: no space left on device")
	if event := <-events; !strings.Contains(event, "append to the journal: pwrite") || !strings.Contains(event, "no space left") {
		t.Errorf("the server says %q", event)
	}
	want(t, "the journal", m.journal(t), kept)
	m.empty()
	want(t, "with room again", c.ask("short"), "short")
	want(t, "the journal", m.journal(t), kept+"short\n")
}

// The helper is killed: how is known, and it is started again after the pause, not before.
func childKilled(t testing.TB, m *machine) {
	_, events, stop := m.start(t, true)
	defer stop()
	pid := started(t, events)
	began := m.now(t)
	must(t, m.client.Kill(pid, unix.SIGKILL))
	want(t, "what the server says", <-events, fmt.Sprintf("helper %d was killed by SIGKILL", pid))
	for len(events) == 0 {
		m.pass()
	}
	if again := started(t, events); again == pid {
		t.Errorf("the new helper has the number %d, as the old one had", pid)
	}
	if took := m.now(t) - began; took < m.pause {
		t.Errorf("the new helper came after %v, want %v at least", took, m.pause)
	}
}

// started waits until a helper has been started, and returns its number.
func started(t testing.TB, events <-chan string) (pid posix.PID) {
	t.Helper()
	event := <-events
	if _, err := fmt.Sscanf(event, "helper %d started", &pid); err != nil {
		t.Fatalf("the server says %q, want a helper that started", event)
	}
	return pid
}

// now is the machine's clock.
func (m *machine) now(t testing.TB) time.Duration {
	at, err := m.server.ClockGettime(unix.CLOCK_MONOTONIC)
	must(t, err)
	return time.Duration(at.Sec)*time.Second + time.Duration(at.Nsec)
}

// journal returns what has been kept.
func (m *machine) journal(t testing.TB) string {
	n, err := m.server.Openat2(m.dir, "journal", posix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC})
	must(t, err)
	b := make([]byte, 1<<16)
	count, err := m.server.Read(n, b)
	must(t, err)
	must(t, m.server.Close(n))
	return string(b[:count])
}

func want(t testing.TB, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %s, want %s", what, short(got), short(want))
	}
}

func short(s string) string {
	if len(s) > 60 {
		return fmt.Sprintf("%.30q… of %d bytes", s, len(s))
	}
	return strconv.Quote(s)
}
