package launch_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestMain fails the run when a test leaves a descriptor or a child behind.
func TestMain(m *testing.M) {
	if os.Getenv(socketHelper) != "" {
		useSockets()
		return
	}
	before := descriptors()
	status := m.Run()
	if left := leaked(before); left != "" && status == 0 {
		fmt.Fprint(os.Stderr, left)
		status = 1
	}
	os.Exit(status)
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

// leaked says what is there that was not there before: descriptors, and children, dead ones included.
func leaked(before map[string]string) string {
	var left string
	for deadline := time.Now().Add(2 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		left = leakedNow(before)
		if left == "" || time.Now().After(deadline) {
			return left
		}
	}
}

func leakedNow(before map[string]string) string {
	var left string
	for fd, target := range descriptors() {
		if before[fd] != target {
			left += fmt.Sprintf("left open: descriptor %s, %s\n", fd, target)
		}
	}
	if err := unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT|unix.WALL, nil); !errors.Is(err, unix.ECHILD) {
		left += fmt.Sprintf("a child is left: waitid says %v\n", err)
	}
	return left
}
