package source

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Kernel is what this package asks of a system.
type Kernel interface {
	posix.Files
	Geteuid() posix.UID
}

// File is a policy file.
type File struct {
	Name string // the path as the user wrote it; for a file of a directory, that and the file's name
	Dir  string // absolute: where the file lies once symbolic links are resolved
	Text []byte
}

// Open returns the policy at path, or all of those in it when it is a directory: the files named *.yaml whose names do not begin with a
// dot, sorted. An empty file is returned as it is. The first problem ends it, and nothing is returned then.
// What breaks a rule is a [*RefusedError]. No descriptor stays open.
func Open(k Kernel, path string, trust Trust) ([]File, error) {
	files, err := openAll(k, path, trust)
	if err != nil {
		return nil, fmt.Errorf("policy %s: %w", shown(path), err)
	}
	return files, nil
}

func openAll(k Kernel, path string, trust Trust) ([]File, error) {
	if path == "" {
		return nil, errors.New("the path is empty; name a file or a directory")
	}
	if strings.IndexByte(path, 0) >= 0 {
		return nil, errors.New("a path cannot contain a zero byte")
	}
	file, names, err := openOne(k, path, trust)
	if err != nil || names == nil {
		return []File{file}, err
	}
	files := make([]File, 0, len(names))
	base := strings.TrimRight(path, "/")
	for _, name := range names {
		// From the root again: a name that is a link may have led anywhere, and everything is checked again anyway.
		file, inside, err := openOne(k, base+"/"+name, trust)
		if err != nil {
			return nil, err
		}
		if inside != nil {
			return nil, notRegular(file.Dir, unix.S_IFDIR)
		}
		files = append(files, file)
	}
	return files, nil
}

// openOne returns the file at path or, when that is a directory, where it is and the names of the policies in it.
func openOne(k Kernel, path string, trust Trust) (f File, names []string, err error) {
	w := &walker{kernel: k, trust: trust, euid: k.Geteuid()}
	w.trust.way = w
	defer func() { err = errors.Join(err, w.close()) }()
	if err := w.walk(path); err != nil {
		return f, nil, err
	}
	f = File{Name: path, Dir: w.path("")}
	if w.end == nil {
		names, err = w.list()
		return f, names, err
	}
	f.Text, err = w.read()
	return f, nil, err
}
