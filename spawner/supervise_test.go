package spawner

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox/program"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// scene is a supervisor under test: what its modules say goes to a list, and a line may be the cue for something.
type scene struct {
	*Supervisor
	signals chan os.Signal
	started int
	log     bytes.Buffer
	lines   []string
	cue     map[string]func()
	err     error // what writing a line returns
}

func (s *scene) WriteLine(module string, instance int, stream Stream, line []byte) error {
	text := fmt.Sprintf("%s[%d]%d %s", module, instance, stream, line)
	s.lines = append(s.lines, text)
	if f, ok := s.cue[text]; ok {
		f()
	}
	return s.err
}

func newScene(t *testing.T, k Kernel, modules ...wire.Module) *scene {
	t.Helper()
	noLeaks(t)
	s := &scene{signals: make(chan os.Signal, 8), cue: map[string]func(){}}
	s.Supervisor = &Supervisor{Host: hostOf(t, k), Modules: modules, Output: s, Started: func() { s.started++ }, Signals: s.signals,
		Log: slog.New(slog.NewTextHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	return s
}

// run runs it, with a limit on the time.
func (s *scene) run(t *testing.T) error {
	t.Helper()
	hangs := time.AfterFunc(20*time.Second, func() { panic(t.Name() + " hangs") })
	defer hangs.Stop()
	return s.Run()
}

func TestSuperviseToTheEnd(t *testing.T) {
	s := newScene(t, linux.New(), shell("a", "echo one; echo two >&2; printf three"), shell("b", "cat; echo done"))
	if err := s.run(t); err != nil {
		t.Fatal(err)
	}
	slices.Sort(s.lines)
	if want := []string{"a[0]1 one", "a[0]1 three", "a[0]2 two", "b[0]1 done"}; !slices.Equal(s.lines, want) {
		t.Errorf("%q", s.lines)
	}
	if s.started != 1 {
		t.Errorf("started was called %d times", s.started)
	}
	for _, want := range []string{"msg=started module=a instance=0", "msg=exited module=b instance=0"} {
		if !strings.Contains(s.log.String(), want) {
			t.Errorf("no %q in the log:\n%s", want, s.log.String())
		}
	}
}

func TestSuperviseFailure(t *testing.T) {
	tests := []struct{ name, script, log string }{
		{"status", "exit 3", `level=ERROR msg="exited with status 3" module=a`},
		{"signal", "kill -KILL $$", `level=ERROR msg="killed by SIGKILL" module=a`},
		{"filter", "kill -SYS $$", `killed by SIGSYS`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newScene(t, linux.New(), shell("a", tt.script), shell("b", "exit 0"))
			if err := s.run(t); !errors.Is(err, ErrModuleFailed) {
				t.Errorf("%v", err)
			}
			if !strings.Contains(s.log.String(), tt.log) {
				t.Errorf("no %q in the log:\n%s", tt.log, s.log.String())
			}
		})
	}
}

// polite waits for a signal, says so, takes its time, and ends. It leaves a process behind, so it needs a namespace to end with.
func polite(name string) wire.Module {
	return shell(name, "trap 'echo asked; sleep 0.05; echo gone; exit 0' TERM; echo ready; while :; do sleep 5 & wait $!; done")
}

// TestStopOrder: the module that was started last is asked first, and the one before it when all of it has ended.
func TestStopOrder(t *testing.T) {
	needNamespaces(t)
	c := withInit(polite("c"))
	c.Replicas = 2
	s := newScene(t, linux.New(), withInit(polite("a")), withInit(polite("b")), c)
	ready := 0
	for _, m := range []string{"a[0]", "b[0]", "c[0]", "c[1]"} {
		s.cue[m+"1 ready"] = func() {
			if ready++; ready == 4 {
				s.signals <- unix.SIGTERM
				s.signals <- unix.SIGTERM // the same request once more: nothing is killed
			}
		}
	}
	if err := s.run(t); err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, l := range s.lines {
		if !strings.HasSuffix(l, "ready") {
			order = append(order, l)
		}
	}
	if len(order) != 8 {
		t.Fatalf("%q", order)
	}
	first := slices.Sorted(slices.Values(order[:4]))
	want := []string{"c[0]1 asked", "c[0]1 gone", "c[1]1 asked", "c[1]1 gone", "b[0]1 asked", "b[0]1 gone", "a[0]1 asked", "a[0]1 gone"}
	if !slices.Equal(append(first, order[4:]...), want) {
		t.Errorf("%q, want %q", order, want)
	}
	if strings.Contains(s.log.String(), "level=ERROR") {
		t.Errorf("an orderly stop is an error in the log:\n%s", s.log.String())
	}
}

func TestKillAfterGracePeriod(t *testing.T) {
	s := newScene(t, linux.New(), deafModule(t, "a", 150*time.Millisecond))
	var asked time.Time
	s.cue["a[0]1 ready"] = func() { asked = time.Now(); s.signals <- unix.SIGINT }
	if err := s.run(t); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(asked); took < 150*time.Millisecond || took > 5*time.Second {
		t.Errorf("it ended %s after the request", took)
	}
	for _, want := range []string{"still running at the end of its grace period; killing it", `msg="killed by SIGKILL" module=a`} {
		if !strings.Contains(s.log.String(), want) {
			t.Errorf("no %q in the log:\n%s", want, s.log.String())
		}
	}
}

// TestAskedAgain: a second request, later than an echo of the first, kills what is left.
func TestAskedAgain(t *testing.T) {
	s := newScene(t, linux.New(), deafModule(t, "a", time.Hour), deafModule(t, "b", time.Hour))
	var once sync.Once
	s.cue["b[0]1 ready"] = func() {
		once.Do(func() {
			s.signals <- unix.SIGTERM
			time.AfterFunc(echo+50*time.Millisecond, func() { s.signals <- unix.SIGTERM })
		})
	}
	start := time.Now()
	if err := s.run(t); err != nil {
		// Which of the two was asked is chance; the other one did not end by itself either.
		if !errors.Is(err, ErrModuleFailed) {
			t.Fatal(err)
		}
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	if !strings.Contains(s.log.String(), "asked again: killing what is left") {
		t.Errorf("the log:\n%s", s.log.String())
	}
}

func TestHangupChangesNothing(t *testing.T) {
	s := newScene(t, linux.New(), shell("a", "echo ready; read x; sleep 0.1; echo still here"))
	s.cue["a[0]1 ready"] = func() { s.signals <- unix.SIGHUP }
	if err := s.run(t); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(s.lines, "a[0]1 still here") {
		t.Errorf("%q", s.lines)
	}
	if !strings.Contains(s.log.String(), "level=WARN msg=\"SIGHUP: reloading") {
		t.Errorf("the log:\n%s", s.log.String())
	}
}

// TestLaunchFails: a module that cannot be launched stops those that were.
func TestLaunchFails(t *testing.T) {
	bad := shell("bad", "")
	b := program.NewBuilder("bad", "web.yaml")
	execute(b, "/nowhere", "x")
	bad.Program = &b.Program
	s := newScene(t, linux.New(), shell("a", "exec sleep 100"), bad, shell("never", "echo started"))
	err := s.run(t)
	if err == nil || err.Error() != "bad: execveat: no such file or directory (policy web.yaml:3)" {
		t.Errorf("%v", err)
	}
	if s.started != 0 || slices.Contains(s.lines, "never[0]1 started") {
		t.Errorf("started %d times; lines %q", s.started, s.lines)
	}
	if !strings.Contains(s.log.String(), `msg="killed by SIGTERM" module=a`) {
		t.Errorf("the log:\n%s", s.log.String())
	}
}

// TestSuperviseFaults fails one kind of call, the first time and the second and so on, while three modules are started.
func TestSuperviseFaults(t *testing.T) {
	for _, op := range []string{"Openat2", "Pipe2", "Fcntl", "Clone3", "EpollCtl", "EpollCreate1", "Eventfd2"} {
		t.Run(op, func(t *testing.T) {
			failed := 0
			for after := 0; ; after++ {
				k := newFaulty("", after, unix.EMFILE)
				s := newScene(t, k, shell("a", "exec sleep 0.02"), shell("b", "exec sleep 0.02"))
				k.op = op
				err := s.run(t)
				if k.after >= 0 {
					if err != nil {
						t.Errorf("without a fault: %v", err)
					}
					break
				}
				if failed++; !errors.Is(err, unix.EMFILE) {
					t.Errorf("%s number %d fails: %v", op, after+1, err)
				}
			}
			if failed == 0 {
				t.Errorf("%s was never called", op)
			}
		})
	}
}

// TestOutputIsGone: when nobody takes the lines any more everything is ended, and that is the error.
func TestOutputIsGone(t *testing.T) {
	s := newScene(t, linux.New(), shell("a", "echo x; exec sleep 100"), shell("b", "exec sleep 100"))
	s.err = posix.Errno(unix.EPIPE)
	start := time.Now()
	if err := s.run(t); !errors.Is(err, unix.EPIPE) {
		t.Errorf("%v", err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

// TestLotsOfOutput: two modules that write as fast as they can, and the last line is there when they have ended.
func TestLotsOfOutput(t *testing.T) {
	const script = "i=0; while [ $i -lt 20000 ]; do echo $i; i=$((i+1)); done"
	s := newScene(t, linux.New(), shell("a", script), shell("b", script))
	if err := s.run(t); err != nil {
		t.Fatal(err)
	}
	next := map[string]int{}
	for _, l := range s.lines {
		name, number, _ := strings.Cut(l, " ")
		if number != fmt.Sprint(next[name]) {
			t.Fatalf("%s after line %d of %s", number, next[name]-1, name)
		}
		next[name]++
	}
	if next["a[0]1"] != 20000 || next["b[0]1"] != 20000 {
		t.Errorf("%v", next)
	}
}

// TestPipeOutlivesTheModule: what a module left behind ends with it, and does not keep the supervisor.
func TestPipeOutlivesTheModule(t *testing.T) {
	needNamespaces(t)
	s := newScene(t, linux.New(), withInit(shell("a", "sleep 1000 & echo last words; exit 0")))
	if err := s.run(t); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.lines, []string{"a[0]1 last words"}) {
		t.Errorf("%q", s.lines)
	}
}
