package source

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

const (
	maxLinks = 40 // as in the kernel: path_resolution(7)
	maxDepth = 40 // directories; each costs a descriptor until the file is open
)

// entry is something on the way. Its O_PATH descriptor holds it: a rename does not put something else in its place.
type entry struct {
	fd   posix.FD
	name string
	stat posix.Stat
}

func (e *entry) kind() uint32 { return e.stat.Mode & unix.S_IFMT }

// walker goes from the root directory to a file and checks everything on the way.
type walker struct {
	kernel Kernel
	trust  Trust
	euid   posix.UID
	links  int
	dirs   []*entry // from the root directory to where the walk is
	end    *entry   // what the walk ended at, in the last of dirs; nil when it ended at that directory
}

// walk goes to path, which is absolute or relative to the current directory.
func (w *walker) walk(path string) error {
	if err := w.enter(posix.AtFDCWD, "/"); err != nil {
		return err
	}
	if strings.HasPrefix(path, "/") {
		return w.follow(path)
	}
	cwd, err := w.readlink(posix.AtFDCWD, "/proc/self/cwd")
	if err != nil {
		return fmt.Errorf("find the current directory, which the path starts from (an absolute path works without): %w", posix.Answer(err))
	}
	var here posix.Stat
	if err := w.kernel.Fstatat(posix.AtFDCWD, ".", &here, 0); err != nil {
		return fmt.Errorf("look at the current directory: %w", posix.Answer(err))
	}
	if err := w.follow(cwd); err != nil {
		return fmt.Errorf("go to the current directory: %w", err)
	}
	if there := w.here().stat; w.end != nil || there.Dev != here.Dev || there.Ino != here.Ino {
		return fmt.Errorf("the current directory is no longer %s: name the policy by an absolute path", shown(cwd))
	}
	return w.follow(path)
}

// follow goes on from where the walk is.
func (w *walker) follow(path string) error {
	if strings.HasPrefix(path, "/") {
		if err := w.returnTo(1); err != nil {
			return err
		}
	}
	for rest := path; rest != ""; {
		name, after, more := strings.Cut(rest, "/")
		rest = after
		switch name {
		case "", ".":
			continue
		case "..":
			if err := w.returnTo(max(1, len(w.dirs)-1)); err != nil {
				return err
			}
			continue
		}
		link, err := w.step(name)
		if err != nil {
			return err
		}
		if w.end != nil && more {
			return fmt.Errorf("open %s: %w", shown(w.path(name)+"/"), posix.Errno(unix.ENOTDIR))
		}
		if link == "" {
			continue
		}
		if strings.HasPrefix(link, "/") {
			if err := w.returnTo(1); err != nil {
				return err
			}
		}
		if rest = link; more {
			rest += "/" + after
		}
	}
	return nil
}

// step takes one component: it enters a directory, ends the walk at a file, or returns where a symbolic link leads.
func (w *walker) step(name string) (link string, err error) {
	// O_DIRECTORY first: without it, a directory that is mounted on demand would not be.
	err = w.enter(w.here().fd, name)
	if !errors.Is(err, posix.Errno(unix.ENOTDIR)) {
		return "", err
	}
	e, err := w.open(w.here().fd, name, unix.O_NOFOLLOW)
	if err != nil {
		return "", err
	}
	if e.kind() != unix.S_IFLNK {
		w.end = e
		return "", nil
	}
	link, err = w.readlink(e.fd, "")
	if err = errors.Join(err, w.kernel.Close(e.fd)); err != nil {
		return "", fmt.Errorf("read the symbolic link %s: %w", shown(w.path(name)), posix.Answer(err))
	}
	if of, ok := strings.CutSuffix(link, "]"); ok && strings.HasPrefix(w.path(name), "/proc/") { // as in `--policy <(command)`
		switch of, _, _ := strings.Cut(of, ":["); of {
		case "pipe":
			return "", notRegular(w.path(name), unix.S_IFIFO)
		case "socket":
			return "", notRegular(w.path(name), unix.S_IFSOCK)
		}
	}
	if w.links++; w.links > maxLinks {
		return "", fmt.Errorf("follow %s, after %d other symbolic links: %w", shown(w.path(name)), maxLinks, posix.Errno(unix.ELOOP))
	}
	return link, nil
}

// enter makes the directory name of dir the last of w.dirs.
func (w *walker) enter(dir posix.FD, name string) error {
	if len(w.dirs) == maxDepth {
		return &RefusedError{Path: w.path(name), Rule: RuleTooDeep, Why: fmt.Sprintf("is below %d directories", maxDepth), Fix: "move the policy to a shorter path"}
	}
	e, err := w.open(dir, name, unix.O_DIRECTORY|unix.O_NOFOLLOW)
	if err != nil {
		return err
	}
	w.dirs = append(w.dirs, e)
	return nil
}

// open opens something on the way, without opening it for reading, and holds it to the rule.
func (w *walker) open(dir posix.FD, name string, flags uint64) (*entry, error) {
	fd, err := w.kernel.Openat2(dir, name, posix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC | flags})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", shown(w.path(name)), posix.Answer(err))
	}
	e := &entry{fd: fd, name: name}
	if err = w.kernel.Fstat(fd, &e.stat); err != nil {
		err = fmt.Errorf("look at %s: %w", shown(w.path(name)), posix.Answer(err))
	} else if kind := e.kind(); kind != unix.S_IFDIR && kind != unix.S_IFLNK && kind != unix.S_IFREG {
		err = notRegular(w.path(name), kind) // first: nobody should be told to change the mode of /dev/null
	} else {
		err = w.trust.check(w.path(name), &e.stat, w.euid)
	}
	if err != nil {
		return nil, errors.Join(err, w.kernel.Close(fd))
	}
	return e, nil
}

func (w *walker) readlink(dir posix.FD, path string) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := w.kernel.Readlinkat(dir, path, buf)
	if err == nil && n == len(buf) {
		err = posix.Errno(unix.ENAMETOOLONG)
	}
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}

// here is the directory that the walk is in.
func (w *walker) here() *entry { return w.dirs[len(w.dirs)-1] }

// path is where name of the current directory is, or with "" that directory itself.
func (w *walker) path(name string) string {
	if len(w.dirs) == 0 {
		return name
	}
	var b strings.Builder
	for _, d := range w.dirs[1:] {
		b.WriteString("/" + d.name)
	}
	if name != "" || b.Len() == 0 {
		b.WriteString("/" + name)
	}
	return b.String()
}

// returnTo leaves the first n directories.
func (w *walker) returnTo(n int) error {
	var errs []error
	for len(w.dirs) > n {
		errs = append(errs, w.kernel.Close(w.here().fd))
		w.dirs = w.dirs[:len(w.dirs)-1]
	}
	return errors.Join(errs...)
}

func (w *walker) close() error {
	err := w.returnTo(0)
	if w.end != nil {
		err = errors.Join(err, w.kernel.Close(w.end.fd))
	}
	return err
}
