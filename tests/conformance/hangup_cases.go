package conformance

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// session starts a session with a terminal: a leader and a child of its own in its group. alive ends when both have ended.
func (t *T) session(slave posix.FD) (leader *Child, alive posix.FD) {
	t.Helper()
	alive, w := t.Pair(t.Core.Pipe2(unix.O_CLOEXEC))
	var b builder
	b.call(unix.SYS_SETSID)
	b.call(unix.SYS_IOCTL, posix.Arg{Value: uint64(slave)}, posix.Arg{Value: unix.TIOCSCTTY}, posix.Arg{})
	leader = t.spawnAfter(b, []posix.FD{w}, "spawn", t.helper, "3")
	t.Must("close", t.Core.Close(w))
	if n, err := t.Core.Read(alive, make([]byte, 1)); n != 1 || err != nil {
		t.Fatalf("the leader did not start its child: %d, %v", n, err)
	}
	return leader, alive
}

// over waits for the end of all that have the other end of a pipe.
func (t *T) over(alive posix.FD) {
	t.Helper()
	fds := []posix.PollFD{{FD: alive, Events: unix.POLLIN}}
	err := error(unix.EINTR)
	for err == unix.EINTR { // a leader that ends is told to somebody
		_, err = t.Core.Ppoll(fds, &posix.Timespec{Sec: 20})
	}
	if err != nil || fds[0].Revents&unix.POLLHUP == 0 {
		t.Errorf("the child of the leader lives: %#x, %v", fds[0].Revents, err)
	}
}

func hangupCases() []Case {
	return []Case{
		{Op: posix.OpPosixOpenpt, Name: "closing it hangs up on its session", Run: func(t *T) {
			master, slave := t.terminal()
			leader, alive := t.session(slave)
			t.Must("close", t.Core.Close(master))
			info := leader.Wait()
			t.Equal("code", info.Code, posix.CldKilled)
			t.Equal("signal", info.Status, int(unix.SIGHUP))
			t.over(alive)
		}},
		{Op: posix.OpPosixOpenpt, Name: "the end of the leader hangs up on the others", Run: func(t *T) {
			_, slave := t.terminal()
			leader, alive := t.session(slave)
			t.Must("kill", t.Core.PidfdSendSignal(leader.Pidfd, unix.SIGKILL))
			leader.Wait()
			t.over(alive)
			again, aliveToo := t.session(slave) // it is nobody's now
			t.Must("kill", t.Core.PidfdSendSignal(again.Pidfd, unix.SIGTERM))
			t.over(aliveToo)
		}},
		{Op: posix.OpSetsid, Name: "a terminal that is opened so that it is not taken", Alone: true, Run: func(t *T) {
			master := t.FD(t.Core.PosixOpenpt(ptyFlags))
			t.Must("unlock", t.Core.Unlockpt(master))
			tty := func() error {
				fd, err := t.Core.Openat2(posix.AtFDCWD, "/dev/tty", posix.OpenHow{Flags: unix.O_RDWR | unix.O_NOCTTY | unix.O_CLOEXEC})
				if err == nil {
					_ = t.Core.Close(fd)
				}
				return err
			}
			_, err := t.Core.Setsid()
			t.Must("setsid", err)
			t.Errno("none yet", tty(), unix.ENXIO)
			t.FD(t.Core.OpenPeer(master, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC))
			t.Errno("not with O_NOCTTY", tty(), unix.ENXIO)
			t.FD(t.Core.OpenPeer(master, unix.O_WRONLY|unix.O_CLOEXEC))
			t.Errno("not for writing only", tty(), unix.ENXIO)
		}},
	}
}
