package leak

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Stock is what there is at one moment.
type Stock struct {
	open       map[string]string // descriptors and what they stand for
	goroutines map[string]string // stacks of ours, by number
}

// moment is how long what ends may take, on a machine that has other things to do.
const moment = 5 * time.Second

// Take looks at what there is. Go's own poller is made first, so that it does not count as left behind by who needs it first.
func Take() Stock {
	if r, w, err := os.Pipe(); err == nil {
		_, _ = r.Close(), w.Close()
	}
	return Stock{descriptors(), goroutines()}
}

// Left says, a line each, what is there that was not there before; dead children that nobody has waited for are there. "" is nothing.
func (s Stock) Left() string {
	for deadline := time.Now().Add(moment); ; time.Sleep(2 * time.Millisecond) {
		if left := s.LeftNow(); left == "" || time.Now().After(deadline) {
			return left
		}
	}
}

// LeftNow is Left without patience.
func (s Stock) LeftNow() string {
	var b strings.Builder
	open := descriptors()
	for _, fd := range slices.Sorted(maps.Keys(open)) {
		if s.open[fd] != open[fd] {
			fmt.Fprintf(&b, "left open: descriptor %s, %s\n", fd, open[fd])
		}
	}
	err := unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT|unix.WALL, nil)
	if !errors.Is(err, unix.ECHILD) {
		fmt.Fprintf(&b, "a child is left: waitid says %v\n", err)
	}
	running := goroutines()
	for _, id := range slices.Sorted(maps.Keys(running)) {
		if _, before := s.goroutines[id]; !before {
			fmt.Fprintf(&b, "left running: %s\n", running[id])
		}
	}
	return b.String()
}

// descriptors returns what the open ones stand for, without the one that lists them.
func descriptors() map[string]string {
	open := map[string]string{}
	names, _ := filepath.Glob("/proc/self/fd/*")
	for _, name := range names {
		if target, err := os.Readlink(name); err == nil {
			open[filepath.Base(name)] = target
		}
	}
	return open
}

// ours begins the names of this repository's functions.
const ours = "github.com/bulkhead/bulkhead/"

// goroutines returns the stacks of those of ours that run no tests.
func goroutines() map[string]string {
	stacks := make([]byte, 64<<10)
	for n := runtime.Stack(stacks, true); ; n = runtime.Stack(stacks, true) {
		if n < len(stacks) {
			stacks = stacks[:n]
			break
		}
		stacks = make([]byte, 2*len(stacks))
	}
	out := map[string]string{}
	for stack := range strings.SplitSeq(string(stacks), "\n\n") {
		if strings.Contains(stack, "\nruntime.goexit1(") {
			continue // it has run to its end, and only its stack is still there
		}
		if strings.Contains(stack, ours) && !strings.Contains(stack, "testing.tRunner(") && !strings.Contains(stack, "testing.(*M).Run") &&
			!strings.Contains(stack, ours+"tests/leak.goroutines(") {
			id, _, _ := strings.Cut(strings.TrimPrefix(stack, "goroutine "), " ")
			out[id] = stack
		}
	}
	return out
}

// Check fails a test that leaves something behind. What the test undoes by Cleanup is undone before when Check was called first.
func Check(t testing.TB) {
	t.Helper()
	before := Take()
	t.Cleanup(func() {
		if left := before.Left(); left != "" {
			t.Error(left)
		}
	})
}

// Main runs the tests of a package and returns the exit status, which is not 0 when they leave something behind.
func Main(m interface{ Run() int }) int {
	before := Take()
	status := m.Run()
	if status != 0 {
		return status
	}
	if left := before.Left(); left != "" {
		fmt.Fprint(os.Stderr, left)
		return 1
	}
	return 0
}
