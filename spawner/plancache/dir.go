package plancache

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// MaxEntries is how many entries a directory keeps, with the marks that lead to them. The oldest go first.
const MaxEntries = 256

// Dir returns the directory for the plans of a user, or "" when there is no place: below /run for root, otherwise below
// $XDG_RUNTIME_DIR or $HOME/.cache.
func Dir(euid posix.UID, getenv func(string) string) string {
	base := "/run"
	if euid != 0 {
		if base = getenv("XDG_RUNTIME_DIR"); base == "" && getenv("HOME") != "" {
			base = getenv("HOME") + "/.cache"
		}
	}
	if !path.IsAbs(base) {
		return ""
	}
	return path.Join(base, "bulkhead", "plans")
}

// noLinks is how the directory and what is in it are opened: nobody leads us elsewhere.
const noLinks = unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS

// openDir opens the directory and checks that it is its owner's alone. The caller owns the descriptor.
func openDir(k Kernel, dir string) (posix.FD, error) {
	fd, err := k.Openat2(posix.AtFDCWD, dir, posix.OpenHow{Flags: unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: noLinks})
	if err != nil {
		return -1, err
	}
	var st posix.Stat
	if err := k.Fstat(fd, &st); err != nil {
		return -1, errors.Join(err, k.Close(fd))
	}
	if err := private(k, &st, unix.S_IFDIR|0o700); err != nil {
		return -1, errors.Join(err, k.Close(fd))
	}
	return fd, nil
}

// errForeign is a directory or an entry that somebody else could have written.
var errForeign = errors.New("not trusted")

// private checks the owner, the type and the permissions.
func private(k Kernel, st *posix.Stat, mode uint32) error {
	switch {
	case st.UID != k.Geteuid():
		return fmt.Errorf("%w: it belongs to user %d", errForeign, st.UID)
	case st.Mode != mode:
		return fmt.Errorf("%w: its type and mode are %#o, not %#o", errForeign, st.Mode, mode)
	}
	return nil
}

// makeDir makes the directory and up to two above it: what is missing of .cache/bulkhead/plans.
func makeDir(k Kernel, dir string) error {
	var missing []string
	for d := dir; len(missing) < 3; d = path.Dir(d) {
		err := k.Mkdirat(posix.AtFDCWD, d, 0o700)
		if err == nil || errors.Is(err, posix.Errno(unix.EEXIST)) {
			break
		}
		if !errors.Is(err, posix.Errno(unix.ENOENT)) {
			return err
		}
		missing = append(missing, d)
	}
	for i := len(missing) - 1; i >= 0; i-- {
		if err := k.Mkdirat(posix.AtFDCWD, missing[i], 0o700); err != nil && !errors.Is(err, posix.Errno(unix.EEXIST)) {
			return err
		}
	}
	return nil
}

// load reads an entry. Everything that is wrong with it is an error.
func load(k Kernel, dir string, key Key) (_ Entry, err error) {
	d, err := openDir(k, dir)
	if err != nil {
		return Entry{}, err
	}
	defer func() { err = errors.Join(err, k.Close(d)) }()
	return loadFrom(k, d, key)
}

// loadFrom is load with a directory that openDir opened.
func loadFrom(k Kernel, d posix.FD, key Key) (Entry, error) {
	data, err := readFile(k, d, key.String())
	if err != nil {
		return Entry{}, err
	}
	e, err := DecodeEntry(data)
	if err != nil {
		return Entry{}, err
	}
	if e.Key != key {
		return Entry{}, fmt.Errorf("%w: it is the entry %s", ErrDamaged, e.Key)
	}
	return e, nil
}

// readFile reads a file of the directory, if nobody else could have written it.
func readFile(k Kernel, d posix.FD, name string) (_ []byte, err error) {
	fd, err := k.Openat2(d, name, posix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOFOLLOW,
		Resolve: noLinks | unix.RESOLVE_BENEATH})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, k.Close(fd)) }()
	var st posix.Stat
	if err := k.Fstat(fd, &st); err != nil {
		return nil, err
	}
	if err := private(k, &st, unix.S_IFREG|0o600); err != nil {
		return nil, err
	}
	if st.Nlink != 1 {
		return nil, fmt.Errorf("%w: it has %d names", errForeign, st.Nlink)
	}
	if st.Size > MaxEntry {
		return nil, fmt.Errorf("%w: %d bytes", ErrDamaged, st.Size)
	}
	return readAll(k, fd, int(st.Size))
}

// readAll reads size bytes, and makes sure that there are no more.
func readAll(k Kernel, fd posix.FD, size int) ([]byte, error) {
	data := make([]byte, size+1)
	for at := 0; ; {
		n, err := k.Pread(fd, data[at:], int64(at))
		switch {
		case err != nil:
			return nil, err
		case n == 0 && at == size:
			return data[:size], nil
		case n == 0:
			return nil, io.ErrUnexpectedEOF
		}
		if at += n; at > size {
			return nil, fmt.Errorf("%w: it grows", ErrDamaged)
		}
	}
}

// save writes an entry, in the place of one with the same key, and removes what is too much.
func save(k Kernel, dir string, e Entry) error {
	data := e.Encode()
	if len(data) > MaxEntry {
		return fmt.Errorf("it has %d bytes; at most %d are kept", len(data), MaxEntry)
	}
	return put(k, dir, e.Key.String(), data)
}

// put writes a file of the directory, in the place of one with the same name, and removes what is too much.
func put(k Kernel, dir, name string, data []byte) (err error) {
	d, err := openDir(k, dir)
	if errors.Is(err, posix.Errno(unix.ENOENT)) {
		if err := makeDir(k, dir); err != nil {
			return err
		}
		d, err = openDir(k, dir)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, k.Close(d)) }()
	if err := prune(k, d); err != nil {
		return fmt.Errorf("remove old plans: %w", err)
	}
	var random [8]byte
	if _, err := k.Getrandom(random[:], 0); err != nil {
		return err
	}
	temporary := fmt.Sprintf("%s%x", temporaryPrefix, random)
	if err := write(k, d, temporary, data); err != nil {
		return err
	}
	if err := k.Renameat2(posix.Rename{OldDir: d, OldPath: temporary, NewDir: d, NewPath: name}); err != nil {
		return errors.Join(err, k.Unlinkat(d, temporary, 0))
	}
	return nil
}

// temporaryPrefix begins the names of entries that are being written.
const temporaryPrefix = "new-"

// write makes a file with data; when that fails there is none.
func write(k Kernel, dir posix.FD, name string, data []byte) (err error) {
	fd, err := k.Openat2(dir, name, posix.OpenHow{Flags: unix.O_WRONLY | unix.O_CREAT | unix.O_EXCL | unix.O_CLOEXEC, Mode: 0o600,
		Resolve: noLinks | unix.RESOLVE_BENEATH})
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, k.Close(fd)); err != nil {
			err = errors.Join(err, k.Unlinkat(dir, name, 0))
		}
	}()
	for len(data) > 0 {
		n, err := k.Write(fd, data)
		if err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

// spare is for how many entries prune makes room: it looks at each of them, which is not to be done for every entry.
const spare = 32

// prune makes room when there is none for another entry. Entries that nobody finished are as old as they look.
func prune(k Kernel, dir posix.FD) error {
	names, err := list(k, dir)
	if err != nil || len(names) < MaxEntries {
		return err
	}
	times := make(map[string]posix.Timespec, len(names))
	for _, name := range names {
		var st posix.Stat
		err := k.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW)
		if err != nil && !errors.Is(err, posix.Errno(unix.ENOENT)) { // what somebody else removed is the oldest
			return err
		}
		times[name] = st.Mtime
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(times[a].Sec, times[b].Sec), cmp.Compare(times[a].Nsec, times[b].Nsec))
	})
	for _, name := range names[:len(names)-MaxEntries+spare] {
		if err := k.Unlinkat(dir, name, 0); err != nil && !errors.Is(err, posix.Errno(unix.ENOENT)) {
			return err
		}
	}
	return nil
}

// list returns the names of the entries, finished or not. What else is there is not ours.
func list(k Kernel, dir posix.FD) ([]string, error) {
	var names []string
	buf := make([]byte, 16<<10)
	for {
		n, err := k.Getdents(dir, buf)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return names, nil
		}
		for name := range posix.Dirents(buf[:n]) {
			if strings.HasPrefix(name, temporaryPrefix) || strings.HasPrefix(name, markPrefix) || len(name) == 2*len(Key{}) {
				names = append(names, name)
			}
		}
	}
}
