package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/invoke"
	"github.com/bulkhead/bulkhead/posix"
)

// maxDepth is how deep below a directory policies are looked for, and maxDirectories in how many.
const (
	maxDepth       = 16
	maxDirectories = 1000
)

// below returns the paths, with those directories below each directory that have policies in them: files named *.yaml whose names do not begin
// with a dot. Neither links to directories nor those whose names begin with a dot are followed. A directory without any is returned as it is, for whoever
// opens it to say so.
func (a *app) below(paths []string) (out []string, err error) {
	for _, path := range paths {
		if _, embedded, err := invoke.Embedded(path); embedded || err != nil {
			out = append(out, path)
			continue
		}
		var st posix.Stat
		if err := a.Core.Fstatat(posix.AtFDCWD, path, &st, 0); err != nil || st.Mode&unix.S_IFMT != unix.S_IFDIR {
			out = append(out, path) // what is wrong with it is said when it is opened
			continue
		}
		found, err := a.directories(strings.TrimRight(path, "/"), maxDepth, nil)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			found = []string{path}
		}
		out = append(out, found...)
	}
	return out, nil
}

// directories adds those directories to a list that have policies in them: dir, and what is below it.
func (a *app) directories(dir string, depth int, list []string) ([]string, error) {
	if depth == 0 || len(list) >= maxDirectories {
		return nil, fmt.Errorf("look for policies in %s: there are more than %d directories, or they are more than %d deep; name files instead", dir,
			maxDirectories, maxDepth)
	}
	policies, inside, err := a.entries(dir + "/")
	if err != nil {
		return nil, err
	}
	if policies {
		list = append(list, dir+"/")
	}
	for _, name := range inside {
		if list, err = a.directories(dir+"/"+name, depth-1, list); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// entries tells whether a directory has a policy, and which directories are in it, sorted.
func (a *app) entries(dir string) (policies bool, inside []string, err error) {
	fd, err := a.Core.Openat2(posix.AtFDCWD, dir, posix.OpenHow{Flags: unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC})
	if err != nil {
		return false, nil, err
	}
	defer func() { err = errors.Join(err, a.Core.Close(fd)) }()
	buf := make([]byte, 32<<10)
	for {
		n, err := a.Core.Getdents(fd, buf)
		if n == 0 || err != nil {
			slices.Sort(inside)
			return policies, inside, err
		}
		for name, kind := range posix.Dirents(buf[:n]) {
			switch {
			case strings.HasPrefix(name, "."):
			case strings.HasSuffix(name, ".yaml") && kind != unix.DT_DIR:
				policies = true
			case kind == unix.DT_DIR:
				inside = append(inside, name)
			}
		}
	}
}
