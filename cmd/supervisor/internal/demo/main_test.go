package demo

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The attempts change what a test must not change, so they are made in processes of their own: the test binary started again
// with a role in its environment.
const roleVariable, scratchVariable = "BULKHEAD_DEMO_TEST_ROLE", "BULKHEAD_DEMO_TEST_SCRATCH"

func TestMain(m *testing.M) {
	role := os.Getenv(roleVariable)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := play(role); err != nil {
		fmt.Fprintln(os.Stderr, role+":", err)
		os.Exit(1)
	}
}

// play plays a role of a child.
func play(role string) error {
	switch role {
	case "parent": // process 1 of a pid namespace, for its child to try things on
		if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
			return fmt.Errorf("mount a proc of the namespace: %w", err)
		}
		cmd := child("look", os.Getenv(scratchVariable))
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		return cmd.Run()
	case "grouped": // somebody with a group that the user namespace of the next one does not map
		cmd := child("parent", os.Getenv(scratchVariable))
		inNamespaces(cmd)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		return cmd.Run()
	case "confine":
		runtime.LockOSThread()
		if err := confineThread(); err != nil {
			return err
		}
		if err := os.Setenv(roleVariable, "look"); err != nil {
			return err
		}
		return syscall.Exec("/proc/self/exe", os.Args, os.Environ())
	case "look":
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer l.Close()
		raw, err := l.(*net.TCPListener).SyscallConn()
		if err != nil {
			return err
		}
		fd := -1
		if err := raw.Control(func(n uintptr) { fd = int(n) }); err != nil {
			return err
		}
		g := ground{scratch: os.Getenv(scratchVariable), program: "/proc/self/exe", listener: fd}
		return json.NewEncoder(os.Stdout).Encode([]Confinement{look(g, time.Now()), look(g, time.Now())})
	}
	return fmt.Errorf("no such role")
}

func child(role, scratch string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, roleVariable) && !strings.HasPrefix(v, scratchVariable) {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, roleVariable+"="+role, scratchVariable+"="+scratch)
	return cmd
}

// lookTwice runs a child and returns what it saw, twice in a row.
func lookTwice(t *testing.T, cmd *exec.Cmd) (first, second Confinement) {
	t.Helper()
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the child ended with %v: %s", err, stderr.String())
	}
	var both []Confinement
	if err := json.Unmarshal(out, &both); err != nil || len(both) != 2 {
		t.Fatalf("the child wrote %q: %v", out, err)
	}
	return both[0], both[1]
}

// confineThread denies the thread what deniedCalls lists, with a filter, and devices with Landlock.
func confineThread() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	if err := denyDevices(); err != nil {
		return fmt.Errorf("landlock: %w", err)
	}
	return loadFilter(deniedCalls)
}
