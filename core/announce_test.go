package core

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead/bulkhead/core/link/linktest"
	"github.com/bulkhead/bulkhead/sandbox"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

func protected(name string, levels ...sandbox.Level) wire.Module {
	m := linktest.Module(name)
	for n, l := range levels {
		m.Enforcement = append(m.Enforcement, sandbox.Enforcement{Protection: fmt.Sprintf("wall%d", n), Level: l, Detail: "how it is"})
	}
	return m
}

var announced = []wire.Listener{
	{Name: "http", Network: "tcp", Address: "127.0.0.1:8080"},
	{Name: "https-admin", Network: "tcp", Address: "[::1]:8443"},
	{Name: "httpd", Network: "tcp", Address: "127.0.0.1:81"},
	{Name: "dns", Network: "udp", Address: "127.0.0.1:53"},
	{Name: "api", Network: "unix", Address: "/run/api.sock"},
}

func TestAnnounce(t *testing.T) {
	var b bytes.Buffer
	announce(&b, nil, wire.Options{LogFormat: "text", Control: "/run/c.sock", Metrics: "127.0.0.1:9100"},
		wire.Outline{Modules: []wire.Module{protected("web", sandbox.Enforced, sandbox.Missing)}}, announced)
	want := `module web, enforced on this host:
  wall0                   how it is
  wall1                   MISSING: how it is
listening: http           http://127.0.0.1:8080/
listening: https-admin    https://[::1]:8443/
listening: httpd          127.0.0.1:81
listening: dns            udp:127.0.0.1:53
listening: api            unix:/run/api.sock
metrics:                  http://127.0.0.1:9100/metrics
control:                  /run/c.sock
running; stop with Ctrl-C (SIGINT) or SIGTERM
`
	if diff := cmp.Diff(strings.Fields(want), strings.Fields(b.String())); diff != "" {
		t.Error(diff)
	}
	column := -1
	for line := range strings.Lines(b.String()) {
		if at := strings.Index(line, "how it is"); at >= 0 && !strings.Contains(line, "MISSING") {
			column = at
		}
		if at := strings.Index(line, "udp:"); at >= 0 && at != column {
			t.Errorf("columns %d and %d in\n%s", column, at, b.String())
		}
	}
}

// Of many modules only what is lacking is listed.
func TestAnnounceMany(t *testing.T) {
	o := wire.Outline{}
	for n := range manyModules {
		o.Modules = append(o.Modules, protected(fmt.Sprintf("m%d", n), sandbox.Enforced, sandbox.Enforced))
	}
	o.Modules[3] = protected("weak", sandbox.Enforced, sandbox.Degraded)
	var b bytes.Buffer
	announce(&b, nil, wire.Options{LogFormat: "text"}, o, nil)
	text := b.String()
	if strings.Contains(text, "wall0") || strings.Count(text, "wall1") != 1 || !strings.Contains(text, "module weak: of its 2 protections, not fully enforced on this host:") ||
		!strings.Contains(text, "module m0: all of its 2 protections are enforced on this host") {
		t.Error(text)
	}
}

func TestAnnounceRecords(t *testing.T) {
	var b bytes.Buffer
	o := wire.Options{LogFormat: "json", LogLevel: "info", Control: "/run/c.sock"}
	announce(nil, newLogger(&b, o), o, wire.Outline{Modules: []wire.Module{protected("web", sandbox.Enforced, sandbox.Degraded)}}, announced[:1])
	var got []string
	for line := range strings.Lines(b.String()) {
		var r map[string]any
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		got = append(got, fmt.Sprintf("%v %v %v %v %v %v", r["level"], r["msg"], r["protection"], r["state"], r["address"], r["control"]))
	}
	want := []string{
		"INFO enforcement wall0 enforced <nil> <nil>",
		"WARN enforcement wall1 degraded <nil> <nil>",
		"INFO listening <nil> <nil> http://127.0.0.1:8080/ <nil>",
		"INFO running <nil> <nil> <nil> /run/c.sock",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A log in JSON is JSON from the first line to the last.
func TestLogInJSON(t *testing.T) { synctest.Test(t, testLogInJSON) }

func testLogInJSON(t *testing.T) {
	s := newStage(t, protected("web", sandbox.Enforced))
	s.spawner.Options.LogFormat = "json"
	s.spawner.Started = func(i *linktest.Instance) { fmt.Fprintln(i.Stdout, `it says "hello"`) }
	s.start()
	s.contains(`"module":"web","instance":0,"stream":"stdout","line":"it says \"hello\""}`)
	s.contains(`"msg":"running"`)
	s.spawner.Ask(wire.WishStop)
	s.spawner.Finished()
	if err := s.end(); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(s.text()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %s", line)
		}
	}
	if line := droppedNote("json")(3); !json.Valid(line) || !bytes.Contains(line, []byte("3 messages")) {
		t.Errorf("not JSON: %s", line)
	}
}

func TestLevels(t *testing.T) {
	for level, want := range map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError, "": slog.LevelInfo} {
		if got := levelOf(level); got != want {
			t.Errorf("%q is %s", level, got)
		}
	}
}

// TestLogDates: a log that goes to a file says of which day a line is.
func TestLogDates(t *testing.T) {
	at := time.Date(2026, 11, 21, 10, 53, 55, 123456789, time.UTC)
	for dates, want := range map[bool]string{false: "time=10:53:55 level", true: "time=2026-11-21T10:53:55Z level"} {
		var b bytes.Buffer
		r := slog.NewRecord(at, slog.LevelInfo, "x", 0)
		if err := newLogger(&b, wire.Options{LogFormat: "text", LogDates: dates}).Handler().Handle(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(b.String(), want) {
			t.Errorf("%q, want %q", b.String(), want)
		}
	}
}
