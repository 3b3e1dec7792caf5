package workbench

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/spawner/compile"
	"github.com/bulkhead/bulkhead/spawner/launch"
	"github.com/bulkhead/bulkhead/spawner/source"
)

// MaxInput is how large a file may be, in bytes.
const MaxInput = 8 << 20

// Parent is what [Run] needs.
type Parent interface {
	compile.Parent
	Geteuid() posix.UID
}

// Run runs a command in a confined process and returns what it said. The files that it makes are not written yet.
func Run(k Parent, l *launch.Launcher, f host.Facts, r Request) (Result, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return Result{}, err
	}
	reply, err := compile.Confined(k, l, f, Role, body, func(q []byte) []byte { return reply(k, q) })
	if err != nil {
		return Result{}, err
	}
	var out Result
	if err := json.Unmarshal(reply, &out); err != nil {
		return Result{}, fmt.Errorf("read the result of the confined process: %w", err)
	}
	return out, nil
}

// reply answers a question of the confined process.
func reply(k Parent, body []byte) []byte {
	var q question
	var a answer
	err := json.Unmarshal(body, &q)
	switch {
	case err != nil:
	case q.Policy:
		var f source.File
		f, _, err = source.OpenFile(k, q.Path, source.Anyone) // it is read, not carried out
		a.Text, a.Dir = f.Text, f.Dir
	case q.Link:
		var target string
		target, err = follow(k, q.Path)
		a.Text = []byte(target)
	case q.Length > 0:
		a.Text, err = readPart(k, q)
	default:
		a.Text, err = ReadFile(k, q.Path)
	}
	if err != nil {
		why, help := source.Explain(err)
		a = answer{Error: why, Help: help}
	}
	text, err := json.Marshal(a)
	if err != nil {
		panic(err) // there is nothing in it that JSON does not have
	}
	return text
}

// follow returns a path without symbolic links at its end.
func follow(k posix.Files, path string) (string, error) {
	buf := make([]byte, unix.PathMax)
	for range 40 { // as many as the kernel follows: path_resolution(7)
		n, err := k.Readlinkat(posix.AtFDCWD, path, buf)
		if errors.Is(err, unix.EINVAL) { // it is none
			return path, nil
		}
		if err != nil {
			return "", err
		}
		target := string(buf[:n])
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		path = target
	}
	return "", fmt.Errorf("%s: too many symbolic links", path)
}

// readPart reads a part of a regular file.
func readPart(k posix.Files, q question) (text []byte, err error) {
	fd, err := openRegular(k, q.Path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = k.Close(fd) }()
	text = make([]byte, min(q.Length, MaxInput))
	for n := 0; ; {
		more, err := k.Pread(fd, text[n:], q.Offset+int64(n))
		if n += more; err != nil || more == 0 || n == len(text) {
			return text[:n], err
		}
	}
}

// ReadFile reads a regular file, or what is ready to be read of the standard input when the path is "-".
func ReadFile(k posix.Files, path string) ([]byte, error) {
	if path == "-" {
		return readAll(k, 0, "the standard input")
	}
	fd, err := openRegular(k, path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = k.Close(fd) }()
	return readAll(k, fd, path)
}

// openRegular opens a regular file.
func openRegular(k posix.Files, path string) (posix.FD, error) {
	fd, err := k.Openat2(posix.AtFDCWD, path, posix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY})
	if err != nil {
		return fd, err
	}
	var st posix.Stat
	if err = k.Fstat(fd, &st); err == nil && st.Mode&unix.S_IFMT != unix.S_IFREG {
		err = fmt.Errorf("read %s: it is not a regular file", path)
	}
	if err != nil {
		return fd, errors.Join(err, k.Close(fd))
	}
	return fd, nil
}

func readAll(k posix.Files, fd posix.FD, name string) ([]byte, error) {
	var text []byte
	buf := make([]byte, 64<<10)
	for {
		n, err := k.Read(fd, buf)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return text, nil
		}
		if text = append(text, buf[:n]...); len(text) > MaxInput {
			return nil, fmt.Errorf("read %s: it has more than %d MiB", name, MaxInput>>20)
		}
	}
}
