package listener

import (
	"errors"
	"fmt"
	"path"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// maxPath is how many bytes of a path fit into an address, with the zero byte at its end. Source: unix(7).
const maxPath = 107

var errReplaced = errors.New("somebody replaced the new socket; put it into a directory that only the supervisor's user can write to")

// place is where a unix socket goes: a name in an open directory.
type place struct {
	kernel Kernel
	id     Identity // for messages
	dir    posix.FD
	name   string
	addr   posix.Sockaddr // what to bind or connect to
}

func (s *Socket) openUnix(k Kernel, l policy.Listener) (err error) {
	who, err := ownerOf(l)
	if err != nil {
		return err
	}
	dir, name := path.Split(s.Identity.Path)
	p := place{kernel: k, id: s.Identity, name: name, addr: posix.Sockaddr{Family: unix.AF_UNIX, Path: s.Identity.Path}}
	if p.dir, err = k.Openat2(posix.AtFDCWD, dir, posix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC}); err != nil {
		return advise(s.Identity, "open the directory "+dir, err)
	}
	defer func() { err = errors.Join(err, k.Close(p.dir)) }()
	if len(s.Identity.Path) > maxPath {
		p.addr.Path = fmt.Sprintf("/proc/self/fd/%d/%s", p.dir, name)
	}
	if err := p.clear(); err != nil {
		return err
	}
	if s.FD, err = k.Socket(unix.AF_UNIX, s.Identity.Type|unix.SOCK_CLOEXEC, 0); err != nil {
		return advise(s.Identity, "make a socket", err)
	}
	if err := k.Bind(s.FD, p.addr); err != nil {
		return advise(s.Identity, "bind", err)
	}
	err = s.settle(p, l, who)
	if err == nil {
		return nil
	}
	return errors.Join(err, p.remove(s.dev, s.ino))
}

// settle gives the path its owner and mode, and starts to listen. Once it knows that the path leads to the new socket, it leaves its
// device and inode in s, also when it fails.
func (s *Socket) settle(p place, l policy.Listener, who owner) (err error) {
	var st, held posix.Stat
	if err := p.kernel.Fstatat(p.dir, p.name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return advise(s.Identity, "look at the new socket", err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFSOCK || st.UID != p.kernel.Geteuid() || st.Nlink != 1 {
		return errReplaced
	}
	s.dev, s.ino = st.Dev, st.Ino
	// The path itself is not used any more: what it leads to could be exchanged between the calls.
	fd, err := p.kernel.Openat2(p.dir, p.name, posix.OpenHow{Flags: unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC})
	if err != nil {
		return advise(s.Identity, "open the new socket", err)
	}
	defer func() { err = errors.Join(err, p.kernel.Close(fd)) }()
	if err := p.kernel.Fstat(fd, &held); err != nil {
		return advise(s.Identity, "look at the new socket", err)
	}
	if held.Dev != st.Dev || held.Ino != st.Ino {
		return errReplaced
	}
	if who.set() {
		c := posix.Chown{Dir: fd, UID: who.uid, GID: who.gid, Flags: unix.AT_EMPTY_PATH}
		if err := p.kernel.Fchownat(c); err != nil {
			return who.advise(err)
		}
	}
	if err := p.kernel.Fchmodat(posix.AtFDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), l.Mode.V); err != nil {
		return advise(s.Identity, fmt.Sprintf("set its mode to %04o", l.Mode.V), err)
	}
	if err := p.kernel.Listen(s.FD, s.Backlog); err != nil {
		return advise(s.Identity, "listen", err)
	}
	return nil
}

// clear makes sure that nothing stands at the place: a socket on which nobody listens is removed, anything else is an error.
func (p place) clear() error {
	var st posix.Stat
	err := p.kernel.Fstatat(p.dir, p.name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if errors.Is(err, posix.Errno(unix.ENOENT)) {
		return nil
	}
	if err != nil {
		return advise(p.id, "look at what is there", err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFSOCK {
		return fmt.Errorf("%w: there is %s, which is not a socket; remove it or choose another path", posix.Errno(unix.EADDRINUSE), kindOf(st.Mode))
	}
	if err := p.abandoned(); err != nil {
		return err
	}
	return p.remove(st.Dev, st.Ino)
}

// abandoned returns nil when nobody listens on the socket that is there.
func (p place) abandoned() (err error) {
	fd, err := p.kernel.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return advise(p.id, "make a socket to ask whether the one there is in use", err)
	}
	defer func() { err = errors.Join(err, p.kernel.Close(fd)) }()
	err = p.kernel.Connect(fd, p.addr)
	switch {
	case errors.Is(err, posix.Errno(unix.ECONNREFUSED)), errors.Is(err, posix.Errno(unix.ENOENT)):
		return nil
	case err == nil, errors.Is(err, posix.Errno(unix.EAGAIN)), // EAGAIN: somebody listens, and the queue is full
		errors.Is(err, posix.Errno(unix.EPROTOTYPE)): // somebody has a socket of another type there
		return fmt.Errorf("%w: another process uses this socket; find it with `ss -xlp` and stop it, or choose another path",
			posix.Errno(unix.EADDRINUSE))
	}
	return fmt.Errorf("ask whether the socket that is there is in use: %w; remove it if it is not", answer(err))
}

// remove removes what is at the place if it is the socket with this device and inode.
func (p place) remove(dev, ino uint64) error {
	var st posix.Stat
	err := p.kernel.Fstatat(p.dir, p.name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if err == nil && (st.Dev != dev || st.Ino != ino || st.Mode&unix.S_IFMT != unix.S_IFSOCK) {
		return nil
	}
	if err == nil {
		err = p.kernel.Unlinkat(p.dir, p.name, 0)
	}
	if err != nil && !errors.Is(err, posix.Errno(unix.ENOENT)) {
		return advise(p.id, "remove the socket", err)
	}
	return nil
}

// removePath removes the path if it still leads to this socket.
func (s *Socket) removePath(k Kernel) (err error) {
	parent, name := path.Split(s.Identity.Path)
	dir, err := k.Openat2(posix.AtFDCWD, parent, posix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC})
	if errors.Is(err, posix.Errno(unix.ENOENT)) {
		return nil
	}
	if err != nil {
		return advise(s.Identity, "open the directory "+parent, err)
	}
	defer func() { err = errors.Join(err, k.Close(dir)) }()
	return place{kernel: k, id: s.Identity, dir: dir, name: name}.remove(s.dev, s.ino)
}

func kindOf(mode uint32) string {
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
		return "a file"
	case unix.S_IFDIR:
		return "a directory"
	case unix.S_IFLNK:
		return "a symbolic link"
	case unix.S_IFIFO:
		return "a pipe"
	}
	return "a device"
}
