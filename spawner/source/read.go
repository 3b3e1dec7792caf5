package source

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// MaxSize is the size of the largest policy file, in bytes.
const MaxSize = 1 << 20

// read returns what is in the file that the walk ended at.
func (w *walker) read() (text []byte, err error) {
	path := w.path(w.end.name)
	// What the walk ended at is a regular file. Should a FIFO have taken its place, opening it does not wait.
	fd, err := w.kernel.Openat2(w.here().fd, w.end.name,
		posix.OpenHow{Flags: unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", shown(path), posix.Answer(err))
	}
	defer func() { err = errors.Join(err, w.kernel.Close(fd)) }()
	var before, after posix.Stat
	if err := w.kernel.Fstat(fd, &before); err != nil {
		return nil, fmt.Errorf("look at %s: %w", shown(path), posix.Answer(err))
	}
	if before.Dev != w.end.stat.Dev || before.Ino != w.end.stat.Ino {
		return nil, changed(path, "was replaced while it was opened")
	}
	// Its owner may have let others write to it since the walk.
	if err := w.trust.check(path, &before, w.euid); err != nil {
		return nil, err
	}
	if before.Size > MaxSize {
		return nil, tooLarge(path, fmt.Sprintf("has %d bytes", before.Size))
	}
	text, err = readAll(w.kernel, fd, int(before.Size))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", shown(path), posix.Answer(err))
	}
	if len(text) > MaxSize {
		return nil, tooLarge(path, fmt.Sprintf("has more than %d bytes", MaxSize))
	}
	if err := w.kernel.Fstat(fd, &after); err != nil {
		return nil, fmt.Errorf("look at %s: %w", shown(path), posix.Answer(err))
	}
	if after.Size != int64(len(text)) || after.Size != before.Size || after.Mtime != before.Mtime || after.Ctime != before.Ctime {
		return nil, changed(path, fmt.Sprintf("changed while it was read (%d bytes before, %d after, %d read)", before.Size, after.Size, len(text)))
	}
	return text, nil
}

// readAll reads to the end, but not much further than MaxSize.
func readAll(k posix.Files, fd posix.FD, size int) ([]byte, error) {
	buf := make([]byte, size+1) // a byte more, so that the end is seen
	used := 0
	for used <= MaxSize {
		if used == len(buf) {
			buf = append(buf, make([]byte, 4096+len(buf))...)
		}
		n, err := k.Read(fd, buf[used:])
		if err != nil {
			return nil, err
		}
		if n == 0 {
			break
		}
		used += n
	}
	return buf[:used], nil
}

func changed(path, how string) error {
	return &RefusedError{Path: path, Rule: RuleChanged, Why: how, Fix: "try again; to change a policy, write a new file and rename it over the old one"}
}

func tooLarge(path, how string) error {
	return &RefusedError{
		Path: path, Rule: RuleTooLarge, Why: fmt.Sprintf("%s; a policy has at most %d", how, MaxSize),
		Fix: "split it into several files of one directory, if it is a policy at all",
	}
}

func notRegular(path string, kind uint32) error {
	what, fix := "something else", "name a file"
	switch kind {
	case unix.S_IFDIR:
		what, fix = "a directory", "remove it, or rename it to something that does not end in .yaml"
	case unix.S_IFIFO:
		what, fix = "a pipe", "write the policy to a file first: what is checked must be what is used"
	case unix.S_IFSOCK:
		what = "a socket"
	case unix.S_IFCHR, unix.S_IFBLK:
		what = "a device"
	}
	return &RefusedError{Path: path, Rule: RuleNotRegular, Why: "is " + what + " and not a regular file", Fix: fix}
}
