package main

import (
	"io/fs"
	"os"
	"path/filepath"
)

// reachable copies the supervisor and the policies to where an ordinary user gets at them, wherever the repository lies.
func (o options) reachable() (there options, remove func() error, err error) {
	dir, err := os.MkdirTemp("/var/tmp", "bulkhead-escape-")
	if err != nil {
		return o, nil, err
	}
	remove = func() error { return os.RemoveAll(dir) }
	there = o
	there.root, there.supervisor = dir, filepath.Join(dir, "supervisor")
	steps := []func() error{
		func() error { return os.Chmod(dir, 0o755) },
		func() error { return install(o.supervisor, there.supervisor) },
	}
	for _, sub := range []string{"policies", "tests/escape/testdata"} {
		steps = append(steps, func() error { return copyFiles(filepath.Join(o.root, sub), filepath.Join(dir, sub)) })
	}
	for _, step := range steps {
		if err := step(); err != nil {
			_ = remove()
			return o, nil, err
		}
	}
	return there, remove, nil
}

// copyFiles copies a directory of text files that everybody may read.
func copyFiles(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), text, 0o644)
	})
}
