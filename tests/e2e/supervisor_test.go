package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// limit is how long anything may take that a test starts.
const limit = 2 * time.Minute

func isRoot() bool { return os.Geteuid() == 0 }

// result is how a program ended and what it said.
type result struct {
	status         int // as a shell gives it
	stdout, stderr string
}

// program is one that a test runs.
type program struct {
	*exec.Cmd
	stdout, stderr output
	done           chan struct{}
	mayCrash       bool // a crash is the test's business
}

// output is what a program has written until now.
type output struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// command prepares a program. It is killed when it takes too long.
func command(t testing.TB, name string, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	p := &program{Cmd: exec.CommandContext(ctx, name, args...), done: make(chan struct{})}
	p.Stdout, p.Stderr = &p.stdout, &p.stderr
	p.WaitDelay = 5 * time.Second
	return p
}

// start starts a program that the test ends; at the latest it is killed with the test.
func (p *program) start(t testing.TB) *program {
	t.Helper()
	if err := p.Start(); err != nil {
		t.Fatalf("start %s: %v", p.Path, err)
	}
	go func() {
		_ = p.Wait() // the exit status is in ProcessState
		close(p.done)
	}()
	t.Cleanup(func() {
		_ = p.Process.Kill() // it may have ended
		<-p.done
	})
	return p
}

// ended waits for the end.
func (p *program) ended(t testing.TB) result {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(limit + 10*time.Second):
		t.Fatalf("%s does not end", p)
	}
	return p.result(t)
}

func (p *program) result(t testing.TB) result {
	t.Helper()
	r := result{stdout: p.stdout.String(), stderr: p.stderr.String()}
	switch ws := p.ProcessState.Sys().(syscall.WaitStatus); {
	case ws.Signaled():
		r.status = 128 + int(ws.Signal())
	default:
		r.status = ws.ExitStatus()
	}
	if !p.mayCrash && r.crashed() {
		t.Errorf("%s crashed:\n%.4000s", p, r.stderr)
	}
	return r
}

// crashed tells whether the Go runtime had the last word.
func (r result) crashed() bool {
	for _, sign := range []string{"panic:", "goroutine ", "fatal error:", "runtime error", "SIGSEGV"} {
		if strings.Contains(r.stderr, sign) {
			return true
		}
	}
	return false
}

// run runs a program to its end.
func (p *program) run(t testing.TB) result {
	t.Helper()
	err := p.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("run %s: %v\n%s", p, err, p.stderr.String())
	}
	return p.result(t)
}

func (p *program) signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	if err := p.Process.Signal(sig); err != nil {
		t.Fatalf("send %s to %s: %v", unix.SignalName(sig), p, err)
	}
}

// supervisor prepares a run of the supervisor. One that stays gets a control socket of the test's own, unless the test gives it one.
func supervisor(t testing.TB, args ...string) *program {
	t.Helper()
	if len(args) > 0 && strings.HasPrefix(args[0], "-") && !slices.Contains(args, "--control") {
		args = append(args, "--control", filepath.Join(t.TempDir(), "control.sock"))
	}
	return command(t, place.supervisor, args...)
}

// control returns the path of a supervisor's control socket.
func (p *program) control() string { return p.Args[slices.Index(p.Args, "--control")+1] }

// waitFor waits until something is so.
func waitFor(t testing.TB, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit / 2); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long: %s", what)
		}
	}
}

// says waits until a program has written a text.
func (p *program) says(t testing.TB, text string) {
	t.Helper()
	for deadline := time.Now().Add(limit / 2); ; time.Sleep(5 * time.Millisecond) {
		if strings.Contains(p.stdout.String()+p.stderr.String(), text) {
			return
		}
		select {
		case <-p.done:
			if !strings.Contains(p.stdout.String()+p.stderr.String(), text) {
				t.Fatalf("%s ended without saying %q:\n%s%s", p, text, p.stdout.String(), p.stderr.String())
			}
			return
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not say %q:\n%s%s", p, text, p.stdout.String(), p.stderr.String())
		}
	}
}

// shows tells whether a program has written a text.
func (p *program) shows(text string) bool {
	return strings.Contains(p.stdout.String()+p.stderr.String(), text)
}

// hasEnded tells whether a program has come to its end.
func (p *program) hasEnded() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

func (p *program) String() string { return strings.Join(p.Args, " ") }

// wants checks how a program ended.
func (r result) wants(t testing.TB, status int, stderr ...string) {
	t.Helper()
	var wrong []string
	if r.status != status {
		wrong = append(wrong, fmt.Sprintf("status %d, want %d", r.status, status))
	}
	for _, text := range stderr {
		if !strings.Contains(r.stderr, text) {
			wrong = append(wrong, fmt.Sprintf("the error output does not contain %q", text))
		}
	}
	if wrong != nil {
		t.Errorf("%s\nstdout:\n%s\nstderr:\n%s", strings.Join(wrong, "\n"), excerpt(r.stdout), excerpt(r.stderr))
	}
}

// excerpt leaves the middle of a long text out: why something does not end is what it says last.
func excerpt(text string) string {
	const some = 3000
	if len(text) <= 2*some {
		return text
	}
	return fmt.Sprintf("%s\n[%d bytes]\n%s", text[:some], len(text)-2*some, text[len(text)-some:])
}
