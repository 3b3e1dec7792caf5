package listener

import (
	"errors"
	"fmt"
	"path"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
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

// placeOf opens the directory of a unix socket. The caller closes it.
func placeOf(k Kernel, id Identity) (place, error) {
	dir, name := path.Split(id.Path)
	p := place{kernel: k, id: id, name: name, addr: posix.Sockaddr{Family: unix.AF_UNIX, Path: id.Path}}
	var err error
	if p.dir, err = k.Openat2(posix.AtFDCWD, dir, posix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC}); err != nil {
		return p, advise(id, "open the directory "+dir, err)
	}
	if len(id.Path) > maxPath {
		p.addr.Path = fmt.Sprintf("/proc/self/fd/%d/%s", p.dir, name)
	}
	return p, nil
}

// bindPath makes a unix socket, binds it to its path and gives it its owner and mode.
func (s *Socket) bindPath(k Kernel) (err error) {
	who, err := ownerOf(s.listener)
	if err != nil {
		return err
	}
	p, err := placeOf(k, s.Identity)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, k.Close(p.dir)) }()
	if s.aside, err = p.clear(); err != nil {
		return err
	}
	if s.FD, err = k.Socket(unix.AF_UNIX, s.Identity.Type|unix.SOCK_CLOEXEC, 0); err != nil {
		return errors.Join(advise(s.Identity, "make a socket", err), p.restore(s.aside))
	}
	if err := k.Bind(s.FD, p.addr); err != nil {
		return errors.Join(advise(s.Identity, "bind", err), p.restore(s.aside))
	}
	if err = s.settle(p, who); err != nil {
		return errors.Join(err, p.remove(s.dev, s.ino), p.restore(s.aside))
	}
	return nil
}

// settle gives the path its owner and mode. Once it knows that the path leads to the new socket, it leaves its device and inode in s,
// also when it fails.
func (s *Socket) settle(p place, who owner) (err error) {
	var st posix.Stat
	if err := p.kernel.Fstatat(p.dir, p.name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return advise(s.Identity, "look at the new socket", err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFSOCK || st.UID != p.kernel.Geteuid() || st.Nlink != 1 {
		return errReplaced
	}
	s.dev, s.ino, s.born = st.Dev, st.Ino, owner{st.UID, st.GID}
	fd, _, err := p.hold(s.dev, s.ino)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.kernel.Close(fd)) }()
	if who.set() {
		if err := p.give(fd, who); err != nil {
			return err
		}
	}
	return p.chmod(fd, s.listener.Mode.V)
}

// hold opens the socket at the place if it has this device and inode. The path itself is not used any more then: what it leads to could be
// exchanged between the calls. The caller closes the descriptor.
func (p place) hold(dev, ino uint64) (posix.FD, posix.Stat, error) {
	var st posix.Stat
	fd, err := p.kernel.Openat2(p.dir, p.name, posix.OpenHow{Flags: unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC})
	if err != nil {
		return -1, st, advise(p.id, "open the new socket", err)
	}
	if err := p.kernel.Fstat(fd, &st); err != nil {
		return -1, st, errors.Join(advise(p.id, "look at the new socket", err), p.kernel.Close(fd))
	}
	if st.Dev != dev || st.Ino != ino {
		return -1, st, errors.Join(errReplaced, p.kernel.Close(fd))
	}
	return fd, st, nil
}

func (p place) give(fd posix.FD, to owner) error {
	if err := p.kernel.Fchownat(posix.Chown{Dir: fd, UID: to.uid, GID: to.gid, Flags: unix.AT_EMPTY_PATH}); err != nil {
		return to.advise(err)
	}
	return nil
}

func (p place) chmod(fd posix.FD, mode uint32) error {
	if err := p.kernel.Fchmodat(posix.AtFDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), mode); err != nil {
		return advise(p.id, fmt.Sprintf("set its mode to %04o", mode), err)
	}
	return nil
}

// clear makes sure that nothing stands at the place: a socket on which nobody listens is put aside, anything else is an error.
func (p place) clear() (aside, error) {
	var st posix.Stat
	err := p.kernel.Fstatat(p.dir, p.name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if errors.Is(err, posix.Errno(unix.ENOENT)) {
		return aside{}, nil
	}
	if err != nil {
		return aside{}, advise(p.id, "look at what is there", err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFSOCK {
		return aside{}, fmt.Errorf("%w: there is %s, which is not a socket; remove it or choose another path", posix.Errno(unix.EADDRINUSE), kindOf(st.Mode))
	}
	if err := p.abandoned(); err != nil {
		return aside{}, err
	}
	return p.setAside(st)
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
	return fmt.Errorf("ask whether the socket that is there is in use: %w; remove it if it is not", posix.Answer(err))
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

// removePath removes the path if it still leads to this socket, and puts back what a reserved one had put aside.
func (s *Socket) removePath(k Kernel) (err error) {
	p, err := placeOf(k, s.Identity)
	if errors.Is(err, posix.Errno(unix.ENOENT)) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, k.Close(p.dir)) }()
	if err := p.remove(s.dev, s.ino); err != nil || !s.reserved {
		return err
	}
	return p.restore(s.aside)
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
