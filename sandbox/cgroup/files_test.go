package cgroup

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/bulkhead/bulkhead/posix/linux"
)

func TestSubdirectories(t *testing.T) {
	dir := t.TempDir()
	var want []string
	for n := range 400 { // more than one buffer full
		name := "a-directory-with-a-rather-long-name-" + itoa(n)
		want = append(want, name)
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := subdirectories(linux.New(), dir)
	slices.Sort(got)
	slices.Sort(want)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%d of %d directories, %v", len(got), len(want), err)
	}
	if got, err := subdirectories(linux.New(), filepath.Join(dir, "none")); got != nil || err != nil {
		t.Errorf("of a directory that is gone: %q, %v", got, err)
	}
}

func TestReadCounts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "memory.events")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("low 0\nhigh 3\noom_kill 18446744073709551615\n")
	got, err := readCounts(linux.New(), path)
	if err != nil || got["high"] != 3 || got["oom_kill"] != 1<<64-1 || len(got) != 3 {
		t.Errorf("%v, %v", got, err)
	}
	write("low\n")
	if got, err := readCounts(linux.New(), path); err == nil {
		t.Errorf("a line without a number gave %v", got)
	}
}
