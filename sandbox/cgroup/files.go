package cgroup

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Kernel is what this package asks of a system.
type Kernel interface {
	posix.Files
	Getpid() posix.PID
	PidfdOpen(pid posix.PID, flags int) (posix.FD, error)
	PidfdSendSignal(pidfd posix.FD, sig posix.Signal) error
}

// readFile returns what a control group file, or one of /proc, holds, without spaces around it.
func readFile(k posix.Files, path string) (string, error) {
	fd, err := k.Openat2(posix.AtFDCWD, path, posix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC})
	if err != nil {
		return "", fmt.Errorf("open %s: %w", path, err)
	}
	defer func() { _ = k.Close(fd) }()
	text := make([]byte, 0, 512) // enough for nearly all of them
	for {
		n, err := k.Read(fd, text[len(text):cap(text)])
		if err != nil {
			return "", fmt.Errorf("read %s: %w", path, err)
		}
		if n == 0 {
			return strings.TrimSpace(string(text)), nil
		}
		if text = text[:len(text)+n]; len(text) == cap(text) {
			text = slices.Grow(text, len(text))
		}
	}
}

// writeFile writes value to an existing file in one write, as control group files want it.
func writeFile(k posix.Files, path, value string) error {
	fd, err := k.Openat2(posix.AtFDCWD, path, posix.OpenHow{Flags: unix.O_WRONLY | unix.O_TRUNC | unix.O_CLOEXEC})
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	defer func() { _ = k.Close(fd) }()
	n, err := k.Write(fd, []byte(value))
	if err != nil {
		return fmt.Errorf("write %q to %s: %w", value, path, err)
	}
	if n != len(value) {
		return fmt.Errorf("write %q to %s: only %d bytes were taken", value, path, n)
	}
	return nil
}

// exists tells whether there is a file. What cannot be looked at is not there for us.
func exists(k posix.Files, path string) bool {
	var st posix.Stat
	return k.Fstatat(posix.AtFDCWD, path, &st, 0) == nil
}

// readCounts reads a flat keyed file: lines of a name and a number. Source: cgroup-v2.rst, "Flat keyed".
func readCounts(k posix.Files, path string) (map[string]uint64, error) {
	text, err := readFile(k, path)
	if err != nil {
		return nil, err
	}
	counts := make(map[string]uint64)
	for line := range strings.Lines(text) {
		name, number, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.ParseUint(number, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("read %s: line %q: %w", path, line, err)
		}
		counts[name] = n
	}
	return counts, nil
}

// readNumber reads a file that holds one number.
func readNumber(k posix.Files, path string) (int64, error) {
	text, err := readFile(k, path)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", path, err)
	}
	return n, nil
}

// subdirectories returns the names of the directories in path. A directory that is gone has none.
func subdirectories(k posix.Files, path string) ([]string, error) {
	fd, err := k.Openat2(posix.AtFDCWD, path, posix.OpenHow{Flags: unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC})
	if errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	defer func() { _ = k.Close(fd) }()
	var names []string
	buf := make([]byte, 4096)
	for {
		n, err := k.Getdents(fd, buf)
		if errors.Is(err, unix.ENOENT) {
			return names, nil // removed while it was read
		}
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", path, err)
		}
		if n == 0 {
			return names, nil
		}
		for name, kind := range posix.Dirents(buf[:n]) {
			if kind == unix.DT_DIR {
				names = append(names, name)
			}
		}
	}
}
