package spawner

import (
	"errors"
	"os"
	"os/signal"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox/program"
	"github.com/bulkhead/bulkhead/spawner/wire"
	"github.com/bulkhead/bulkhead/tests/leak"
)

func TestForegroundExit(t *testing.T) {
	for script, want := range map[string]int{"exit 0": 0, "exit 7": 7, "kill -KILL $$": 137, "kill -TERM $$": 143} {
		t.Run(script, func(t *testing.T) {
			leak.Check(t)
			m := shell("exec", script)
			exit, err := hostOf(t, linux.New()).Run(Foreground{Module: &m})
			if err != nil || exit.ShellStatus() != want {
				t.Errorf("%+v, %v; want status %d", exit, err, want)
			}
		})
	}
}

func TestForegroundCannotStart(t *testing.T) {
	leak.Check(t)
	m := shell("exec", "")
	b := program.NewBuilder("exec", "web.yaml")
	execute(b, "/nowhere", "x")
	m.Program = &b.Program
	if _, err := hostOf(t, linux.New()).Run(Foreground{Module: &m}); !errors.Is(err, unix.ENOENT) {
		t.Errorf("%v", err)
	}
}

// afterStart calls do when the command has made a file, which is when its traps are set.
func afterStart(t *testing.T, file string, do func()) {
	t.Helper()
	// This process must survive its own signals, also when the command has ended already.
	ignored := make(chan os.Signal, 16)
	signal.Notify(ignored, unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGUSR1, unix.SIGQUIT)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
			if _, err := os.Stat(file); err == nil {
				do()
				return
			}
		}
	}()
	t.Cleanup(func() { <-done; signal.Stop(ignored) })
}

func send(t *testing.T, sig unix.Signal) {
	t.Helper()
	if err := unix.Kill(os.Getpid(), sig); err != nil {
		t.Error(err)
	}
}

// asleep sets traps, makes a file, and sleeps without a child until a signal comes. A signal that comes between the shell's look for one and
// its sleep would be found only after the sleep, so it is woken up again and again.
func asleep(t *testing.T, traps string, grace time.Duration) (wire.Module, string) {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mkfifo(dir+"/fifo", 0o666); err != nil {
		t.Fatal(err)
	}
	fifo, err := os.OpenFile(dir+"/fifo", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for tick := time.NewTicker(10 * time.Millisecond); ; {
			select {
			case <-stop:
				tick.Stop()
				return
			case <-tick.C:
				_, _ = fifo.WriteString("\n") // without a reader it waits for none: it is one itself
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-stopped; _ = fifo.Close() })
	m := shell("exec", traps+"; exec 9<>"+dir+"/fifo; : > "+dir+"/ready; while :; do read x <&9; done")
	m.StopGracePeriod = grace
	return m, dir + "/ready"
}

func TestForegroundPassesSignals(t *testing.T) {
	for name, sig := range map[string]unix.Signal{"TERM": unix.SIGTERM, "INT": unix.SIGINT, "HUP": unix.SIGHUP, "USR1": unix.SIGUSR1, "QUIT": unix.SIGQUIT} {
		t.Run(name, func(t *testing.T) {
			leak.Check(t)
			m, ready := asleep(t, "trap 'exit 33' "+name, time.Hour)
			afterStart(t, ready, func() { send(t, sig) })
			exit, err := hostOf(t, linux.New()).Run(Foreground{Module: &m})
			if err != nil || exit.Status != 33 {
				t.Errorf("%+v, %v", exit, err)
			}
		})
	}
}

// TestForegroundUnderNohup: what is ignored when it starts is not passed on.
func TestForegroundUnderNohup(t *testing.T) {
	leak.Check(t)
	m, ready := asleep(t, "trap 'exit 33' HUP; trap 'exit 34' USR1", time.Hour)
	afterStart(t, ready, func() {
		send(t, unix.SIGHUP)
		send(t, unix.SIGUSR1)
	})
	signal.Ignore(unix.SIGHUP)
	defer signal.Reset(unix.SIGHUP)
	exit, err := hostOf(t, linux.New()).Run(Foreground{Module: &m})
	if err != nil || exit.Status != 34 {
		t.Errorf("%+v, %v", exit, err)
	}
}

func TestForegroundGracePeriod(t *testing.T) {
	leak.Check(t)
	m, ready := asleep(t, "trap '' TERM", 100*time.Millisecond)
	var asked time.Time
	afterStart(t, ready, func() { asked = time.Now(); send(t, unix.SIGTERM) })
	exit, err := hostOf(t, linux.New()).Run(Foreground{Module: &m})
	if err != nil || exit.Code != posix.CldKilled || exit.Status != int(unix.SIGKILL) {
		t.Errorf("%+v, %v", exit, err)
	}
	if took := time.Since(asked); took < 100*time.Millisecond || took > 5*time.Second {
		t.Errorf("it ended after %s", took)
	}
}

// TestForegroundAskedTwice: the same request twice at once is one; a later one kills.
func TestForegroundAskedTwice(t *testing.T) {
	leak.Check(t)
	m, ready := asleep(t, "trap '' TERM", time.Hour)
	var asked time.Time
	afterStart(t, ready, func() {
		asked = time.Now()
		send(t, unix.SIGTERM)
		time.Sleep(10 * time.Millisecond)
		send(t, unix.SIGTERM)
		time.Sleep(echo + 50*time.Millisecond)
		send(t, unix.SIGTERM)
	})
	exit, err := hostOf(t, linux.New()).Run(Foreground{Module: &m})
	if err != nil || exit.Status != int(unix.SIGKILL) {
		t.Errorf("%+v, %v", exit, err)
	}
	if took := time.Since(asked); took < echo {
		t.Errorf("the echo killed it, after %s", took)
	}
}

// TestForegroundInterruptIsTheCommandsOwn: an interactive program takes SIGINT for its own purposes, as often as it comes.
func TestForegroundInterruptIsTheCommandsOwn(t *testing.T) {
	leak.Check(t)
	answers := t.TempDir() + "/"
	m, ready := asleep(t, "n=0; trap 'n=$((n+1)); : > "+answers+"$n; [ $n = 3 ] && exit 5' INT", time.Millisecond)
	afterStart(t, ready, func() {
		for n := range 3 {
			send(t, unix.SIGINT) // one that comes before the one before is taken is the same
			answered := func() bool { _, err := os.Stat(answers + strconv.Itoa(n+1)); return err == nil }
			for deadline := time.Now().Add(5 * time.Second); !answered() && time.Now().Before(deadline); {
				time.Sleep(time.Millisecond)
			}
			if !answered() {
				t.Errorf("SIGINT %d does not reach the command", n+1)
				send(t, unix.SIGTERM)
				return
			}
		}
	})
	exit, err := hostOf(t, linux.New()).Run(Foreground{Module: &m})
	if err != nil || exit.Code != posix.CldExited || exit.Status != 5 {
		t.Errorf("%+v, %v", exit, err)
	}
}
