package kernel_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
)

// openTTY tells whether the process has a controlling terminal.
func openTTY(p *kernel.Process) error {
	fd, err := p.Openat2(posix.AtFDCWD, "/dev/tty", posix.OpenHow{Flags: unix.O_RDWR | unix.O_NOCTTY})
	if err == nil {
		err = p.Close(fd)
	}
	return err
}

func TestSessionLeaderTakesTheTerminalThatItOpens(t *testing.T) {
	init := machine(t, kernel.Config{}).Init()
	pid := fork(t, init, func(p *kernel.Process) {
		master, err := p.PosixOpenpt(unix.O_RDWR | unix.O_NOCTTY)
		must(t, "openpt", err)
		must(t, "unlock", p.Unlockpt(master))
		_, err = p.Setsid()
		must(t, "setsid", err)
		_, err = p.OpenPeer(master, unix.O_RDONLY)
		must(t, "open", err)
		must(t, "a session leader opens /dev/tty", openTTY(p))
		child := fork(t, p, func(p *kernel.Process) {
			must(t, "a child opens /dev/tty", openTTY(p))
			_, err = p.Setsid()
			must(t, "setsid", err)
			if err := openTTY(p); err != unix.ENXIO {
				t.Errorf("in a session of its own: %v, want ENXIO", err)
			}
		})
		reap(t, p, child)
		var heard []posix.Signal
		for _, sig := range []posix.Signal{unix.SIGHUP, unix.SIGCONT} {
			must(t, "sigaction", p.Sigaction(sig, kernel.Action{Handler: func(i posix.SignalInfo) { heard = append(heard, i.Signal) }}))
		}
		member := fork(t, p, func(p *kernel.Process) {
			must(t, "sigaction", p.Sigaction(unix.SIGHUP, kernel.Action{}))
			must(t, "close", p.Close(master))
			_, _ = p.Ppoll(nil, nil)
		})
		_ = sleep(p, 1) // the member closes its copy
		must(t, "close", p.Close(master))
		_ = sleep(p, 1)
		if len(heard) != 2 || heard[0] != unix.SIGHUP || heard[1] != unix.SIGCONT {
			t.Errorf("the leader heard %v, want SIGHUP and SIGCONT", heard)
		}
		if err := p.Kill(member, 0); err != nil {
			t.Errorf("the member of the foreground has ended before its leader: %v", err)
		}
		if err := openTTY(p); err != unix.ENXIO {
			t.Errorf("/dev/tty after the end of the terminal: %v, want ENXIO", err)
		}
	})
	reap(t, init, pid)
	var info posix.WaitInfo
	must(t, "the orphan", init.Waitid(posix.PAll, 0, &info, unix.WEXITED))
	if info.Code != posix.CldKilled || info.Status != int(unix.SIGHUP) {
		t.Errorf("the member ended with %+v, want SIGHUP", info)
	}
}

func TestPIDsAreUsedAgain(t *testing.T) {
	const highest = 12
	init := machine(t, kernel.Config{MaxPID: highest}).Init()
	leave := func(*kernel.Process) {}
	group := fork(t, init, func(p *kernel.Process) { // 2 leads a group that outlives it, 3 is in it
		must(t, "setpgid", p.Setpgid(0, 0))
		fork(t, p, func(p *kernel.Process) { _, _ = p.Ppoll(nil, nil) })
	})
	reap(t, init, group)
	seen := map[posix.PID]int{}
	for range 100 {
		pid := fork(t, init, leave)
		pidfd, err := init.PidfdOpen(pid, 0)
		must(t, "pidfd_open", err)
		reap(t, init, pid)
		if err := init.PidfdSendSignal(pidfd, 0); err != unix.ESRCH {
			t.Fatalf("a pidfd of a process that has been reaped: %v, want ESRCH", err)
		}
		must(t, "close", init.Close(pidfd))
		seen[pid]++
	}
	if seen[group] != 0 || seen[1] != 0 {
		t.Errorf("process number %d, of a group, or 1 was given again: %v", group, seen)
	}
	for pid := posix.PID(4); pid <= highest-1; pid++ {
		if seen[pid] < 10 {
			t.Errorf("number %d was given %d times of 100: %v", pid, seen[pid], seen)
		}
	}
	// When the last of the group has gone, its number is free.
	must(t, "kill", init.Kill(-group, unix.SIGKILL))
	must(t, "waitid", init.Waitid(posix.PAll, 0, &posix.WaitInfo{}, unix.WEXITED))
	again := false
	for range 2 * highest {
		pid := fork(t, init, leave)
		again = again || pid == group
		reap(t, init, pid)
	}
	if !again {
		t.Errorf("number %d was not given again", group)
	}
}

func TestPIDsRunOut(t *testing.T) {
	init := machine(t, kernel.Config{MaxPID: 5}).Init()
	var made []posix.PID
	for {
		pid, err := init.Fork(func(*kernel.Process) {})
		if err != nil {
			if err != unix.EAGAIN {
				t.Errorf("fork: %v, want EAGAIN", err)
			}
			break
		}
		made = append(made, pid)
	}
	if len(made) == 0 || len(made) > 4 {
		t.Errorf("%d children with numbers up to 5", len(made))
	}
	for _, pid := range made {
		reap(t, init, pid)
	}
	reap(t, init, fork(t, init, func(*kernel.Process) {}))
}
