package kernel_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
)

// machine returns a kernel that is shut down at the end of the test.
func machine(t testing.TB, config kernel.Config) *kernel.Kernel {
	t.Helper()
	k := kernel.New(config)
	t.Cleanup(func() {
		if err := k.Close(); err != nil {
			t.Errorf("after the test: %v", err)
		}
	})
	return k
}

func must(t testing.TB, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func fork(t testing.TB, p *kernel.Process, body func(*kernel.Process)) posix.PID {
	t.Helper()
	pid, err := p.Fork(body)
	must(t, "fork", err)
	return pid
}

func reap(t testing.TB, p *kernel.Process, pid posix.PID) posix.WaitInfo {
	t.Helper()
	var info posix.WaitInfo
	must(t, "waitid", p.Waitid(posix.PPid, int(pid), &info, unix.WEXITED))
	return info
}

func sleep(p *kernel.Process, d time.Duration) error {
	return p.ClockNanosleep(unix.CLOCK_MONOTONIC, 0, posix.Timespec{Sec: int64(d / time.Second), Nsec: int64(d % time.Second)}, nil)
}

func TestHowProcessesEnd(t *testing.T) {
	dies := func(sig posix.Signal) func(p *kernel.Process) {
		return func(p *kernel.Process) { _ = p.Kill(p.Getpid(), sig); p.Exit(99) }
	}
	for _, tt := range []struct {
		name string
		body func(p *kernel.Process)
		want posix.WaitInfo
	}{
		{"returning", func(*kernel.Process) {}, posix.WaitInfo{Code: posix.CldExited}},
		{"exit", func(p *kernel.Process) { p.Exit(7) }, posix.WaitInfo{Code: posix.CldExited, Status: 7}},
		{"exit with more than a byte", func(p *kernel.Process) { p.Exit(0x1ff) }, posix.WaitInfo{Code: posix.CldExited, Status: 255}},
		{"SIGTERM", dies(unix.SIGTERM), posix.WaitInfo{Code: posix.CldKilled, Status: int(unix.SIGTERM)}},
		{"SIGQUIT without a core limit", dies(unix.SIGQUIT), posix.WaitInfo{Code: posix.CldKilled, Status: int(unix.SIGQUIT)}},
		{"SIGCHLD is nothing", dies(unix.SIGCHLD), posix.WaitInfo{Code: posix.CldExited, Status: 99}},
		{"SIGQUIT with a core limit", func(p *kernel.Process) {
			_ = p.Prlimit(0, unix.RLIMIT_CORE, &posix.Rlimit{Soft: 1, Hard: 1}, nil)
			dies(unix.SIGQUIT)(p)
		}, posix.WaitInfo{Code: posix.CldDumped, Status: int(unix.SIGQUIT)}},
		{"Goexit", func(*kernel.Process) { runtime.Goexit() }, posix.WaitInfo{Code: posix.CldKilled, Status: int(unix.SIGABRT)}},
		{"deferred calls after the end", func(p *kernel.Process) {
			defer p.Exit(1)
			defer func() { _ = p.Close(0) }()
			p.Exit(3)
		}, posix.WaitInfo{Code: posix.CldExited, Status: 3}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := machine(t, kernel.Config{}).Init()
			pid := fork(t, p, tt.body)
			tt.want.PID = pid
			if got := reap(t, p, pid); got != tt.want {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
			if err := p.Waitid(posix.PPid, int(pid), &posix.WaitInfo{}, unix.WEXITED); !errors.Is(err, unix.ECHILD) {
				t.Errorf("reaped again: %v, want ECHILD", err)
			}
		})
	}
}

func TestPanicOfAProgramReachesTheTest(t *testing.T) {
	for name, wait := range map[string]func(k *kernel.Kernel){
		"in waitid": func(k *kernel.Kernel) { _ = k.Init().Waitid(posix.PAll, 0, &posix.WaitInfo{}, unix.WEXITED) },
		"in Settle": func(k *kernel.Kernel) { k.Settle() },
		"in Advance": func(k *kernel.Kernel) {
			k.Advance(time.Hour)
		},
	} {
		t.Run(name, func(t *testing.T) {
			k := machine(t, kernel.Config{})
			fork(t, k.Init(), func(p *kernel.Process) { inTheProgram() })
			defer func() {
				crash, ok := recover().(*kernel.Crash)
				if !ok || crash.Value != "oh" || !strings.Contains(crash.Error(), "inTheProgram") {
					t.Fatalf("the test panicked with %v, want the program's panic and its stack", crash)
				}
			}()
			wait(k)
			t.Fatal("the test went on")
		})
	}
}

func inTheProgram() { panic("oh") }

func TestDeadlockSaysWhoWaitsForWhat(t *testing.T) {
	k := machine(t, kernel.Config{})
	p := k.Init()
	r, w, err := p.Pipe2(0)
	must(t, "pipe2", err)
	fork(t, p, func(c *kernel.Process) { _, _ = c.Read(r, make([]byte, 1)) })
	defer func() {
		text, _ := recover().(string)
		for _, want := range []string{"deadlock", "process 1 (init) waits in waitid", "process 2 (init) waits in read"} {
			if !strings.Contains(text, want) {
				t.Errorf("%q does not say %q", text, want)
			}
		}
		must(t, "close", p.Close(r))
		must(t, "close", p.Close(w))
	}()
	_ = p.Waitid(posix.PAll, 0, &posix.WaitInfo{}, unix.WEXITED)
}

func TestKilledWhileItWaits(t *testing.T) {
	p := machine(t, kernel.Config{}).Init()
	r, w, err := p.Pipe2(0)
	must(t, "pipe2", err)
	unwound := false
	pid := fork(t, p, func(c *kernel.Process) {
		defer func() { unwound = true }()
		_ = c.Close(w)
		_, _ = c.Read(r, make([]byte, 1))
		t.Error("a killed process went on")
	})
	p.Kernel().Settle()
	must(t, "kill", p.Kill(pid, unix.SIGKILL))
	if got := reap(t, p, pid); got.Status != int(unix.SIGKILL) || got.Code != posix.CldKilled {
		t.Errorf("%+v", got)
	}
	p.Kernel().Settle()
	if !unwound {
		t.Error("the goroutine of the process did not end")
	}
	must(t, "close", p.Close(w))
	if _, err := p.Read(r, make([]byte, 1)); err != nil {
		t.Errorf("read: %v, want the end of the file", err)
	}
	must(t, "close", p.Close(r))
}

func TestCloseEndsProgramsAndReportsDescriptors(t *testing.T) {
	before := runtime.NumGoroutine()
	k := kernel.New(kernel.Config{})
	p := k.Init()
	r, w, err := p.Pipe2(0)
	must(t, "pipe2", err)
	for range 10 {
		fork(t, p, func(c *kernel.Process) { _, _ = c.Read(r, make([]byte, 1)) })
	}
	fork(t, p, func(c *kernel.Process) { _ = sleep(c, time.Hour) })
	k.Settle()
	fork(t, p, func(*kernel.Process) { t.Error("it had not begun and ran") })
	must(t, "close", p.Close(w))
	err = k.Close()
	var left *kernel.Leftovers
	if !errors.As(err, &left) || len(left.Descriptors) != 1 || left.Descriptors[0].FD != r || left.Descriptors[0].PID != 1 {
		t.Errorf("Close: %v, want descriptor %d of process 1", err, r)
	}
	if k.Close() != nil {
		t.Error("Close reported twice")
	}
	for range 1000 {
		if runtime.NumGoroutine() <= before {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines, %d before", n, before)
	}
	defer func() {
		if e, ok := recover().(*kernel.Ended); !ok || !e.Closed {
			t.Errorf("a call after Close: %v", e)
		}
	}()
	p.Getpid()
}
