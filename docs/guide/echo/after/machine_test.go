package main

import (
	"errors"
	"os"
	"os/signal"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/posix/stack"
)

// machine is what a test runs on: the in-memory kernel, or Linux.
type machine struct {
	server posix.Core // the process that the server is
	client posix.Core // the process that its clients are
	dir    posix.FD   // where the journal goes
	helper posix.Command
	pause  time.Duration // of the helper

	fill, empty func()             // the disk of dir
	pass        func()             // lets the time of the helper's pause pass
	signal      func() (ends bool) // sends the server SIGHUP, which it handles; ends: it has interrupted a wait of each kind
	check       func()             // that nothing is left, at the end
}

// fake boots an in-memory kernel. settle lets everybody run until nobody can.
func fake(t testing.TB, settle func()) *machine {
	var polls, waits atomic.Int64 // that a signal interrupted
	k := kernel.New(kernel.Config{Concurrent: true, Trace: func(c kernel.Call) {
		if c.Errno == unix.EINTR && c.Op == posix.OpEpollWait {
			polls.Add(1)
		}
		if c.Errno == unix.EINTR && c.Op == posix.OpWaitid {
			waits.Add(1)
		}
	}})
	must(t, k.Mkdir("/var/log", 0o755))
	must(t, k.Install("/usr/lib/helper", 0o755, func(p *kernel.Process, _, _ []string) int {
		_, _ = p.Ppoll(nil, nil) // until a signal ends it
		return 1
	}))
	server, err := k.Init().Child()
	must(t, err)
	client, err := k.Init().Child()
	must(t, err)
	must(t, server.Sigaction(unix.SIGHUP, kernel.Action{Handler: func(posix.SignalInfo) {}}))
	m := &machine{
		server: server, client: client,
		helper: posix.Command{Path: "/usr/lib/helper", Args: []string{"helper"}}, pause: time.Hour,
		fill:  func() { must(t, k.Limit("/var/log", 1, 0)) },
		empty: func() { must(t, k.Limit("/var/log", 0, 0)) },
		pass:  func() { settle(); k.Advance(time.Minute); settle() },
		signal: func() bool {
			settle() // the server waits for connections and for its helper
			must(t, k.Init().Kill(server.Getpid(), unix.SIGHUP))
			settle()
			return polls.Load() > 0 && waits.Load() > 0
		},
	}
	m.dir = directory(t, m.server, "/var/log")
	m.check = func() {
		must(t, m.server.Close(m.dir))
		must(t, k.Close()) // names descriptors that are open and programs that run
	}
	return m
}

// helperName is how the test binary knows that it is the helper.
const helperName = "echo-helper"

func TestMain(m *testing.M) {
	if os.Args[0] == helperName {
		_, _ = linux.New().Ppoll(nil, &posix.Timespec{Sec: 120})
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// host is Linux, whose one process is server and client.
func host(t testing.TB) *machine {
	core := linux.New()
	exe, err := os.Executable()
	must(t, err)
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, unix.SIGHUP)
	m := &machine{
		server: core, client: core,
		helper: posix.Command{Path: exe, Args: []string{helperName}}, pause: 10 * time.Millisecond,
		pass: func() { time.Sleep(time.Millisecond) },
		signal: func() bool { // which thread takes it is the kernel's choice, so this says nothing about which call it interrupts
			must(t, core.Kill(core.Getpid(), unix.SIGHUP))
			<-hup
			return true
		},
	}
	m.dir = disk(t, core)
	if m.dir == posix.NoFD {
		m.dir = directory(t, core, t.TempDir())
	} else {
		m.fill = func() { fill(t, core, m.dir) }
		m.empty = func() { must(t, core.Unlinkat(m.dir, "ballast", 0)) }
	}
	m.check = func() {
		signal.Stop(hup)
		must(t, core.Close(m.dir))
	}
	return m
}

// disk makes a file system of two pages, which nobody else sees and which goes away with its descriptor; NoFD for who may not.
func disk(t testing.TB, core posix.Namespaces) posix.FD {
	fs, err := core.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)
	if errors.Is(err, unix.EPERM) {
		return posix.NoFD
	}
	must(t, err)
	must(t, core.Fsconfig(posix.FsConfig{FS: fs, Cmd: unix.FSCONFIG_SET_STRING, Key: "size", Value: "8k"}))
	must(t, core.Fsconfig(posix.FsConfig{FS: fs, Cmd: unix.FSCONFIG_CMD_CREATE}))
	dir, err := core.Fsmount(fs, unix.FSMOUNT_CLOEXEC, 0)
	must(t, err)
	must(t, core.(posix.Files).Close(fs))
	return dir
}

// fill makes a file of all the pages that are free.
func fill(t testing.TB, files posix.Files, dir posix.FD) {
	n, err := files.Openat2(dir, "ballast", posix.OpenHow{Flags: unix.O_WRONLY | unix.O_CREAT | unix.O_CLOEXEC, Mode: 0o600})
	must(t, err)
	for err == nil {
		_, err = files.Write(n, make([]byte, 4096))
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	must(t, files.Close(n))
}

func directory(t testing.TB, files posix.Files, path string) posix.FD {
	n, err := files.Openat2(posix.AtFDCWD, path, posix.OpenHow{Flags: unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC})
	must(t, err)
	return n
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// start starts the server on a machine, with its layers as in main, and returns the server, what it says, and what ends it.
func (m *machine) start(t testing.TB, helper bool) (s *server, events chan string, stop func()) {
	events = make(chan string, 100)
	c := config{Listen: loopback, Dir: m.dir, Journal: "journal", Pause: m.pause, Notify: func(event string) { events <- event }}
	if helper {
		c.Helper = m.helper
	}
	s, err := newServer(stack.New(m.server, stack.Options{}), c)
	must(t, err)
	s.poller.Set().Stacks()
	done := make(chan error, 1)
	go func() { done <- s.serve() }()
	return s, events, func() {
		must(t, s.close())
		must(t, <-done)
		s.poller.Set().Check(t)
	}
}
