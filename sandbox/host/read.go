package host

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// reader reads small files, into a buffer that is used again.
type reader struct {
	files posix.Files
	buf   []byte
}

// text returns what a file holds, without spaces around it.
func (r *reader) text(path string) (string, error) {
	fd, err := r.files.Openat2(posix.AtFDCWD, path, posix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC})
	if err != nil {
		return "", fmt.Errorf("open %s: %w", path, err)
	}
	defer func() { _ = r.files.Close(fd) }()
	if r.buf == nil {
		r.buf = make([]byte, 16<<10)
	}
	size := 0
	for {
		if size == len(r.buf) {
			r.buf = append(r.buf, make([]byte, len(r.buf))...)
		}
		n, err := r.files.Read(fd, r.buf[size:])
		if err != nil {
			return "", fmt.Errorf("read %s: %w", path, err)
		}
		if n == 0 {
			return strings.TrimSpace(string(r.buf[:size])), nil
		}
		size += n
	}
}

// number returns the number that a file of /proc/sys holds, or -1 when this kernel has no such file or does not show it.
func (r *reader) number(path string) (int, error) {
	text, err := r.text(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return -1, nil
	}
	if err != nil {
		return -1, err
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return -1, fmt.Errorf("read %s: %w", path, err)
	}
	return n, nil
}
