package compile

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/bulkhead/bulkhead/tests/leak"
)

// TestOwnProgramIsReplaced: a supervisor whose file an upgrade has replaced, or removed, still compiles, and with its own image.
func TestOwnProgramIsReplaced(t *testing.T) {
	for name, replace := range map[string]func(path string) error{
		"replaced": func(path string) error {
			if err := os.WriteFile(path+".new", []byte("#!/bin/false\n"), 0o755); err != nil {
				return err
			}
			return os.Rename(path+".new", path)
		},
		"removed": os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			k, l, facts := setUp(t)
			before := leak.Take()
			running := filepath.Join(t.TempDir(), "supervisor")
			image, err := os.ReadFile(supervisor)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(running, image, 0o755); err != nil {
				t.Fatal(err)
			}
			// It waits for a request, and ends when there will be none.
			wait, end, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(running, Role)
			cmd.ExtraFiles = []*os.File{wait}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if err := replace(running); err != nil {
				t.Error(err)
			}
			own := fmt.Sprintf("/proc/%d/exe", cmd.Process.Pid)
			if target, err := os.Readlink(own); err != nil || target != running+" (deleted)" {
				t.Errorf("it runs %s (%v), which is not replaced", target, err)
			}
			request := Request{Sources: []Source{{Name: "web.yaml", Dir: "/etc", Text: []byte(small)}}, Facts: facts}
			plan, _, err := tool{own, Timeout}.run(k, l, request)
			if err != nil || len(plan.Modules) != 1 {
				t.Errorf("%d modules, %v\n%s", len(plan.Modules), err, plan.Rendered)
			}
			if err := end.Close(); err != nil {
				t.Error(err)
			}
			if err := wait.Close(); err != nil {
				t.Error(err)
			}
			if err := cmd.Wait(); err == nil {
				t.Error("a compile process without a request ended well")
			}
			if left := before.Left(); left != "" {
				t.Error(left)
			}
		})
	}
}
