package compile

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// supervisor is the static binary that has the role of the compile process. This test binary cannot have it: the dynamic loader
// would not find the C library in there.
var supervisor string

func TestMain(m *testing.M) {
	status, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "compile:", err)
		status = 1
	}
	os.Exit(status)
}

// run fails when the tests leave a descriptor or a process behind.
func run(m *testing.M) (status int, err error) {
	dir, err := os.MkdirTemp("", "bulkhead-compile-")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if supervisor = os.Getenv("BULKHEAD_BIN"); supervisor == "" {
		supervisor = filepath.Join(dir, "supervisor")
		cmd := exec.Command("go", "build", "-tags", "netgo osusergo", "-ldflags", `-s -w -linkmode external -extldflags "-static"`, "-o", supervisor, "../../cmd/supervisor")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
		if text, err := cmd.CombinedOutput(); err != nil {
			return 1, fmt.Errorf("build the supervisor: %w\n%s", err, text)
		}
	}
	if supervisor, err = filepath.EvalSymlinks(supervisor); err != nil {
		return 1, err
	}
	if supervisor, err = filepath.Abs(supervisor); err != nil {
		return 1, err
	}
	before := descriptors()
	if status = m.Run(); status != 0 {
		return status, nil
	}
	if left := leaked(before); left != "" {
		return 1, errors.New(left)
	}
	return 0, nil
}

// descriptors returns what the open descriptors stand for, but those of Go's own poller.
func descriptors() map[string]string {
	open := map[string]string{}
	names, _ := filepath.Glob("/proc/self/fd/*")
	for _, name := range names {
		target, err := os.Readlink(name)
		if err == nil && !strings.HasPrefix(target, "anon_inode:[event") {
			open[filepath.Base(name)] = target
		}
	}
	return open
}

// leaked says what is there that was not there before. What another thread is about to close gets a moment.
func leaked(before map[string]string) string {
	var left string
	for deadline := time.Now().Add(2 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		left = ""
		for fd, target := range descriptors() {
			if before[fd] != target {
				left += fmt.Sprintf("left open: descriptor %s, %s\n", fd, target)
			}
		}
		if left == "" || time.Now().After(deadline) {
			break
		}
	}
	if err := unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil); !errors.Is(err, unix.ECHILD) {
		left += fmt.Sprintf("a child is left: waitid says %v\n", err)
	}
	return left
}
