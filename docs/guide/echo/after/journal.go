package main

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// journal keeps lines in a file, whole ones or none. Its methods may be called from any goroutine.
type journal struct {
	files posix.Files
	fd    posix.FD

	mu   sync.Mutex // guards size
	size int64      // of the lines that are kept
}

// openJournal opens the file name, relative to dir, and makes it when there is none.
func openJournal(files posix.Files, dir posix.FD, name string) (*journal, error) {
	fd, err := files.Openat2(dir, name, posix.OpenHow{Flags: unix.O_WRONLY | unix.O_CREAT | unix.O_CLOEXEC, Mode: 0o640})
	if err != nil {
		return nil, fmt.Errorf("open the journal: %w", err)
	}
	var st posix.Stat
	if err := files.Fstat(fd, &st); err != nil {
		return nil, errors.Join(fmt.Errorf("read the size of the journal: %w", err), files.Close(fd))
	}
	return &journal{files: files, fd: fd, size: st.Size}, nil
}

// append keeps a line. A disk that gets full in the middle of it takes a part, and the next call says ENOSPC: that part is removed again.
func (j *journal) append(line string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	at, rest := j.size, []byte(line+"\n")
	for len(rest) > 0 {
		n, err := j.files.Pwrite(j.fd, rest, at)
		if err != nil {
			return errors.Join(fmt.Errorf("append to the journal: %w", err), j.files.Ftruncate(j.fd, j.size))
		}
		at, rest = at+int64(n), rest[n:]
	}
	j.size = at
	return nil
}

func (j *journal) close() error { return j.files.Close(j.fd) }
