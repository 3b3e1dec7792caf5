package kernel_test

import (
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
)

// The codes of SIGCHLD that posix has no names for. Source: sigaction(2).
const (
	cldStopped   = 5
	cldContinued = 6
)

// forever waits until a signal ends the process.
func forever(p *kernel.Process) {
	for {
		_, _ = p.Ppoll(nil, nil)
	}
}

func TestStopAndContinue(t *testing.T) {
	k := machine(t, kernel.Config{})
	init := k.Init()
	var told []posix.SignalInfo
	must(t, "sigaction", init.Sigaction(unix.SIGCHLD, kernel.Action{Restart: true, Handler: func(i posix.SignalInfo) { told = append(told, i) }}))
	ticks := 0
	pid := fork(t, init, func(p *kernel.Process) {
		for {
			_ = sleep(p, time.Second)
			ticks++
		}
	})
	news := func(options int) (info posix.WaitInfo) {
		must(t, "waitid", init.Waitid(posix.PPid, int(pid), &info, options|unix.WNOHANG))
		return info
	}
	k.Advance(3*time.Second + 1)
	if ticks != 3 {
		t.Fatalf("%d ticks in 3 s", ticks)
	}
	must(t, "stop", init.Kill(pid, unix.SIGSTOP))
	k.Advance(5 * time.Second)
	if ticks != 3 {
		t.Errorf("%d ticks of a process that is stopped", ticks)
	}
	if got := news(unix.WEXITED); got.PID != 0 {
		t.Errorf("a stop is told as an end: %+v", got)
	}
	want := posix.WaitInfo{PID: pid, Code: cldStopped, Status: int(unix.SIGSTOP)}
	if got := news(unix.WSTOPPED | unix.WNOWAIT); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := news(unix.WSTOPPED); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := news(unix.WSTOPPED); got.PID != 0 {
		t.Errorf("told twice: %+v", got)
	}
	must(t, "continue", init.Kill(pid, unix.SIGCONT))
	k.Advance(2 * time.Second)
	if ticks < 4 {
		t.Errorf("%d ticks after SIGCONT", ticks)
	}
	if got, want := news(unix.WCONTINUED), (posix.WaitInfo{PID: pid, Code: cldContinued, Status: int(unix.SIGCONT)}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	must(t, "stop", init.Kill(pid, unix.SIGSTOP))
	k.Settle() // of two that are pending, SIGTERM comes first
	must(t, "kill", init.Kill(pid, unix.SIGTERM))
	k.Settle()
	if got := news(unix.WEXITED); got.PID != 0 {
		t.Errorf("SIGTERM ended a process that is stopped: %+v", got)
	}
	must(t, "continue", init.Kill(pid, unix.SIGKILL))
	k.Settle()
	if got, want := news(unix.WEXITED), (posix.WaitInfo{PID: pid, Code: posix.CldKilled, Status: int(unix.SIGKILL)}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	init.Getpid()
	var codes []int
	for _, i := range told {
		if i.Signal != unix.SIGCHLD || i.PID != pid {
			t.Errorf("told %+v", i)
		}
		codes = append(codes, i.Code)
	}
	if !slices.Equal(codes, []int{cldStopped, cldContinued, cldStopped, posix.CldKilled}) {
		t.Errorf("SIGCHLD came with codes %v", codes)
	}
}

// A group that is stopped and becomes an orphan is hung up on, and one that is an orphan is not stopped from the keyboard. Source: setpgid(2), POSIX.1 3.250.
func TestOrphanedGroups(t *testing.T) {
	k := machine(t, kernel.Config{})
	init := k.Init()
	var member posix.PID
	leader := fork(t, init, func(p *kernel.Process) {
		_, err := p.Setsid()
		must(t, "setsid", err)
		member = fork(t, p, func(p *kernel.Process) {
			must(t, "setpgid", p.Setpgid(0, 0))
			forever(p)
		})
		forever(p)
	})
	k.Settle()
	must(t, "stop", init.Kill(member, unix.SIGTSTP))
	k.Settle()
	must(t, "kill", init.Kill(leader, unix.SIGKILL))
	reap(t, init, leader)
	if got, want := reap(t, init, member), (posix.WaitInfo{PID: member, Code: posix.CldKilled, Status: int(unix.SIGHUP)}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}

	orphan := fork(t, init, func(p *kernel.Process) {
		_, err := p.Setsid()
		must(t, "setsid", err)
		forever(p)
	})
	k.Settle()
	for _, sig := range []posix.Signal{unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU} {
		must(t, "stop", init.Kill(orphan, sig))
	}
	k.Settle()
	var info posix.WaitInfo
	must(t, "waitid", init.Waitid(posix.PPid, int(orphan), &info, unix.WSTOPPED|unix.WNOHANG))
	if info.PID != 0 {
		t.Errorf("an orphan was stopped: %+v", info)
	}
	must(t, "stop", init.Kill(orphan, unix.SIGSTOP))
	k.Settle()
	must(t, "waitid", init.Waitid(posix.PPid, int(orphan), &info, unix.WSTOPPED|unix.WNOHANG))
	if info.Status != int(unix.SIGSTOP) {
		t.Errorf("an orphan was not stopped by SIGSTOP: %+v", info)
	}
	must(t, "kill", init.Kill(orphan, unix.SIGKILL))
	reap(t, init, orphan)
}

func TestInterruptedAndRestarted(t *testing.T) {
	for _, restart := range []bool{false, true} {
		k := machine(t, kernel.Config{})
		init := k.Init()
		r, w, err := init.Pipe2(0)
		must(t, "pipe2", err)
		handled := 0
		var first error
		pid := fork(t, init, func(p *kernel.Process) {
			must(t, "sigaction", p.Sigaction(unix.SIGUSR1, kernel.Action{Restart: restart, Handler: func(posix.SignalInfo) { handled++ }}))
			_, first = p.Read(r, make([]byte, 1))
			if err := sleep(p, time.Hour); err != unix.EINTR { // never goes on
				t.Errorf("restart %v: sleep: %v, want EINTR", restart, err)
			}
			if _, err := p.Ppoll(nil, nil); err != unix.EINTR {
				t.Errorf("restart %v: ppoll: %v, want EINTR", restart, err)
			}
		})
		k.Settle()
		must(t, "kill", init.Kill(pid, unix.SIGUSR1))
		k.Settle()
		_, err = init.Write(w, []byte{1})
		must(t, "write", err)
		for range 2 {
			k.Settle()
			must(t, "kill", init.Kill(pid, unix.SIGUSR1))
		}
		if info := reap(t, init, pid); info.Code != posix.CldExited || handled != 3 {
			t.Errorf("restart %v: %+v, %d signals handled, want 3", restart, info, handled)
		}
		if restart && first != nil || !restart && first != unix.EINTR {
			t.Errorf("restart %v: read: %v", restart, first)
		}
		must(t, "close", init.Close(r))
		must(t, "close", init.Close(w))
	}
}
