package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestVersion(t *testing.T) {
	t.Parallel()
	r := supervisor(t, "version").run(t)
	r.wants(t, 0)
	if !regexp.MustCompile(`^supervisor \S+, go\S+, linux/\S+\n`).MatchString(r.stdout) {
		t.Errorf("output %q", r.stdout)
	}
	if flag := supervisor(t, "--version", "--control", "unused").run(t); flag.status != 0 || flag.stdout != r.stdout {
		t.Errorf("--version: %+v", flag)
	}
}

// TestStatic: one binary for every host.
func TestStatic(t *testing.T) {
	t.Parallel()
	if static, err := isStatic(place.supervisor); err != nil || !static {
		t.Errorf("%s is static: %t, %v", place.supervisor, static, err)
	}
}

func TestDoctor(t *testing.T) {
	t.Parallel()
	r := supervisor(t, "doctor").run(t)
	r.wants(t, 0)
	for _, row := range []string{"seccomp", "landlock", "user namespace", "mount namespace", "pid namespace", "network namespace", "capabilities", "cgroup memory.max",
		"cgroup pids.max", "cgroup cpu.max"} {
		if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(row) + ` +(yes|no|partly) +\S`).MatchString(r.stdout) {
			t.Errorf("no row for %s:\n%s", row, r.stdout)
		}
	}
	r = supervisor(t, "doctor", "-o", "json").run(t)
	r.wants(t, 0)
	var rows any
	if err := json.Unmarshal([]byte(r.stdout), &rows); err != nil {
		t.Errorf("-o json: %v\n%s", err, r.stdout)
	}
}

func TestPolicyCheck(t *testing.T) {
	t.Parallel()
	broken := filepath.Join(place.root, "tests/testdata/broken.yaml")
	r := supervisor(t, "policy", "check", broken).run(t)
	r.wants(t, 2)
	places := regexp.MustCompile(`broken\.yaml:\d+:\d+`).FindAllString(r.stdout, -1)
	if len(places) < 20 || !strings.Contains(r.stdout, "^") || !strings.Contains(r.stdout, "help: ") || !strings.Contains(r.stdout, "did you mean") {
		t.Errorf("%d places, want at least 20, with carets, help and suggestions:\n%s", len(places), r.stdout)
	}
	r = supervisor(t, "policy", "check", "--format", "json", broken).run(t)
	r.wants(t, 2)
	var list []map[string]any
	if err := json.Unmarshal([]byte(r.stdout), &list); err != nil || len(list) != len(places) {
		t.Errorf("--format json: %d findings, want %d; %v", len(list), len(places), err)
	}
	for _, name := range []string{"demo", "nginx", "examples/locked", "examples/noexec"} {
		r := supervisor(t, "policy", "check", shipped(name)).run(t)
		r.wants(t, 0)
		if r.stdout != "" {
			t.Errorf("%s: %s", name, r.stdout)
		}
	}
	// Anybody's file may be checked.
	loose := writePolicy(t, fine())
	if err := os.Chmod(loose, 0o666); err != nil {
		t.Fatal(err)
	}
	supervisor(t, "policy", "check", loose).run(t).wants(t, 0)
}

// TestLater: what this version does not do is refused, with the reason, and nothing is started.
func TestLater(t *testing.T) {
	t.Parallel()
	file := writePolicy(t, fine())
	calls := [][]string{{"--policy", file, "--state", "/var/lib/x"}}
	for _, name := range []string{"scale", "top", "upgrade"} {
		calls = append(calls, []string{name}, []string{name, "--control", "/run/x.sock", "web"})
	}
	for _, args := range calls {
		t.Run(strings.Join(args[:1], " "), func(t *testing.T) {
			r := supervisor(t, args...).run(t)
			r.wants(t, 2, "not in this version")
			if r.stdout != "" {
				t.Errorf("output %q", r.stdout)
			}
		})
	}
}

// TestNobodyToAsk: commands without a supervisor say where they looked for one.
func TestNobodyToAsk(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "x.sock")
	for _, args := range [][]string{{"status"}, {"reload"}, {"reload", "--dry-run"}, {"stop", "web"}, {"start", "web"}, {"restart", "web"}, {"logs"}, {"logs", "-f"}, {"events"}, {"events", "-f"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			r := supervisor(t, append(args, "--control", socket)...).run(t)
			r.wants(t, 125, "no supervisor listens on "+socket)
			if r.stdout != "" {
				t.Errorf("output %q", r.stdout)
			}
		})
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	if r := supervisor(t).run(t); r.status != 0 || !strings.Contains(r.stdout, "--policy") {
		t.Errorf("without arguments: status %d, output %q", r.status, r.stdout)
	}
	for _, args := range [][]string{{"no-such-command"}, {"--no-such-flag"}, {"--policy"}, {"policy", "check"}, {"policy", "explain", "x"}, {"doctor", "-o", "xml"},
		{"--policy", "x", "--log-format", "xml"}, {"--policy", "x", "--log-level", "loud"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			r := supervisor(t, args...).run(t)
			r.wants(t, 2, "supervisor: ")
		})
	}
}

// TestCheckAndDryRun start nothing.
func TestCheckAndDryRun(t *testing.T) {
	t.Parallel()
	port := freePort(t, "tcp4", "127.0.0.1")
	file := policy(t, fmt.Sprintf("listeners: {web: {address: \"127.0.0.1:%d\"}}\n", port),
		module{name: "server", command: []string{place.victim, said}, lines: []string{"listeners: {web: 3}", "replicas: 2"}})
	for flag, says := range map[string][]string{"--check": {"no errors"}, "--dry-run": {"server", "2 instances", fmt.Sprint(port), "landlock"}} {
		t.Run(flag, func(t *testing.T) {
			r := supervisor(t, "--policy", file, flag).run(t)
			r.wants(t, 0)
			for _, text := range says {
				if !strings.Contains(r.stdout, text) {
					t.Errorf("the output does not contain %q:\n%s", text, r.stdout)
				}
			}
			if strings.Contains(r.stdout+r.stderr, "started") {
				t.Errorf("it started something:\n%s%s", r.stdout, r.stderr)
			}
		})
	}
}

// TestEmbedded: the demo needs no file.
func TestEmbedded(t *testing.T) {
	t.Parallel()
	supervisor(t, "--policy", "embedded:demo", "--check").run(t).wants(t, 0)
	supervisor(t, "--policy", "embedded:no-such-policy", "--check").run(t).wants(t, 2, "no-such-policy", "demo")
}
