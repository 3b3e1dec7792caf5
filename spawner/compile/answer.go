package compile

import (
	"errors"
	"fmt"
	"os/user"
	"path"
	"slices"
	"strconv"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/spawner/source"
)

// lookup answers the questions of the compile process about this host.
type lookup struct {
	files   posix.Files
	include func(path string) (source.File, error) // nil refuses
	at      *atomic.Pointer[string]                // what is being looked at; nil: nobody wants to know
}

func (l lookup) answer(q question) answer {
	if l.at != nil {
		l.at.Store(&q.Name)
		defer l.at.Store(nil)
	}
	var a answer
	var err error
	switch q.Kind {
	case askFile, askHead:
		a.File, a.Head, err = l.file(q.Name, q.Kind == askHead)
	case askUser:
		a.User, a.Found, err = findUser(q.Name)
	case askGroup:
		a.GID, a.Found, err = findGroup(q.Name)
	case askDisk:
		a.Disk, err = host.FindDisk(l.files, q.Name)
	case askWeights:
		a.Weighing, err = host.FindWeighing(l.files, q.Name)
	case askInclude:
		a = l.policy(q.Name)
	default:
		err = fmt.Errorf("no such question: %q", q.Kind)
	}
	if err != nil {
		a.Error = err.Error()
	}
	return a
}

// policy opens a file that a policy includes.
func (l lookup) policy(p string) answer {
	switch {
	case !path.IsAbs(p):
		return answer{Error: fmt.Sprintf("%q is not an absolute path", p)}
	case l.include == nil:
		return answer{Error: "nothing reads other files here", Help: "put its content into this file"}
	}
	f, err := l.include(p)
	if err != nil {
		why, help := source.Explain(err)
		return answer{Error: why, Help: help}
	}
	return answer{Text: f.Text, Dir: f.Dir}
}

// file tells what is at a path, and with head also how it begins.
func (l lookup) file(p string, head bool) (sandbox.File, []byte, error) {
	if !path.IsAbs(p) {
		return sandbox.File{}, nil, fmt.Errorf("%q is not an absolute path", p)
	}
	var f sandbox.File
	var st posix.Stat
	if err := l.files.Fstatat(posix.AtFDCWD, p, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return absent(err)
	}
	if st.Mode&unix.S_IFMT == unix.S_IFLNK {
		var err error
		if f.Link, err = l.readlink(posix.AtFDCWD, p); err != nil {
			return absent(err)
		}
	}
	fd, err := l.files.Openat2(posix.AtFDCWD, p, posix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC})
	if err != nil {
		return absent(err)
	}
	defer func() { _ = l.files.Close(fd) }()
	if err := l.files.Fstat(fd, &st); err != nil {
		return absent(err)
	}
	self := fmt.Sprintf("/proc/self/fd/%d", fd)
	if f.Real, err = l.readlink(posix.AtFDCWD, self); err != nil {
		return absent(err)
	}
	f.Kind, f.Mode = kindOf(st.Mode), st.Mode&0o7777
	if !head || f.Kind != sandbox.Regular {
		return f, nil, nil
	}
	data, err := l.head(self)
	return f, data, err
}

// absent makes an answer of an errno; anything else is an error.
func absent(err error) (sandbox.File, []byte, error) {
	var errno posix.Errno
	if errors.As(err, &errno) {
		return sandbox.File{Kind: sandbox.Absent, Errno: errno}, nil, nil
	}
	return sandbox.File{}, nil, err
}

func kindOf(mode uint32) sandbox.Kind {
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
		return sandbox.Regular
	case unix.S_IFDIR:
		return sandbox.Directory
	case unix.S_IFCHR, unix.S_IFBLK:
		return sandbox.Device
	}
	return sandbox.Other
}

func (l lookup) readlink(dir posix.FD, p string) (string, error) {
	for size := 256; ; size = unix.PathMax { // nearly all are short
		buf := make([]byte, size)
		n, err := l.files.Readlinkat(dir, p, buf)
		if err != nil {
			return "", err
		}
		if n < size || size == unix.PathMax {
			return string(buf[:n]), nil
		}
	}
}

// head reads the beginning of a regular file. A program that may be executed and not read has no head to look at.
func (l lookup) head(p string) ([]byte, error) {
	fd, err := l.files.Openat2(posix.AtFDCWD, p, posix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK})
	if errors.Is(err, posix.Errno(unix.EACCES)) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = l.files.Close(fd) }()
	buf := make([]byte, sandbox.HeadSize)
	n, err := l.files.Pread(fd, buf, 0)
	return buf[:max(n, 0)], err
}

// findUser looks a user up by name or number.
func findUser(name string) (sandbox.User, bool, error) {
	u, err := user.Lookup(name)
	if _, e := strconv.ParseUint(name, 10, 32); e == nil {
		u, err = user.LookupId(name)
	}
	var noName user.UnknownUserError
	var noID user.UnknownUserIdError
	if errors.As(err, &noName) || errors.As(err, &noID) {
		return sandbox.User{}, false, nil
	}
	if err != nil {
		return sandbox.User{}, false, fmt.Errorf("look up user %s: %w", name, err)
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	ids, err3 := u.GroupIds()
	if err := errors.Join(err1, err2, err3); err != nil {
		return sandbox.User{}, false, fmt.Errorf("look up user %s: %w", name, err)
	}
	out := sandbox.User{Name: u.Username, UID: posix.UID(uid), GID: posix.GID(gid)}
	for _, id := range ids {
		if n, err := strconv.ParseUint(id, 10, 32); err == nil && n != gid {
			out.Groups = append(out.Groups, posix.GID(n))
		}
	}
	slices.Sort(out.Groups)
	return out, true, nil
}

// findGroup looks a group up by name or number.
func findGroup(name string) (posix.GID, bool, error) {
	g, err := user.LookupGroup(name)
	if n, e := strconv.ParseUint(name, 10, 32); e == nil {
		return posix.GID(n), true, nil
	}
	var none user.UnknownGroupError
	if errors.As(err, &none) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("look up group %s: %w", name, err)
	}
	gid, err := strconv.ParseUint(g.Gid, 10, 32)
	return posix.GID(gid), err == nil, err
}
