package source

import (
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
		for name := range posix.Dirents(buf[:n]) {
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
