package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// search returns where along PATH a program is, "" when it is nowhere. What lies in the working directory is not run.
func (a *app) search(program string) string {
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		path := filepath.Join(dir, program)
		var st posix.Stat
		if filepath.IsAbs(dir) && a.Core.Fstatat(posix.AtFDCWD, path, &st, 0) == nil && st.Mode&unix.S_IFMT == unix.S_IFREG && st.Mode&0o111 != 0 {
			return path
		}
	}
	return ""
}

// exposureOf is exposure of a unit that is not written yet.
func (a *app) exposureOf(program, name string, unit []byte) (text string, err error) {
	dir, err := a.temporary()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, filepath.Base(name))
	defer func() {
		err = errors.Join(err, a.Core.Unlinkat(posix.AtFDCWD, path, 0), a.Core.Unlinkat(posix.AtFDCWD, dir, unix.AT_REMOVEDIR))
	}()
	if err := a.write(path, unit, 0o600, nil); err != nil {
		return "", err
	}
	return a.exposure(program, path)
}

// temporary makes a directory that is nobody else's.
func (a *app) temporary() (string, error) {
	for i := range 100 {
		dir := filepath.Join(os.TempDir(), fmt.Sprintf("bulkhead-%d-%d", a.Core.Getpid(), i))
		err := a.Core.Mkdirat(posix.AtFDCWD, dir, 0o700)
		if !errors.Is(err, unix.EEXIST) {
			return dir, err
		}
	}
	return "", fmt.Errorf("make a directory in %s: the names that would do are taken; remove %s/bulkhead-*", os.TempDir(), os.TempDir())
}

// exposure asks systemd-analyze about a unit: "9.6 UNSAFE". The manager is not asked, and need not run.
func (a *app) exposure(program, unit string) (string, error) {
	out, err := a.output(posix.Command{Path: program, Args: []string{"systemd-analyze", "security", "--offline=true", "--no-pager", unit},
		Env: []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "SYSTEMD_COLORS=0", "SYSTEMD_EMOJI=0"}})
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(out)) {
		if _, rest, found := strings.Cut(line, "Overall exposure level for "); found {
			if _, level, found := strings.Cut(rest, ": "); found {
				if words := strings.Fields(level); len(words) >= 2 {
					return words[0] + " " + words[1], nil
				}
			}
		}
	}
	return "", fmt.Errorf("ask systemd-analyze about %s: it does not tell an exposure; `%s security --offline=true %s` says why", unit, program, unit)
}

// output runs a program and returns what it prints. Its errors go nowhere, and its status means nothing.
func (a *app) output(c posix.Command) (text []byte, err error) {
	null, err := a.Core.Openat2(posix.AtFDCWD, "/dev/null", posix.OpenHow{Flags: unix.O_RDWR | unix.O_CLOEXEC})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.Core.Close(null)) }()
	r, w, err := a.Core.Pipe2(unix.O_CLOEXEC)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.Core.Close(r)) }()
	c.Files = []posix.FD{null, w, null}
	child, err := a.start(c)
	if err = errors.Join(err, a.Core.Close(w)); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	for buf := make([]byte, 64<<10); out.Len() < 8<<20; {
		n, err := a.Core.Read(r, buf)
		if err != nil || n == 0 {
			break
		}
		out.Write(buf[:n])
	}
	var info posix.WaitInfo
	err = errors.Join(a.Core.Waitid(posix.PPidfd, int(child.Pidfd), &info, unix.WEXITED), a.Core.Close(child.Pidfd))
	if child.Failed != nil {
		err = errors.Join(fmt.Errorf("run %s: %w", c.Path, child.Failed.Errno), err)
	}
	return out.Bytes(), err
}

func (a *app) start(c posix.Command) (posix.Child, error) {
	program, err := c.Program()
	if err != nil {
		return posix.Child{}, err
	}
	child, err := a.Core.Clone3(&posix.CloneArgs{ExitSignal: unix.SIGCHLD, Program: program})
	if err != nil {
		return posix.Child{}, fmt.Errorf("run %s: %w", c.Path, err)
	}
	return child, nil
}
