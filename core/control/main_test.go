package control

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestMain is also another user who asks, see askAs. It fails the run when a test leaves a descriptor or a goroutine behind.
func TestMain(m *testing.M) {
	if path := os.Getenv(askEnv); path != "" {
		os.Exit(askAndPrint(path))
	}
	before := descriptors()
	status := m.Run()
	http.DefaultClient.CloseIdleConnections()
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
		if err == nil && !(strings.HasPrefix(target, "anon_inode:[event") && len(name) < len("/proc/self/fd/00")) {
			open[filepath.Base(name)] = target
		}
	}
	return open
}

// leaked says what is there that was not there before.
func leaked(before map[string]string) string {
	var left string
	for deadline := time.Now().Add(3 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		left = ""
		for fd, target := range descriptors() {
			if before[fd] != target {
				left += fmt.Sprintf("left open: descriptor %s, %s\n", fd, target)
			}
		}
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		for g := range strings.SplitSeq(string(stacks), "\n\n") {
			// The goroutine that runs the tests, and those of the runtime and the standard library, are not ours.
			if strings.Contains(g, "core/control.") && !strings.Contains(g, "core/control.leaked") {
				left += "left running: " + g + "\n"
			}
		}
		if left == "" || time.Now().After(deadline) {
			return left
		}
	}
}
