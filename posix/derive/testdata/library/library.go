// Package library can be called by anybody.
package library

import "github.com/bulkhead/bulkhead/posix"

// Tree walks.
type Tree struct{ files posix.Files }

// New returns one.
func New(files posix.Files) *Tree { return &Tree{files} }

// Open is exported, and so what it does can be reached.
func (t *Tree) Open(path string) (posix.FD, error) {
	return t.files.Openat2(posix.AtFDCWD, path, posix.OpenHow{})
}

func (t *Tree) unused(fd posix.FD) error { return t.files.Close(fd) }

var _ = (*Tree).unused
