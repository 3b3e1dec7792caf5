package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/invoke"
	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/core/link/linktest"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// TestMain is also the manager's process.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == managerRole {
		os.Exit(run(os.Args))
	}
	os.Exit(m.Run())
}

// managerStage is a manager's process with a spawner that is played.
type managerStage struct {
	t       *testing.T
	kernel  posix.Core
	spawner *linktest.Spawner
	log     *os.File
	sockets []posix.FD
	client  *http.Client
	metrics string
}

func newManagerStage(t *testing.T, modules ...wire.Module) *managerStage {
	t.Helper()
	log, err := os.CreateTemp(t.TempDir(), "log")
	if err != nil {
		t.Fatal(err)
	}
	s := &managerStage{t: t, kernel: linux.New(), log: log}
	s.spawner = linktest.New(t, s.kernel, wire.Outline{Generation: 1, Files: []string{"web.yaml"}, Modules: modules})
	s.spawner.Options.Owner = uint32(os.Getuid())
	control := filepath.Join(t.TempDir(), "control.sock")
	unixListener, err := net.Listen("unix", control)
	if err != nil {
		t.Fatal(err)
	}
	tcpListener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.metrics = tcpListener.Addr().String()
	s.spawner.Options.Control, s.spawner.Options.Metrics = control, s.metrics
	for _, l := range []interface{ File() (*os.File, error) }{unixListener.(*net.UnixListener), tcpListener.(*net.TCPListener)} {
		f, err := l.File()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		s.sockets = append(s.sockets, posix.FD(f.Fd()))
	}
	s.client = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", control)
		}}}
	t.Cleanup(func() {
		if t.Failed() {
			text := s.text()
			t.Logf("the log ends with %s", text[max(0, len(text)-4000):])
		}
		_, _, _ = unixListener.Close(), tcpListener.Close(), log.Close()
	})
	return s
}

// start runs a manager as a process of its own.
func (s *managerStage) start() *exec.Cmd {
	s.t.Helper()
	return s.startWith(s.log)
}

// startWith is start with another log.
func (s *managerStage) startWith(log *os.File) *exec.Cmd {
	s.t.Helper()
	channel := os.NewFile(uintptr(s.spawner.Connect(s.sockets...)), "channel")
	cmd := exec.Command(os.Args[0], managerRole)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = channel, log, log
	err := cmd.Start()
	_ = channel.Close()
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	return cmd
}

func (s *managerStage) text() string {
	s.t.Helper()
	text, err := os.ReadFile(s.log.Name())
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

func (s *managerStage) until(what string, ok func() bool) {
	s.t.Helper()
	for began := time.Now(); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Since(began) > 60*time.Second {
			text := s.text()
			s.t.Fatalf("not within a minute: %s; the log ends with %s", what, text[max(0, len(text)-4000):])
		}
	}
}

func (s *managerStage) get(path string) string {
	s.t.Helper()
	r, err := s.client.Get("http://supervisor" + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	body, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		s.t.Fatalf("%s: %s: %s, %v", path, r.Status, body, err)
	}
	return string(body)
}

func waitFor(t *testing.T, cmd *exec.Cmd) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case err := <-done:
		return err
	case <-time.After(time.Minute):
		t.Fatal("the manager does not end")
		return nil
	}
}

// residentKiB reads a line of /proc/PID/status, such as VmRSS.
func residentKiB(t *testing.T, pid int, name string) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			n, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("there is no %s in %s", name, text)
	return 0
}

func TestManagerProcess(t *testing.T) {
	s := newManagerStage(t, linktest.Module("web"), linktest.Module("db"))
	s.spawner.Started = func(i *linktest.Instance) { fmt.Fprintf(i.Stdout, "%s is here\n", i.Module) }
	s.spawner.Stats = wire.Stats{Calls: []wire.CallCount{{Op: "clone3", Errno: "0", N: 42}}}
	cmd := s.start()
	s.until("it runs", func() bool {
		return strings.Contains(s.text(), "running; stop with") && strings.Count(s.text(), "is here") == 2
	})
	var status api.Status
	if err := json.Unmarshal([]byte(s.get("/v1/status")), &status); err != nil {
		t.Fatal(err)
	}
	if status.Manager.PID != cmd.Process.Pid || len(status.Modules) != 2 || status.Modules[1].Name != "db" {
		t.Errorf("%+v", status)
	}
	r, err := http.Get("http://" + s.metrics + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r.Body)
	if err := errors.Join(err, r.Body.Close()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`posix_calls_total{op="clone3",errno="0",process="spawner"} 42`, `posix_calls_total{op="tee"`, `posix_calls_total{op="accept4"`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s is not in the metrics:\n%.3000s", want, text)
		}
	}
	t.Logf("VmRSS %d KiB, RssAnon %d KiB", residentKiB(t, cmd.Process.Pid, "VmRSS"), residentKiB(t, cmd.Process.Pid, "RssAnon"))
	// Signals are the spawner's business.
	for _, sig := range []os.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGHUP} {
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
	}
	s.get("/v1/status")
	s.spawner.Ask(wire.WishStop)
	if status := s.spawner.Finished(); status != 0 {
		t.Errorf("status %d", status)
	}
	if err := waitFor(t, cmd); err != nil {
		t.Errorf("%v; %s", err, s.text())
	}
}

// A log that nobody reads keeps the manager from ending no longer than it says, and not because it says so there.
func TestManagerWithoutAReader(t *testing.T) {
	s := newManagerStage(t, linktest.Module("web"))
	r, w := fullPipe(t)
	cmd := s.startWith(w)
	s.spawner.Ask(wire.WishStop)
	if status := s.spawner.Finished(); status != 0 {
		t.Errorf("status %d", status)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Error("it waits for a reader of its log")
		_, _ = r.Read(make([]byte, 2*piece))
		<-ended
	}
	if got := cmd.ProcessState.ExitCode(); got != invoke.StatusFailed {
		t.Errorf("%s, want status %d: its last lines are lost", cmd.ProcessState, invoke.StatusFailed)
	}
}

// Killed again and again in the middle of a flood, managers between them lose no line.
func TestManagerIsKilled(t *testing.T) {
	const lines, kills = 60_000, 5
	var killed, ended atomic.Int32
	s := newManagerStage(t, linktest.Module("web"), linktest.Module("db"))
	s.spawner.Started = func(i *linktest.Instance) {
		for n := range lines {
			to := i.Stdout
			if n%3 == 0 {
				to = i.Stderr
			}
			if _, err := fmt.Fprintf(to, "line %d %s\n", n, strings.Repeat("=", n%90)); err != nil {
				t.Error(err)
				return
			}
			// The managers come and go meanwhile, however slow they are.
			for n%500 == 0 && int(killed.Load()) < n*kills/lines {
				time.Sleep(time.Millisecond)
			}
		}
		ended.Add(1)
		i.End(0)
	}
	cmd := s.start()
	for ; ; cmd = s.start() {
		select {
		case <-time.After(time.Duration(15+rand.IntN(80)) * time.Millisecond):
		}
		if ended.Load() == 2 { // of instances; a slow manager may not even have started them
			break
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if cmd.Wait() == nil {
			break // all came to its end meanwhile
		}
		killed.Add(1)
	}
	if status := s.spawner.Finished(); status != 0 {
		t.Errorf("status %d", status)
	}
	if cmd.ProcessState == nil {
		if err := waitFor(t, cmd); err != nil {
			t.Errorf("the last one: %v", err)
		}
	}
	seen := map[string][]bool{"web": make([]bool, lines), "db": make([]bool, lines)}
	total, torn := 0, 0
	for line := range strings.Lines(s.text()) {
		name, text, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " | ")
		name = strings.TrimSpace(name)
		if !ok || seen[name] == nil {
			continue
		}
		n := 0
		if _, err := fmt.Sscanf(text, "line %d", &n); err != nil || n >= lines || text != fmt.Sprintf("line %d %s", n, strings.Repeat("=", n%90)) {
			torn++
			continue
		}
		seen[name][n] = true
		total++
	}
	for name, all := range seen {
		for n, ok := range all {
			if !ok {
				t.Fatalf("line %d of %s is missing; %d managers were killed", n, name, killed.Load())
			}
		}
	}
	t.Logf("%d managers were killed; %d lines were written a second time, %d were torn", killed.Load(), total-2*lines, torn)
	if n := int(killed.Load()); n < kills-1 || torn > n*2 {
		t.Errorf("%d killed, %d torn", n, torn)
	}
}

// What the spawner must not say is said back in plain words.
func TestManagerRefusesGarbage(t *testing.T) {
	s := newManagerStage(t, linktest.Module("web"))
	cmd := s.start()
	s.until("it runs", func() bool { return strings.Contains(s.text(), "running; stop with") })
	s.spawner.Send(wire.Frame{Kind: wire.KindExited, Body: []byte("x")})
	err := waitFor(t, cmd)
	if cmd.ProcessState.ExitCode() != invoke.StatusFailed || !strings.Contains(s.text(), "supervisor: manager: talk to the spawner: garbage from the spawner: a frame of kind exited") {
		t.Errorf("%v: %s", err, s.text())
	}
}

// With a thousand modules it is still small.
func TestManagerWithManyModules(t *testing.T) {
	var modules []wire.Module
	for n := range 1000 {
		modules = append(modules, linktest.Module(fmt.Sprintf("m%d", n)))
	}
	s := newManagerStage(t, modules...)
	s.spawner.Started = func(i *linktest.Instance) { fmt.Fprintf(i.Stdout, "here\n") }
	began := time.Now()
	cmd := s.start()
	s.until("all run", func() bool { return strings.Contains(s.text(), "1000 instances running") })
	up := time.Since(began)
	s.until("all lines", func() bool { return strings.Count(s.text(), "| here\n") == 1000 })
	began = time.Now()
	s.get("/v1/status")
	rss := residentKiB(t, cmd.Process.Pid, "VmRSS")
	t.Logf("up in %s, status in %s; VmRSS %d KiB, RssAnon %d KiB", up, time.Since(began), rss, residentKiB(t, cmd.Process.Pid, "RssAnon"))
	if rss > 64<<10 {
		t.Errorf("it takes %d KiB", rss)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	began = time.Now()
	s.start()
	s.until("the next one answers", func() bool {
		r, err := s.client.Get("http://supervisor/v1/status")
		if err != nil {
			return false
		}
		defer func() { _ = r.Body.Close() }()
		var status api.Status
		return json.NewDecoder(r.Body).Decode(&status) == nil && len(status.Modules) == 1000 && status.Modules[999].Instances[0].State == "ready"
	})
	t.Logf("the next one knows them after %s", time.Since(began))
}
