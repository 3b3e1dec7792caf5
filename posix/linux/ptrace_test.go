package linux

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// state is the state of a process in /proc/PID/stat, and who traces it.
func state(t *testing.T, pid int) (string, string) {
	t.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	find := func(key string) string {
		_, rest, _ := strings.Cut(string(text), "\n"+key+":\t")
		value, _, _ := strings.Cut(rest, "\n")
		return value
	}
	return find("State")[:1], find("TracerPid")
}

// TestSeccompGetFilterLeavesNothing: a process is as it was afterwards, be it asleep or stopped, also when the answer is an error.
func TestSeccompGetFilterLeavesNothing(t *testing.T) {
	k := New()
	for _, stop := range []bool{false, true} {
		c := exec.Command("sleep", "1000")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
		pid, want := c.Process.Pid, "S"
		if stop {
			want = "T"
			if err := unix.Kill(pid, unix.SIGSTOP); err != nil {
				t.Fatal(err)
			}
		}
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
			if s, _ := state(t, pid); s == want || time.Now().After(deadline) {
				break
			}
		}
		_, err := k.SeccompGetFilter(posix.PID(pid), 0, nil)
		want0 := unix.EINVAL // sleep has no filter
		if own, err := os.ReadFile("/proc/self/status"); err != nil || !strings.Contains(string(own), "\nSeccomp:\t0\n") || !mayDump(t) {
			want0 = unix.EACCES // CAP_SYS_ADMIN, or a filter that this process has, is asked about first
		}
		if !errors.Is(err, want0) {
			t.Errorf("%v; want %v", err, want0)
		}
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
			s, tracer := state(t, pid)
			if s == want && tracer == "0" {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("stopped %t: state %s, traced by %s", stop, s, tracer)
			}
		}
	}
}

// mayDump tells whether this process has CAP_SYS_ADMIN in the initial user namespace.
func mayDump(t *testing.T) bool {
	t.Helper()
	users, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(string(users)), " ") == "0 0 4294967295" && capable(t, unix.CAP_SYS_ADMIN)
}

// TestSeccompGetFilterOfTraced: nobody takes a process away from its tracer.
func TestSeccompGetFilterOfTraced(t *testing.T) {
	done := make(chan struct{})
	ready := make(chan int)
	c := exec.Command("sleep", "1000")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	go func() {
		runtime.LockOSThread() // and never unlocked, as where it is used
		_, err := traced(c.Process.Pid, func() (int, unix.Errno) { ready <- c.Process.Pid; <-done; return 7, 0 })
		if err != nil {
			t.Error(err)
		}
		close(ready)
	}()
	pid, ok := <-ready
	if !ok {
		t.Fatal("it cannot be traced")
	}
	if _, err := New().SeccompGetFilter(posix.PID(pid), 0, nil); !errors.Is(err, unix.EPERM) {
		t.Errorf("%v; want EPERM", err)
	}
	close(done)
	<-ready
}
