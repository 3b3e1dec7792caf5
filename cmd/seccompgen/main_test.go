package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTablesAreUpToDate generates from what is committed and compares with what is committed; then it plants a change in each
// file and demands that it is found.
func TestTablesAreUpToDate(t *testing.T) {
	t.Chdir("../../sandbox/seccomp")
	var report strings.Builder
	if err := run(true, false, &report); err != nil {
		t.Fatal(err)
	}
	files, missing, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 4 {
		t.Fatalf("%d files", len(files))
	}
	for _, name := range missing {
		if name == "read" || name == "openat2" {
			t.Errorf("%s is said to be missing", name)
		}
	}

	t.Chdir(t.TempDir())
	for _, f := range files {
		if err := os.WriteFile(f.name, f.text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := compare(files); err != nil {
		t.Errorf("the same files: %v", err)
	}
	for _, f := range files {
		changed := string(f.text) + "// changed\n"
		if err := os.WriteFile(f.name, []byte(changed), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := compare(files); err == nil || !strings.Contains(err.Error(), filepath.Base(f.name)) {
			t.Errorf("%s was changed, and compare says %v", f.name, err)
		}
		if err := os.Remove(f.name); err != nil {
			t.Fatal(err)
		}
		if err := compare(files); err == nil {
			t.Errorf("%s is gone, and nobody noticed", f.name)
		}
		if err := os.WriteFile(f.name, f.text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
