package source

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// MaxFiles is how many policies a directory may hold.
const MaxFiles = 256

// list returns the names of the policies in the directory that the walk ended at, sorted. There is at least one.
func (w *walker) list() (names []string, err error) {
	path := w.path("")
	fd, err := w.kernel.Openat2(w.here().fd, ".", posix.OpenHow{Flags: unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC})
	if err != nil {
		return nil, fmt.Errorf("open the directory %s: %w", shown(path), posix.Answer(err))
	}
	defer func() { err = errors.Join(err, w.kernel.Close(fd)) }()
	buf := make([]byte, 32<<10)
	for {
		n, err := w.kernel.Getdents(fd, buf)
		if err != nil {
			return nil, fmt.Errorf("list the directory %s: %w", shown(path), posix.Answer(err))
		}
		if n == 0 {
			break
		}
		for name := range entryNames(buf[:n]) {
			if strings.HasSuffix(name, ".yaml") && name[0] != '.' {
				names = append(names, name)
			}
		}
		if len(names) > MaxFiles {
			return nil, &RefusedError{
				Path: path, Rule: RuleTooMany, Why: fmt.Sprintf("holds more than %d policies (*.yaml)", MaxFiles),
				Fix: "name the files that are meant, or another directory",
			}
		}
	}
	if len(names) == 0 {
		return nil, &RefusedError{Path: path, Rule: RuleNoPolicy, Why: "is a directory without policies", Fix: "put files named *.yaml there, or name a file"}
	}
	slices.Sort(names)
	return names, nil
}

// Layout of struct linux_dirent64: inode (8 bytes), offset (8), length of the record (2), type (1), name with a zero byte.
// Source: getdents(2).
const (
	recordLength = 16
	recordName   = 19
)

// entryNames yields the names in directory entries. Bytes that are no entry end it.
func entryNames(entries []byte) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for len(entries) > recordName {
			size := int(binary.NativeEndian.Uint16(entries[recordLength:]))
			if size <= recordName || size > len(entries) {
				return
			}
			name, _, ended := bytes.Cut(entries[recordName:size], []byte{0})
			if !ended || len(name) > 0 && !yield(string(name)) {
				return
			}
			entries = entries[size:]
		}
	}
}
