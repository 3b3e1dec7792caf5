package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCasesAreCounted(t *testing.T) {
	dir := t.TempDir()
	if count, err := cases(dir); count != nil || err != nil {
		t.Fatalf("no suite: %v, %v, and it is not missed", count, err)
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("a_cases.go", "package c\nvar a = []Case{{Op: posix.OpRead, Name: \"one\"}, {Op: posix.OpRead}, {Op: posix.OpRead}, {Op: posix.OpDup3}}\n")
	write("b_cases.go", "package c\nvar b = []Case{{Op: posix.OpDup3, Name: \"Op: posix.OpDup3\"}}\n")
	write("other.go", "package c\nvar c = Case{Op: posix.OpDup3}\n")
	count, err := cases(dir)
	if err != nil || count["Read"] != 3 || count["Dup3"] != 2 {
		t.Fatalf("%v, %v, want 3 of Read and 2 of Dup3", count, err)
	}
	p := &Package{Methods: []Method{{Name: "Read"}, {Name: "Dup3"}, {Name: "Close"}}}
	if err := untested(p, count); err == nil || !strings.HasSuffix(err.Error(), ": Close (0), Dup3 (2)") {
		t.Errorf("%v", err)
	}
	if err := untested(&Package{Methods: p.Methods[:1]}, count); err != nil {
		t.Errorf("all have enough: %v", err)
	}
	write("c_cases.go", "package c\nfunc {")
	if _, err := cases(dir); err == nil || !strings.Contains(err.Error(), "c_cases.go:2:") {
		t.Errorf("a file that does not parse: %v", err)
	}
}
