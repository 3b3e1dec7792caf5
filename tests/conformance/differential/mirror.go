package differential

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// mirror makes a new implementation, as root, like this process on Linux is: directories, descriptors, limits, user, capabilities.
func (b *bench) mirror(core posix.Core) error {
	if !b.mounts {
		if err := ownFileSystem(core, "/dev/shm"); err != nil {
			return fmt.Errorf("mount a file system on /dev/shm: %w", err)
		}
	}
	owner := posix.Chown{Dir: posix.AtFDCWD, UID: b.linux.Geteuid(), GID: b.linux.Getegid()}
	path := ""
	for _, name := range strings.Split(strings.Trim(b.base, "/"), "/") {
		path += "/" + name
		if err := core.Mkdirat(posix.AtFDCWD, path, 0o755); err != nil && err != unix.EEXIST {
			return fmt.Errorf("mkdir %s: %w", path, err)
		}
		if strings.HasPrefix(path, b.root) && path != b.root && b.root != "/" || b.root == "/" {
			owner.Path = path
			if err := core.Fchownat(owner); err != nil {
				return fmt.Errorf("chown %s: %w", path, err)
			}
		}
	}
	for resource := range 16 {
		var l posix.Rlimit
		if err := b.linux.Prlimit(0, resource, nil, &l); err != nil {
			return fmt.Errorf("prlimit: %w", err)
		}
		if err := core.Prlimit(0, resource, &l, nil); err != nil {
			return fmt.Errorf("set limit %d to %v: %w", resource, l, err)
		}
	}
	if err := b.credentials(core); err != nil {
		return err
	}
	if err := b.descriptors(core); err != nil { // opened by who the process is: linkat(2) asks for that
		return fmt.Errorf("descriptors: %w", err)
	}
	dumpable, err := b.linux.Prctl(posix.PrctlArgs{Op: unix.PR_GET_DUMPABLE})
	if err != nil {
		return err
	}
	_, err = core.Prctl(posix.PrctlArgs{Op: unix.PR_SET_DUMPABLE, Arg2: uint64(dumpable)})
	return err
}

// ownFileSystem mounts a tmpfs.
func ownFileSystem(core posix.Core, path string) error {
	if err := core.Mkdirat(posix.AtFDCWD, path, 0o755); err != nil && err != unix.EEXIST {
		return err
	}
	fs, err := core.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return err
	}
	defer func() { _ = core.Close(fs) }()
	if err := core.Fsconfig(posix.FsConfig{FS: fs, Cmd: unix.FSCONFIG_CMD_CREATE}); err != nil {
		return err
	}
	m, err := core.Fsmount(fs, unix.FSMOUNT_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = core.Close(m) }()
	return core.MoveMount(posix.Move{FromDir: m, ToDir: posix.AtFDCWD, ToPath: path, Flags: unix.MOVE_MOUNT_F_EMPTY_PATH})
}

// descriptors opens on the other side what is open on Linux: which number is free must be the same.
func (b *bench) descriptors(core posix.Core) error {
	if err := openDir(core, b.base); err != nil {
		return fmt.Errorf("open %s: %w", b.base, err)
	}
	for h := range helpers {
		if err := h.place(core); err != nil {
			return fmt.Errorf("place the helper %s: %w", h, err)
		}
	}
	for fd := posix.FD(0); fd < firstFD; fd++ {
		flags, err := b.linux.Fcntl(fd, unix.F_GETFD, 0)
		_, err2 := core.Fcntl(fd, unix.F_GETFD, 0)
		if err == nil && err2 != nil {
			if err := core.Dup3(dirFD, fd, flags*unix.O_CLOEXEC); err != nil {
				return err
			}
		}
	}
	return nil
}

// credentials gives up what this process does not have.
func (b *bench) credentials(core posix.Core) error {
	for c := uint64(0); c <= 40; c++ {
		has, err := b.linux.Prctl(posix.PrctlArgs{Op: unix.PR_CAPBSET_READ, Arg2: c})
		if err == nil && has == 0 {
			if _, err := core.Prctl(posix.PrctlArgs{Op: unix.PR_CAPBSET_DROP, Arg2: c}); err != nil {
				return fmt.Errorf("drop capability %d: %w", c, err)
			}
		}
	}
	groups := make([]posix.GID, 1024)
	n, err := b.linux.Getgroups(groups)
	if err != nil {
		return err
	}
	if err := core.Setgroups(groups[:n]); err != nil {
		return fmt.Errorf("setgroups: %w", err)
	}
	var gids posix.Gids
	var uids posix.Uids
	var caps posix.CapSets
	if err := b.linux.Getresgid(&gids); err != nil {
		return err
	}
	if err := core.Setresgid(gids); err != nil {
		return fmt.Errorf("setresgid %v: %w", gids, err)
	}
	if err := b.linux.Getresuid(&uids); err != nil {
		return err
	}
	if err := core.Setresuid(uids); err != nil {
		return fmt.Errorf("setresuid %v: %w", uids, err)
	}
	if err := b.linux.Capget(&caps); err != nil {
		return err
	}
	if err := core.Capset(&caps); err != nil {
		return fmt.Errorf("capset %x: %w", caps, err)
	}
	return nil
}
