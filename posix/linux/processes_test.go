package linux

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// child starts a process that waits for its standard input to end.
func child(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	in, err := cmd.StdinPipe()
	must(t, "make a pipe", err)
	must(t, "start "+args[0], cmd.Start())
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait() // it may have been reaped, and then its pidfd is still to be given back
		_ = cmd.Process.Release()
	})
	return cmd
}

func TestWaitid(t *testing.T) {
	k := New()
	for _, tt := range []struct {
		name         string
		args         []string
		signal       posix.Signal
		code, status int
	}{
		{"exits", []string{"sh", "-c", "exit 7"}, 0, posix.CldExited, 7},
		{"is killed", []string{"cat"}, unix.SIGKILL, posix.CldKilled, int(unix.SIGKILL)},
		{"is terminated", []string{"cat"}, unix.SIGTERM, posix.CldKilled, int(unix.SIGTERM)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cmd := child(t, tt.args...)
			pid := posix.PID(cmd.Process.Pid)
			pidfd, err := k.PidfdOpen(pid, 0)
			closing(t, pidfd, err)
			if tt.signal != 0 {
				var none posix.WaitInfo
				check(t, "still running", k.Waitid(posix.PPid, int(pid), &none, unix.WEXITED|unix.WNOHANG), 0)
				if none != (posix.WaitInfo{}) {
					t.Errorf("a running child gave %+v", none)
				}
				check(t, "PidfdSendSignal", k.PidfdSendSignal(pidfd, tt.signal), 0)
			}
			want := posix.WaitInfo{PID: pid, UID: k.Getuid(), Code: tt.code, Status: tt.status}
			var seen, info posix.WaitInfo
			check(t, "look", k.Waitid(posix.PPidfd, int(pidfd), &seen, unix.WEXITED|unix.WNOWAIT), 0)
			check(t, "reap", k.Waitid(posix.PPidfd, int(pidfd), &info, unix.WEXITED), 0)
			if seen != want || info != want {
				t.Errorf("saw %+v, reaped %+v, want %+v", seen, info, want)
			}
			check(t, "reap again", k.Waitid(posix.PPid, int(pid), &info, unix.WEXITED), unix.ECHILD)
			check(t, "signal a reaped one", k.PidfdSendSignal(pidfd, unix.SIGTERM), unix.ESRCH)
		})
	}
	var info posix.WaitInfo
	check(t, "no options", k.Waitid(posix.PAll, 0, &info, 0), unix.EINVAL)
	check(t, "no pidfd", k.Waitid(posix.PPidfd, -1, &info, unix.WEXITED), unix.EINVAL)
}

func TestPidfdOpen(t *testing.T) {
	k := New()
	fd, err := k.PidfdOpen(k.Getpid(), 0)
	closing(t, fd, err)
	check(t, "the null signal", k.PidfdSendSignal(fd, 0), 0)
	check(t, "an unknown signal", k.PidfdSendSignal(fd, 999), unix.EINVAL)
	check(t, "to nothing", k.PidfdSendSignal(-1, 0), unix.EBADF)
	check(t, "to a file", k.PidfdSendSignal(tempFile(t, tempDir(t), "file", ""), 0), unix.EBADF)
	for _, tt := range []struct {
		name  string
		pid   posix.PID
		flags int
		want  posix.Errno
	}{{"nobody", 1<<22 + 1, 0, unix.ESRCH}, {"negative", -1, 0, unix.EINVAL}, {"unknown flags", 1, 1 << 30, unix.EINVAL}} {
		fd, err := k.PidfdOpen(tt.pid, tt.flags)
		check(t, tt.name, err, tt.want)
		if fd != -1 {
			t.Errorf("%s: descriptor %d with an error, want -1", tt.name, fd)
		}
	}
}

func TestKill(t *testing.T) {
	k := New()
	check(t, "ourselves", k.Kill(k.Getpid(), 0), 0)
	check(t, "nobody", k.Kill(1<<22+1, 0), unix.ESRCH)
	check(t, "an unknown signal", k.Kill(k.Getpid(), 999), unix.EINVAL)
	want := posix.Errno(unix.EPERM)
	if capable(t, unix.CAP_KILL) {
		want = 0
	}
	check(t, "process 1", k.Kill(1, 0), want)

	cmd := child(t, "cat")
	check(t, "a child", k.Kill(posix.PID(cmd.Process.Pid), unix.SIGTERM), 0)
	var info posix.WaitInfo
	must(t, "Waitid", k.Waitid(posix.PPid, cmd.Process.Pid, &info, unix.WEXITED))
	if info.Status != int(unix.SIGTERM) {
		t.Errorf("ended with %+v", info)
	}
}

func TestGetpid(t *testing.T) {
	k := New()
	text, err := os.ReadFile("/proc/self/stat")
	must(t, "read stat", err)
	pid, _, _ := strings.Cut(string(text), " ")
	if strconv.Itoa(int(k.Getpid())) != pid {
		t.Errorf("Getpid is %d, /proc says %s", k.Getpid(), pid)
	}
	after := strings.Fields(string(text)[strings.LastIndex(string(text), ")")+1:])
	if strconv.Itoa(int(k.Getppid())) != after[1] {
		t.Errorf("Getppid is %d, /proc says %s", k.Getppid(), after[1])
	}
}
