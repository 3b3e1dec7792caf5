package derive

import (
	"context"
	"errors"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/posix/derive"
)

func baseline(t *testing.T) (calls []string) {
	t.Helper()
	list, err := derive.Baseline(runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		calls = append(calls, c.Name)
	}
	return calls
}

// confined runs a program under exactly a list of calls, and returns its exit status and what it and the supervisor said.
func confined(t *testing.T, program string, calls []string) (status int, says string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	out, err := exec.CommandContext(ctx, place.supervisor, "exec", "--policy", policy(t, "", []string{program}, exactly(calls))).CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, string(out)
	case errors.As(err, &exit):
		return exit.ExitCode(), string(out)
	}
	t.Fatalf("%v\n%s", err, out)
	return 0, ""
}

// TestBaselineIsEnough runs programs that use the Go runtime and nothing else.
func TestBaselineIsEnough(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		says   string
		times  int // what threads do differs from run to run
	}{
		{"empty", 0, "", 5},
		{"busy", 0, "done", 5},
		{"crash", 2, "panic: on purpose", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			program := static(t, c.name)
			for range c.times {
				status, says := confined(t, program, baseline(t))
				if status != c.status || !strings.Contains(says, c.says) {
					t.Fatalf("status %d, want %d with %q:\n%s", status, c.status, c.says, says)
				}
			}
		})
	}
}

// TestBaselineIsNeeded takes single calls away, and the programs do not live through it.
func TestBaselineIsNeeded(t *testing.T) {
	empty, busy := static(t, "empty"), static(t, "busy")
	for _, c := range []struct{ call, program string }{
		{"mmap", empty}, {"rt_sigaction", empty}, {"sched_getaffinity", empty}, {"sigaltstack", empty}, {"rt_sigprocmask", empty},
		{"gettid", empty}, {"exit_group", empty}, {"clone", busy}, {"futex", busy}, {"madvise", busy}, {"epoll_create1", busy},
		{"rt_sigreturn", busy}, {"tgkill", busy}, {"exit", busy}, {"prlimit64", busy}, {"write", busy},
	} {
		t.Run(c.call, func(t *testing.T) {
			if status, says := confined(t, c.program, without(t, baseline(t), c.call)); status != killed {
				t.Errorf("status %d without %s, want %d\n%s", status, c.call, killed, says)
			}
		})
	}
}
