package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const good = `{"Action":"start","Package":"github.com/bulkhead/bulkhead/p"}
{"Action":"run","Package":"github.com/bulkhead/bulkhead/p","Test":"A"}
{"Action":"output","Package":"github.com/bulkhead/bulkhead/p","Test":"A","Output":"=== RUN   A\n"}
{"Action":"pass","Package":"github.com/bulkhead/bulkhead/p","Test":"A"}
{"Action":"run","Package":"github.com/bulkhead/bulkhead/p","Test":"B"}
{"Action":"output","Package":"github.com/bulkhead/bulkhead/p","Test":"B","Output":"    b_test.go:7: this kernel: no cgroup.kill\n"}
{"Action":"skip","Package":"github.com/bulkhead/bulkhead/p","Test":"B"}
{"Action":"pass","Package":"github.com/bulkhead/bulkhead/p","Elapsed":0.25}
`

const bad = `{"Action":"start","Package":"q"}
{"Action":"run","Package":"q","Test":"C"}
{"Action":"output","Package":"q","Test":"C","Output":"    c_test.go:9: got 1, want 2\n"}
{"Action":"fail","Package":"q","Test":"C"}
{"Action":"fail","Package":"q","Elapsed":1}
`

func stream(t *testing.T, text string) string { return streamAs(t, "stream", text) }

func streamAs(t *testing.T, name, text string) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestRunCommand(t *testing.T) {
	for _, c := range []struct {
		name    string
		command string // of the shell, with the stream as $1
		text    string
		status  int
		want    []string
	}{
		{"good", `cat "$1"`, good, 0, []string{"skip p: B: this kernel: no cgroup.kill\n", "0.25s  1 passed, 0 failed, 1 skipped  [as root]"}},
		{"bad", `cat "$1"; exit 1`, bad, 1, []string{"FAIL q: C (as root)\n    c_test.go:9: got 1, want 2\n", "0 passed, 1 failed, 0 skipped"}},
		{"failed tests but status 0", `cat "$1"`, bad, 1, nil},
		{"good tests but status 1", `cat "$1"; exit 1`, good, 1, nil},
		{"not events", `echo go: no such package; exit 1`, "", 1, []string{"go: no such package"}},
		{"no such command", ``, "", 1, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			log := filepath.Join(t.TempDir(), "log")
			argv := []string{"run", "as root", log, "/bin/sh", "-c", c.command, "sh", stream(t, c.text)}
			if c.command == "" {
				argv = argv[:3]
				argv = append(argv, "/nonexistent")
			}
			var out strings.Builder
			if got := run(argv, &out); got != c.status {
				t.Errorf("status %d, want %d; output:\n%s", got, c.status, out.String())
			}
			for _, want := range c.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("output lacks %q:\n%s", want, out.String())
				}
			}
			if kept, err := os.ReadFile(log); c.text != "" && (err != nil || string(kept) != c.text) {
				t.Errorf("the log has %q, %v; want the stream", kept, err)
			}
		})
	}
}

func TestClose(t *testing.T) {
	for _, c := range []struct {
		name   string
		texts  map[string]string // by the name of the log
		status int
		want   string
	}{
		{"sum of all", map[string]string{"1-root.json": good, "2-root.json": good}, 0, "2 passed, 0 failed, 2 skipped\n"},
		{"one failed", map[string]string{"1-root.json": good, "2-games.json": bad}, 1, "failed: q C (as games)\n1 passed, 1 failed, 1 skipped\n"},
		{"the same test as both", map[string]string{"1-root.json": bad, "2-the-user.json": bad}, 1, "failed: q C (as root)\nfailed: q C (as the-user)\n0 passed, 2 failed, 0 skipped\n"},
		{"nothing ran", map[string]string{"1-root.json": ""}, 1, "0 passed, 0 failed, 0 skipped\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			argv := []string{"close"}
			for _, name := range slices.Sorted(maps.Keys(c.texts)) {
				argv = append(argv, streamAs(t, name, c.texts[name]))
			}
			var out strings.Builder
			if got := run(argv, &out); got != c.status {
				t.Errorf("status %d, want %d", got, c.status)
			}
			if out.String() != c.want {
				t.Errorf("printed %q, want %q", out.String(), c.want)
			}
		})
	}
	t.Run("a stream that is missing", func(t *testing.T) {
		if got := run([]string{"close", "/nonexistent"}, &strings.Builder{}); got != 1 {
			t.Errorf("status %d, want 1", got)
		}
	})
}

func TestUsage(t *testing.T) {
	for _, argv := range [][]string{nil, {"run"}, {"run", "label", "log"}, {"close"}, {"other", "x"}} {
		if got := run(argv, &strings.Builder{}); got != 2 {
			t.Errorf("run(%q) = %d, want 2", argv, got)
		}
	}
}
