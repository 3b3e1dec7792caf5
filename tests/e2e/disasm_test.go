package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestDisasmOfProcess reads the filter of a module that runs, and compares it with its policy and with another one.
func TestDisasmOfProcess(t *testing.T) {
	t.Parallel()
	file := policy(t, "", module{command: []string{"/bin/sleep", "1000"}, files: []string{"{path: /usr, access: rx}",
		"{path: /bin, access: rx}", "{path: /lib, access: rx}", "{path: /lib64, access: rx, if_exists: true}"}, deny: []string{"execve", "execveat"}})
	p := supervisor(t, "exec", "--policy", file)
	p.start(t)
	t.Cleanup(func() {
		p.signal(t, syscall.SIGTERM) // killed, it would leave its control group
		p.ended(t)
	})
	pid := childOf(t, p.Process.Pid, "sleep")

	r := supervisor(t, "policy", "disasm", "--pid", pid, "--policy", file).run(t)
	if !dumps(t) {
		r.wants(t, 1, "read the filters of process "+pid)
		return
	}
	r.wants(t, 0)
	for _, want := range []string{"process " + pid + " (sleep): filter 1 of 1", "it answers every call as " + file + ", module", "the one exec that starts the command",
		"; allow", file + ":"} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("%q is not in\n%s", want, r.stdout)
		}
	}
	other := supervisor(t, "policy", "disasm", "--pid", pid, "--policy", shipped("nginx")).run(t)
	other.wants(t, 1)
	if !strings.Contains(other.stdout, "it is not the filter of") || !strings.Contains(other.stdout, "the policy says errno EPERM, the filter allow") {
		t.Error(other.stdout)
	}
	if status, err := os.ReadFile("/proc/" + pid + "/status"); err != nil || !strings.Contains(string(status), "\nTracerPid:\t0\n") {
		t.Errorf("it is not as it was: %v\n%s", err, status)
	}
}

// dumps tells whether the kernel shows filters to this process: that of a process that has none is no error then but that it has none.
func dumps(t *testing.T) bool {
	t.Helper()
	r := supervisor(t, "policy", "disasm", "--pid", fmt.Sprint(os.Getpid())).run(t)
	return os.Geteuid() == 0 && strings.Contains(r.stderr, "it has no seccomp filter")
}

// childOf waits for a child of a process that has executed a program, and returns its number.
func childOf(t *testing.T, parent int, comm string) string {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", parent))
		if err != nil {
			t.Fatal(err)
		}
		for _, thread := range threads {
			children, err := os.ReadFile(thread)
			if err != nil {
				continue // the thread has ended
			}
			for _, pid := range strings.Fields(string(children)) {
				if name, err := os.ReadFile("/proc/" + pid + "/comm"); err == nil && string(name) == comm+"\n" {
					return pid
				}
			}
		}
	}
	t.Fatalf("no child %s", comm)
	return ""
}
