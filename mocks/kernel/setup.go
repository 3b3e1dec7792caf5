package kernel

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// The methods in this file set the machine up for a test. They act as user 0 with all capabilities, whatever process 1 has done with its own, see the tree of the
// first mount namespace, and are no calls: they are not traced, and no filter sees them. Paths are absolute.

// asAdmin carries out f with the kernel locked.
func (k *Kernel) asAdmin(what, path string, f func(p *Process) posix.Errno) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !strings.HasPrefix(path, "/") || hasNUL(path) {
		return fmt.Errorf("%s %q on the in-memory kernel: the path must be absolute, without zero bytes", what, path)
	}
	if errno := f(k.tree.admin); errno != 0 {
		return fmt.Errorf("%s %s on the in-memory kernel: %w", what, path, errno)
	}
	if k.config.Concurrent {
		k.reschedule()
	}
	return nil
}

// Mkdir makes a directory with exactly these permission bits, set-group and sticky included, and the directories that lead to it (mode 0755) where they are
// missing. A directory that is there already gets the mode.
func (k *Kernel) Mkdir(path string, mode uint32) error {
	return k.asAdmin("make directory", path, func(p *Process) posix.Errno {
		at, errno := p.mkdirAll(path)
		if errno != 0 {
			return errno
		}
		at.entry.inode.mode = unix.S_IFDIR | mode&0o7777
		return 0
	})
}

// mkdirAll makes a directory and those above it.
func (p *Process) mkdirAll(path string) (spot, posix.Errno) {
	for i := 1; i <= len(path); i++ {
		if i < len(path) && path[i] != '/' {
			continue
		}
		at, errno := p.lookup(posix.AtFDCWD, path[:i], follow)
		if errno == 0 && !at.entry.inode.isDir() {
			return at, enotdir
		}
		if errno == enoent {
			errno = p.mkdirat(posix.AtFDCWD, path[:i], 0o755)
		}
		if errno != 0 {
			return at, errno
		}
	}
	return p.lookup(posix.AtFDCWD, path, follow)
}

// make makes a file that is not a directory, in place of one that may be there.
func (p *Process) make(path string, mode uint32, b body) (*inode, posix.Errno) {
	slash := strings.LastIndexByte(path, '/')
	if _, errno := p.mkdirAll(path[:max(1, slash)]); errno != 0 {
		return nil, errno
	}
	switch errno := p.unlinkat(posix.AtFDCWD, path, 0); errno {
	case 0, enoent:
	default:
		return nil, errno
	}
	return p.mknod(posix.AtFDCWD, path, mode, b)
}

// WriteFile makes a regular file with these contents and exactly these permission bits, or changes one that is there, following symbolic links.
// Directories that are missing are made with mode 0755.
func (k *Kernel) WriteFile(path string, contents []byte, mode uint32) error {
	return k.asAdmin("write", path, func(p *Process) posix.Errno {
		at, errno := p.lookup(posix.AtFDCWD, path, follow)
		n := at.entry.inodeOrNil()
		if errno != 0 {
			if n, errno = p.make(path, unix.S_IFREG, &regular{seals: unix.F_SEAL_SEAL}); errno != 0 {
				return errno
			}
		}
		r, ok := n.body.(*regular)
		if !ok {
			if n.isDir() {
				return eisdir
			}
			return einval
		}
		n.mode = unix.S_IFREG | mode&0o7777
		r.program = nil
		r.resize(0)
		n.modified()
		_, errno = r.writeAt(contents, 0)
		return errno
	})
}

func (e *entry) inodeOrNil() *inode {
	if e == nil {
		return nil
	}
	return e.inode
}

// ReadFile returns the contents of a regular file, or what a file in /proc shows to process 1.
func (k *Kernel) ReadFile(path string) ([]byte, error) {
	var contents []byte
	err := k.asAdmin("read", path, func(p *Process) posix.Errno {
		p = k.init.seeing(p)
		f, errno := p.openPath(posix.AtFDCWD, path, unix.O_RDONLY|unix.O_NONBLOCK, 0, 0)
		if errno != 0 {
			return errno
		}
		f.hold()
		defer f.drop()
		var b [pageSize]byte
		for {
			n, errno := f.object.read(p, f, b[:])
			if n == 0 || errno != 0 {
				return errno
			}
			contents = append(contents, b[:n]...)
		}
	})
	return contents, err
}

// seeing returns a process that is p for what files in /proc show, with the rights of admin.
func (p *Process) seeing(admin *Process) *Process {
	if p == nil {
		return admin
	}
	both := *p
	both.cred, both.root, both.cwd, both.fds, both.box = admin.cred, admin.root, admin.cwd, admin.fds, confinement{}
	return &both
}

// Symlink makes a symbolic link at path.
func (k *Kernel) Symlink(target, path string) error {
	return k.asAdmin("make symbolic link", path, func(p *Process) posix.Errno {
		_, errno := p.make(path, unix.S_IFLNK|0o777, symlink(target))
		return errno
	})
}

// Install puts a program at path: when a process executes it, main runs in the process, on a goroutine of its own, and what it returns is the exit status. The
// file has exactly these permission bits, set-user and set-group included, and is not empty.
func (k *Kernel) Install(path string, mode uint32, main func(p *Process, argv, env []string) int) error {
	return k.asAdmin("install", path, func(p *Process) posix.Errno {
		r := &regular{seals: unix.F_SEAL_SEAL}
		n, errno := p.make(path, unix.S_IFREG|mode&0o7777, r)
		if errno != 0 {
			return errno
		}
		n.mode = unix.S_IFREG | mode&0o7777
		if _, errno = r.writeAt([]byte("\x7fELF"), 0); errno != 0 {
			return errno
		}
		r.program = main
		return 0
	})
}

// Chown sets who owns a file, without clearing its set-user and set-group bits.
func (k *Kernel) Chown(path string, uid posix.UID, gid posix.GID) error {
	return k.asAdmin("change the owner of", path, func(p *Process) posix.Errno {
		at, errno := p.lookup(posix.AtFDCWD, path, 0)
		if errno == 0 {
			at.entry.inode.uid, at.entry.inode.gid = uid, gid
		}
		return errno
	})
}

// SetCapabilities gives a file capabilities, as setcap(8) does: those that executing it permits, those that it lets through from the inheritable set, and
// whether they are effective at once. No capabilities take them away. Source: capabilities(7), "File capabilities".
func (k *Kernel) SetCapabilities(path string, permitted, inheritable uint64, effective bool) error {
	return k.asAdmin("set capabilities of", path, func(p *Process) posix.Errno {
		at, errno := p.lookup(posix.AtFDCWD, path, follow)
		switch {
		case errno != 0:
			return errno
		case !at.entry.inode.isReg():
			return einval
		case permitted|inheritable == 0:
			at.entry.inode.caps = nil
			return 0
		}
		at.entry.inode.caps = &fileCaps{permitted: permitted & allCaps, inheritable: inheritable & allCaps, effective: effective}
		return 0
	})
}

// Limit says how many bytes, in whole pages, and inodes the file system of path may have; 0 is no limit. What is there already stays: a limit of one byte makes a full disk.
func (k *Kernel) Limit(path string, bytes int64, inodes uint64) error {
	return k.asAdmin("limit the file system of", path, func(p *Process) posix.Errno {
		at, errno := p.lookup(posix.AtFDCWD, path, follow)
		if errno == 0 {
			at.mount.super.size, at.mount.super.inodes = bytes, inodes
		}
		return errno
	})
}

// SetReadOnly makes the file system of path read-only, as a disk with errors becomes, or writable again. Descriptions that are open may go on writing.
func (k *Kernel) SetReadOnly(path string, readonly bool) error {
	return k.asAdmin("set read-only", path, func(p *Process) posix.Errno {
		at, errno := p.lookup(posix.AtFDCWD, path, follow)
		if errno == 0 {
			at.mount.super.readonly = readonly
		}
		return errno
	})
}

// Mknod makes a character device. Devices that exist are those of /dev; to open another is ENXIO.
func (k *Kernel) Mknod(path string, mode uint32, rdev uint64) error {
	return k.asAdmin("make device", path, func(p *Process) posix.Errno {
		n, errno := p.make(path, unix.S_IFCHR|mode&0o7777, device{})
		if errno == 0 {
			n.mode, n.rdev = unix.S_IFCHR|mode&0o7777, rdev
		}
		return errno
	})
}
