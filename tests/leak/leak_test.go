package leak

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestLeft(t *testing.T) {
	for name, tt := range map[string]struct {
		leave func(t *testing.T) (undo func())
		want  string
	}{
		"nothing": {func(*testing.T) func() { return func() {} }, ""},
		"a descriptor": {func(t *testing.T) func() {
			f, err := os.Open("/dev/null")
			if err != nil {
				t.Fatal(err)
			}
			return func() { _ = f.Close() }
		}, "/dev/null"},
		"a child": {func(t *testing.T) func() {
			cmd := exec.Command("/bin/true")
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			return func() { _ = cmd.Wait() }
		}, "a child is left: waitid says"},
		"a goroutine": {func(*testing.T) func() {
			end := make(chan struct{})
			go wait(end)
			return func() { close(end) }
		}, "left running: "},
	} {
		t.Run(name, func(t *testing.T) {
			before := Take()
			undo := tt.leave(t)
			left := before.LeftNow()
			undo()
			if !strings.Contains(left, tt.want) || (left == "") != (tt.want == "") {
				t.Errorf("%q, want %q", left, tt.want)
			}
			if left := before.Left(); left != "" {
				t.Errorf("afterwards: %s", left)
			}
		})
	}
}

func wait(end chan struct{}) { <-end }

// tests is a package's tests.
type tests func() int

func (f tests) Run() int { return f() }

func TestMainOf(t *testing.T) {
	if got := Main(tests(func() int { return 0 })); got != 0 {
		t.Errorf("status %d", got)
	}
	if got := Main(tests(func() int { return 3 })); got != 3 {
		t.Errorf("status %d of tests that failed with 3", got)
	}
}
