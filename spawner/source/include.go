package source

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// OpenFile opens one file that a policy includes, under the same rule as the policy itself: one that others may write would be a way around it.
// The path is absolute, and names no directory. It also returns the identities, as [OpenRecorded] does.
func OpenFile(k Kernel, path string, trust Trust) (f File, ids []Identity, err error) {
	trust.passed = map[Identity]bool{}
	w := &walker{kernel: k, trust: trust, euid: k.Geteuid()}
	w.trust.way = w
	defer func() { err = errors.Join(err, w.close()) }()
	if err := w.walk(path); err != nil {
		return f, nil, err
	}
	if w.end == nil {
		return f, nil, &RefusedError{Path: w.path(""), Rule: RuleNotRegular, Why: "is a directory and not a regular file", Fix: "name the files that are meant"}
	}
	f = File{Name: path, Dir: w.path("")}
	if f.Text, err = w.read(); err != nil {
		return File{}, nil, err
	}
	return f, slices.SortedFunc(maps.Keys(trust.passed), Identity.compare), nil
}

// Explain takes an error of this package apart: what is wrong, and what to do about it when that is known.
func Explain(err error) (why, help string) {
	var refused *RefusedError
	switch {
	case errors.As(err, &refused):
		return fmt.Sprintf("%s %s", shown(refused.Path), refused.Why), refused.Fix
	case errors.Is(err, posix.Errno(unix.ENOENT)), errors.Is(err, posix.Errno(unix.ENOTDIR)):
		return err.Error(), "a relative name starts from the directory of the file that it is written in"
	}
	return err.Error(), ""
}
