package core

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/core/event"
	"github.com/bulkhead/bulkhead/core/link"
	"github.com/bulkhead/bulkhead/core/link/linktest"
	"github.com/bulkhead/bulkhead/core/machine"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// From start to end: launched, read, announced, asked, stopped.
func TestLife(t *testing.T) { synctest.Test(t, testLife) }

func testLife(t *testing.T) {
	s := newStage(t, linktest.Module("web"), linktest.Module("db"))
	s.spawner.Started = func(i *linktest.Instance) {
		fmt.Fprintf(i.Stdout, "%s is here\n", i.Module)
		fmt.Fprintf(i.Stderr, "oops from %s", i.Module)
	}
	s.spawner.Stats = wire.Stats{Calls: []wire.CallCount{{Op: "clone3", Errno: "0", N: 2}}}
	s.start()
	s.contains("web | web is here\n")
	s.contains("db  | db is here\n")
	s.contains("running; stop with Ctrl-C (SIGINT) or SIGTERM\n")
	s.contains("control:  /nowhere/control.sock\n")
	s.state("web", "ready")
	status := s.r.Status()
	if status.Generation != 1 || len(status.Modules) != 2 || status.Manager.PID != int(s.manager.Getpid()) || status.Modules[0].Instances[0].PID != int(s.host.Getpid()) {
		t.Errorf("%+v", status)
	}
	stats, err := s.r.Stats(t.Context())
	if err != nil || len(stats.Calls) != 1 || stats.Calls[0].N != 2 {
		t.Errorf("%+v, %v", stats, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if result, err := s.r.Do(ctx, machine.Stop, []string{"web"}, false); err != nil || !result.OK {
		t.Errorf("%+v, %v", result, err)
	}
	s.contains("web | oops from web\n") // a last line without an end, once its writer has gone
	if result, err := s.r.Do(ctx, machine.Start, []string{"nobody"}, false); err != nil || result.OK || !result.Invalid {
		t.Errorf("%+v, %v", result, err)
	}
	events, lines := s.r.Events(ctx, ""), s.r.Logs(ctx, []string{"db"}, 1)
	if l := <-lines; l.Line != "db is here" || l.Module != "db" || l.Stream != "stdout" {
		t.Errorf("%+v", l)
	}
	s.spawner.Ask(wire.WishStop)
	if status := s.spawner.Finished(); status != 0 {
		t.Errorf("status %d", status)
	}
	if err := s.end(); err != nil {
		t.Fatal(err)
	}
	s.contains("db  | oops from db\n")
	last := ""
	for e := range events {
		if e.ID <= last {
			t.Errorf("event %s after %s", e.ID, last)
		}
		last = e.ID
	}
	for range lines {
	}
	if _, err := s.r.Do(ctx, machine.Reload, nil, false); !errors.Is(err, ErrEnded) {
		t.Errorf("a command after the end: %v", err)
	}
	if _, err := s.r.Stats(ctx); !errors.Is(err, ErrEnded) {
		t.Errorf("stats after the end: %v", err)
	}
	if got := s.r.Status(); len(got.Modules) != 2 {
		t.Errorf("the status after the end: %+v", got)
	}
	if l := s.text(); !strings.Contains(l, "event=supervisor.finished") {
		t.Errorf("the last message was not written: %s", l)
	}
}

func TestNotifications(t *testing.T) { synctest.Test(t, testNotifications) }

func testNotifications(t *testing.T) {
	m := linktest.Module("web")
	m.Health = wire.Health{Kind: "notify", StartTimeout: time.Minute}
	s := newStage(t, m)
	s.start()
	s.state("web", "starting")
	i := s.spawner.Instances()[0]
	if err := errors.Join(i.Say("STATUS=warming up"), i.Say("nonsense"), i.Say("READY=1\nERRNO=2")); err != nil {
		t.Fatal(err)
	}
	s.state("web", "ready")
	if got := s.r.Status().Modules[0].Instances[0].Status; got != "warming up" {
		t.Errorf("status %q", got)
	}
	s.contains("event=notify.refused module=web")
	s.contains("event=notify.error module=web")
}

func TestProbes(t *testing.T) { synctest.Test(t, testProbes) }

func testProbes(t *testing.T) {
	addr := netip.MustParseAddrPort("127.0.0.1:8080")
	m := linktest.Module("web")
	m.Health = wire.Health{Kind: "tcp", Addr: addr, Interval: 20 * time.Millisecond, Timeout: time.Second, Retries: 3, StartTimeout: time.Minute}
	s := newStage(t, m)
	s.start()
	s.state("web", "starting")
	l, err := s.host.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	s.must(err)
	s.must(errors.Join(s.host.Bind(l, posix.Sockaddr{Family: unix.AF_INET, Addr: addr}), s.host.Listen(l, 100)))
	s.state("web", "ready")
	s.must(s.host.Close(l))
	s.contains("event=instance.unhealthy module=web")
	if status := s.spawner.Finished(); status != 1 {
		t.Errorf("status %d", status)
	}
}

// A successor finds what there is, reads on where the one before was, and starts nothing twice.
func TestSuccessor(t *testing.T) { synctest.Test(t, testSuccessor) }

func testSuccessor(t *testing.T) {
	s := newStage(t, linktest.Module("web"))
	s.start()
	s.state("web", "ready")
	i := s.spawner.Instances()[0]
	fmt.Fprintf(i.Stdout, "one\ntwo, not ended")
	s.contains("web | one\n")
	s.spawner.HangUp()
	if err := s.end(); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(i.Stdout, " until now\n")
	s.start()
	s.contains("web | two, not ended until now\n")
	if n := strings.Count(s.text(), "event=supervisor.started"); n != 1 {
		t.Errorf("announced %d times", n)
	}
	s.spawner.HangUp()
	if err := s.end(); err != nil {
		t.Fatal(err)
	}
	// While nobody manages, the module ends. The next one reads its last words before it lets the spawner forget it.
	fmt.Fprintf(i.Stdout, "farewell")
	i.End(0)
	s.start()
	s.contains("web | farewell\n")
	if status := s.spawner.Finished(); status != 0 {
		t.Errorf("status %d", status)
	}
}

// A log that nobody reads holds up the module that writes, and neither the manager nor its end.
func TestLogIsNotRead(t *testing.T) {
	s := newStage(t, linktest.Module("web"))
	stopped := make(chan struct{})
	s.spawner.Started = func(i *linktest.Instance) {
		defer close(stopped)
		for n := 0; ; n++ {
			if _, err := fmt.Fprintf(i.Stdout, "%d %s\n", n, strings.Repeat("x", 1000)); err != nil {
				return
			}
		}
	}
	r, w, err := s.host.Pipe2(unix.O_CLOEXEC)
	s.must(err)
	s.output = w
	s.start()
	s.state("web", "ready")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for range 20_000 { // messages of which none can be written
		s.r.Observe(api.Event{Kind: "test", Level: "info", Text: strings.Repeat("y", 100)})
	}
	if got := s.r.Status(); got.State != "running" {
		t.Errorf("state %q", got.State)
	}
	if result, err := s.r.Do(ctx, machine.Stop, []string{"web"}, false); err != nil || !result.OK {
		t.Errorf("%+v, %v", result, err)
	}
	s.spawner.HangUp()
	if err := s.end(); err == nil || !strings.Contains(err.Error(), "not being read") {
		t.Errorf("%v", err)
	}
	// What is blocked in a write goes on when somebody reads, and ends.
	var wg sync.WaitGroup
	wg.Go(func() {
		buf := make([]byte, 1<<20)
		for {
			if n, err := s.host.Read(r, buf); n <= 0 || err != nil {
				return
			}
		}
	})
	s.until("the goroutines are gone", func() bool {
		select {
		case <-stopped:
			return true
		default:
			for _, i := range s.spawner.Instances() {
				i.End(0)
			}
			return false
		}
	})
	s.r.running.Wait()
	<-s.r.messages.Close()
	s.must(errors.Join(s.manager.Close(1), s.manager.Close(2), s.host.Close(w)))
	wg.Wait()
	s.must(s.host.Close(r))
}

// What the log could not take is said when it can again.
func TestFullDisk(t *testing.T) { synctest.Test(t, testFullDisk) }

func testFullDisk(t *testing.T) {
	s := newStage(t, linktest.Module("web"))
	k := &fullDisk{}
	s.start(func(c *Config) { k.Core = s.manager; c.Kernel = k })
	s.state("web", "ready")
	i := s.spawner.Instances()[0]
	k.set(1)
	events := s.r.Events(t.Context(), "")
	for n := range 5 {
		fmt.Fprintf(i.Stdout, "lost %d\n", n)
		if n == 0 {
			for e := range events {
				if e.Kind == "log.lost" {
					break
				}
			}
		}
	}
	lines := s.r.Logs(t.Context(), nil, 100)
	for l := range lines {
		if l.Line == "lost 4" { // logs still has them
			break
		}
	}
	k.set(-1)
	fmt.Fprintf(i.Stdout, "found\n")
	s.contains("web | found\n")
	for e := range events {
		// The supervisor's own messages were lost as well, to standard error.
		if e.Kind == "log.recovered" && strings.Contains(e.Text, "standard output") {
			if !strings.Contains(e.Text, "again; 5 lines") {
				t.Errorf("%s", e.Text)
			}
			break
		}
	}
	if strings.Contains(s.text(), "| lost") {
		t.Error("the disk was not full")
	}
}

// fullDisk refuses to write to a file.
type fullDisk struct {
	posix.Core
	mu sync.Mutex
	fd posix.FD
}

func (k *fullDisk) set(fd posix.FD) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fd = fd
}

func (k *fullDisk) Write(fd posix.FD, p []byte) (int, error) {
	k.mu.Lock()
	full := k.fd > 0 && k.fd == fd
	k.mu.Unlock()
	if full {
		return -1, posix.Errno(unix.ENOSPC)
	}
	return k.Core.Write(fd, p)
}

func TestGarbageEndsTheManager(t *testing.T) { synctest.Test(t, testGarbageEndsTheManager) }

func testGarbageEndsTheManager(t *testing.T) {
	s := newStage(t, linktest.Module("web"))
	s.start()
	s.state("web", "ready")
	s.spawner.Send(wire.Frame{Kind: wire.KindReply, ID: 1 << 40, Body: wire.Reply{}.Encode()})
	if err := s.end(); !errors.Is(err, link.ErrGarbage) {
		t.Errorf("%v", err)
	}
}

func TestServerCannotStart(t *testing.T) { synctest.Test(t, testServerCannotStart) }

func testServerCannotStart(t *testing.T) {
	s := newStage(t, linktest.Module("web"))
	s.start(func(c *Config) {
		c.Serve = func(_ *Runtime, service Service) (Server, error) {
			return nil, errors.Join(errors.New("no server today"), s.manager.Close(service.Control))
		}
	})
	if err := s.end(); err == nil || !strings.Contains(err.Error(), "serve the control API: no server today") {
		t.Errorf("%v", err)
	}
}

func TestUnknownLogLevel(t *testing.T) { synctest.Test(t, testUnknownLogLevel) }

func testUnknownLogLevel(t *testing.T) {
	s := newStage(t, linktest.Module("web"))
	s.spawner.Options.LogLevel = "loud"
	s.start()
	if err := s.end(); err == nil || !strings.Contains(err.Error(), `log level "loud"`) {
		t.Errorf("%v", err)
	}
}

// Everything at once, from everywhere. What an instance could write is in the log, once.
func TestConcurrency(t *testing.T) { synctest.Test(t, testConcurrency) }

func testConcurrency(t *testing.T) {
	var modules []wire.Module
	for n := range 20 {
		m := linktest.Module(fmt.Sprintf("m%d", n))
		m.Restart = wire.Restart{Policy: "always", Delay: time.Millisecond, MaxDelay: 5 * time.Millisecond, Burst: 1000, Window: time.Minute, ResetAfter: time.Minute}
		modules = append(modules, m)
	}
	s := newStage(t, modules...)
	var mu sync.Mutex // guards what follows
	started, written := 0, []string{}
	s.spawner.Started = func(i *linktest.Instance) {
		line := fmt.Sprintf("%s %d\n", i.Module, i.ID)
		_, err := io.WriteString(i.Stdout, line) // refused to one that was told to restart before it came to this
		mu.Lock()
		started++
		if err == nil {
			written = append(written, line)
		}
		mu.Unlock()
		if i.ID < 200 {
			i.End(int32(i.ID % 2))
		}
	}
	s.start()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	for n := range 4 {
		wg.Go(func() {
			for range 20 {
				s.r.Status()
				_, _ = s.r.Do(ctx, machine.Restart, []string{fmt.Sprintf("m%d", n)}, false) // some fail, because it ends all the time
				if _, err := s.r.Stats(ctx); err != nil {
					t.Error(err)
				}
				sub, stop := context.WithCancel(ctx)
				<-s.r.Events(sub, "")
				<-s.r.Logs(sub, nil, 5)
				stop()
			}
		})
	}
	wg.Wait()
	s.until("200 were started", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return started >= 200
	})
	s.spawner.Ask(wire.WishStop)
	s.spawner.Finished()
	if err := s.end(); err != nil {
		t.Fatal(err)
	}
	synctest.Wait() // for the last one to know whether it has written
	text := s.text()
	if len(written) < 100 {
		t.Errorf("only %d of %d could write", len(written), started)
	}
	for _, line := range written {
		if n := strings.Count(text, "| "+line); n != 1 {
			t.Errorf("%q is %d times in the log", line, n)
		}
	}
}

func TestSlowFollowerOfEvents(t *testing.T) { synctest.Test(t, testSlowFollowerOfEvents) }

func testSlowFollowerOfEvents(t *testing.T) {
	s := newStage(t, linktest.Module("web"))
	s.start()
	s.state("web", "ready")
	ch := s.r.Events(t.Context(), "")
	for range 5000 {
		s.r.Observe(api.Event{Kind: "test", Level: "debug", Text: "x"})
	}
	last := ""
	for e := range ch {
		last = e.Kind
	}
	if last != event.Cut {
		t.Errorf("the last event is %s", last)
	}
}
