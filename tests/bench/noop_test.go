package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestNoop(t *testing.T) {
	program, err := noop()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "noop")
	if err := os.WriteFile(path, program, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(path).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("it ended with %v, and said %q", err, out)
	}
}
