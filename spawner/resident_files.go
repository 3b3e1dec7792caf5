package spawner

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// sealed returns a file in memory with a text that nobody can change any more. The caller owns it.
func sealed(k Kernel, name string, text []byte) (fd posix.FD, err error) {
	if fd, err = k.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING); err != nil {
		return -1, fmt.Errorf("create a file in memory: %w", err)
	}
	for len(text) > 0 {
		n, err := k.Write(fd, text)
		if err != nil {
			return -1, errors.Join(fmt.Errorf("fill a file in memory: %w", err), k.Close(fd))
		}
		text = text[n:]
	}
	const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	if _, err := k.Fcntl(fd, unix.F_ADD_SEALS, seals); err != nil {
		return -1, errors.Join(fmt.Errorf("seal a file in memory: %w", err), k.Close(fd))
	}
	return fd, nil
}

// runtimeDir is a directory that only the spawner can look into, in which the sockets of instances are bound. A module reaches its own
// through a mount, whatever the mode of the directory.
type runtimeDir struct {
	kernel Kernel
	path   string
	fd     posix.FD
}

// openRuntime makes the directory. One that is there is taken if it is the spawner's own and nobody else can get into it.
func openRuntime(k Kernel, path string) (_ *runtimeDir, err error) {
	err = k.Mkdirat(posix.AtFDCWD, path, 0o700)
	made := err == nil
	if err != nil && !is(err, unix.EEXIST) {
		return nil, fmt.Errorf("make the runtime directory %s: %w", path, err)
	}
	defer func() {
		if err != nil && made {
			err = errors.Join(err, k.Unlinkat(posix.AtFDCWD, path, unix.AT_REMOVEDIR))
		}
	}()
	fd, err := k.Openat2(posix.AtFDCWD, path, posix.OpenHow{Flags: unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC})
	if err != nil {
		return nil, fmt.Errorf("open the runtime directory %s: %w", path, err)
	}
	var st posix.Stat
	err = k.Fstat(fd, &st)
	if err == nil && (st.UID != k.Geteuid() || st.Mode&0o077 != 0) {
		err = fmt.Errorf("it belongs to user %d and has mode %04o, so others could reach into it: remove it", st.UID, st.Mode&0o7777)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("use the runtime directory %s: %w", path, err), k.Close(fd))
	}
	return &runtimeDir{k, path, fd}, nil
}

// bind makes a unix socket that everybody may write to who gets at it. It returns the socket and an O_PATH descriptor of its file; the
// caller owns both, and removes the file.
func (d *runtimeDir) bind(name string, typ int) (sock, path posix.FD, err error) {
	k := d.kernel
	if err := d.remove(name); err != nil {
		return -1, -1, err
	}
	if sock, err = k.Socket(unix.AF_UNIX, typ|unix.SOCK_CLOEXEC, 0); err != nil {
		return -1, -1, err
	}
	path = -1
	defer func() {
		if err == nil {
			return
		}
		err = errors.Join(err, k.Close(sock))
		if path >= 0 {
			err = errors.Join(err, k.Close(path))
		}
		sock, path = -1, -1
	}()
	if err := k.Bind(sock, posix.Sockaddr{Family: unix.AF_UNIX, Path: fmt.Sprintf("/proc/self/fd/%d/%s", d.fd, name)}); err != nil {
		return sock, path, fmt.Errorf("bind it in %s: %w", d.path, err)
	}
	if path, err = k.Openat2(d.fd, name, posix.OpenHow{Flags: unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC}); err != nil {
		return sock, -1, fmt.Errorf("open it in %s: %w", d.path, err)
	}
	if err := k.Fchmodat(posix.AtFDCWD, fmt.Sprintf("/proc/self/fd/%d", path), 0o666); err != nil {
		return sock, path, fmt.Errorf("let the module write to it: %w", err)
	}
	return sock, path, nil
}

// remove removes a file. One that is not there is fine.
func (d *runtimeDir) remove(name string) error {
	if err := d.kernel.Unlinkat(d.fd, name, 0); err != nil && !is(err, unix.ENOENT) {
		return fmt.Errorf("remove %s/%s: %w", d.path, name, err)
	}
	return nil
}

// close removes the directory, which is empty.
func (d *runtimeDir) close() error {
	err := d.kernel.Close(d.fd)
	if e := d.kernel.Unlinkat(posix.AtFDCWD, d.path, unix.AT_REMOVEDIR); e != nil && !is(e, unix.ENOENT) {
		err = errors.Join(err, fmt.Errorf("remove the runtime directory: %w", e))
	}
	return err
}

// directory makes a directory for sockets if it is not there, to be removed at the end. Nobody else may be able to change what is in it: who can
// put another socket in the place of ours is talked to instead of us.
func (r *Resident) directory(path string) error {
	k := r.kernel
	err := k.Mkdirat(posix.AtFDCWD, path, 0o755)
	if err == nil {
		r.made = append(r.made, path)
		return nil
	}
	if !is(err, unix.EEXIST) {
		return fmt.Errorf("make the directory %s: %w", path, err)
	}
	var st posix.Stat
	err = k.Fstatat(posix.AtFDCWD, path, &st, unix.AT_SYMLINK_NOFOLLOW)
	if err == nil && st.Mode&unix.S_IFMT == unix.S_IFLNK {
		if st.UID != k.Geteuid() && st.UID != 0 {
			return fmt.Errorf("use the directory %s: it is a symbolic link that belongs to user %d, who could have it lead to other sockets later: choose another one",
				path, st.UID)
		}
		err = k.Fstatat(posix.AtFDCWD, path, &st, 0)
	}
	if err != nil {
		return fmt.Errorf("look at the directory %s: %w", path, err)
	}
	// In a user namespace root's directories look like everybody's; where those of the host's are that all may write to is known.
	trusted := st.UID == k.Geteuid() || st.UID == 0 || !r.Facts.UserNS.Initial && slices.Contains([]string{"/tmp", "/var/tmp", "/dev/shm"}, path)
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFDIR:
		return fmt.Errorf("use the directory %s: %w", path, posix.Errno(unix.ENOTDIR))
	case !trusted, st.Mode&0o022 != 0 && st.Mode&unix.S_ISVTX == 0: // in a sticky one only its owner and the socket's remove a socket
		return fmt.Errorf("use the directory %s: it belongs to %s and has mode %04o, so others could put their own sockets in the place of ours: "+
			"choose another one with --control PATH", path, r.owner(st.UID), st.Mode&0o7777)
	}
	return nil
}

// owner names a user. In a user namespace all who are not mapped have one number, which says nothing.
func (r *Resident) owner(uid posix.UID) string {
	if !r.Facts.UserNS.Initial && uid != 0 && uid != r.kernel.Geteuid() {
		return "somebody else"
	}
	return fmt.Sprintf("user %d", uid)
}
