package cgroup

import (
	"errors"
	"fmt"
	"path"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// removePatience is how long a directory may stay busy. A process leaves its group a moment after it became a zombie, so
// a directory can be busy for an instant after the last wait.
const removePatience = 500 * time.Millisecond

// remove removes a group with the groups below it, which must all be empty of processes. One that is gone is fine.
func remove(k posix.Files, dir string) error {
	return removeBefore(k, dir, time.Now().Add(removePatience))
}

func removeBefore(k posix.Files, dir string, deadline time.Time) error {
	for pause := time.Millisecond; ; pause *= 2 {
		err := removeTree(k, dir)
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.EBUSY) {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%w: %w", ErrStillRunning, err)
		}
		time.Sleep(pause)
	}
}

// removeTree removes a group and the groups below it, bottom up, once.
func removeTree(k posix.Files, dir string) error {
	err := k.Unlinkat(posix.AtFDCWD, dir, unix.AT_REMOVEDIR)
	if err == nil || errors.Is(err, unix.ENOENT) {
		return nil
	}
	names, listErr := subdirectories(k, dir)
	if listErr != nil || len(names) == 0 {
		return errors.Join(fmt.Errorf("remove %s: %w", dir, err), listErr)
	}
	for _, name := range names {
		if err := removeTree(k, dir+"/"+name); err != nil {
			return err
		}
	}
	if err := k.Unlinkat(posix.AtFDCWD, dir, unix.AT_REMOVEDIR); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("remove %s: %w", dir, err)
	}
	return nil
}

func lastComponent(p string) string { return path.Base(p) }
