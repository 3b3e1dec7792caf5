package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// The calls in this file are made by launch programs only: posix.Core does not have them.

// fchdir is fchdir(2). Source: fs/open.c.
func (p *Process) fchdir(fd posix.FD) posix.Errno {
	p.k.mu.Lock()
	defer p.k.mu.Unlock()
	f, errno := p.anyFile(fd)
	switch {
	case errno != 0:
		return errno
	case f.place == nil || !f.place.entry.inode.isDir():
		return enotdir
	}
	if errno := p.permission(f.place.entry.inode, mayExec); errno != 0 {
		return errno
	}
	p.moveTo(&p.cwd, f.place.spot())
	return 0
}

// chdir is chdir(2).
func (p *Process) chdir(path string) posix.Errno {
	p.k.mu.Lock()
	defer p.k.mu.Unlock()
	at, errno := p.lookup(posix.AtFDCWD, path, follow|directory)
	if errno == 0 {
		errno = p.permission(at.entry.inode, mayExec)
	}
	if errno == 0 {
		p.moveTo(&p.cwd, at)
	}
	return errno
}

// chroot is chroot(2). Source: fs/open.c.
func (p *Process) chroot(path string) posix.Errno {
	p.k.mu.Lock()
	defer p.k.mu.Unlock()
	at, errno := p.lookup(posix.AtFDCWD, path, follow|directory)
	if errno == 0 {
		errno = p.permission(at.entry.inode, mayExec)
	}
	switch {
	case errno != 0:
		return errno
	case !p.cred.capableIn(p.cred.user, unix.CAP_SYS_CHROOT):
		return eperm
	}
	p.moveTo(&p.root, at)
	return 0
}

// getcwd is the system call, which says so of a directory that the root does not lead to. Source: fs/d_path.c.
func (p *Process) getcwd() (string, posix.Errno) {
	p.k.mu.Lock()
	defer p.k.mu.Unlock()
	at := p.cwd.spot()
	if at.entry.removed {
		return "", enoent
	}
	path := p.pathOf(at)
	if !p.reaches(at) {
		path = "(unreachable)" + path
	}
	return path, 0
}

// mknodat is mknodat(2), for regular files and for devices. Source: fs/namei.c, do_mknodat.
func (p *Process) mknodat(dir posix.FD, path string, mode uint32, dev uint64) posix.Errno {
	p.k.mu.Lock()
	defer p.k.mu.Unlock()
	switch mode & unix.S_IFMT {
	case 0, unix.S_IFREG:
		_, errno := p.mknod(dir, path, unix.S_IFREG|mode&0o7777, &regular{seals: unix.F_SEAL_SEAL})
		return errno
	case unix.S_IFCHR:
		if dev != 0 && !p.cred.has(unix.CAP_MKNOD) {
			return eperm
		}
		n, errno := p.mknod(dir, path, mode, device{})
		if errno == 0 {
			n.rdev = dev
		}
		return errno
	case unix.S_IFDIR, unix.S_IFIFO, unix.S_IFSOCK, unix.S_IFBLK:
		return eperm
	}
	return einval
}

// execveat makes the child ready to run another program, and lets that begin. Source: fs/exec.c, do_open_execat.
func (p *Process) execveat(dir posix.FD, path string, argv, env []string, flags int) posix.Errno {
	if flags&^(unix.AT_EMPTY_PATH|unix.AT_SYMLINK_NOFOLLOW) != 0 {
		return einval
	}
	if p.overNproc() {
		return eagain
	}
	f, name, errno := p.fileToExecute(dir, path, flags)
	if errno != 0 {
		return errno
	}
	f.hold()
	defer f.drop()
	im, errno := p.exec(f, name, argv, env)
	if errno != 0 {
		return errno
	}
	p.k.start(p, func() int { return im.run(p) })
	return 0
}

// fileToExecute returns a description, which the caller holds, and what scripts are told that its name is.
func (p *Process) fileToExecute(dir posix.FD, path string, flags int) (*file, string, posix.Errno) {
	name := path
	if path != "" && path[0] != '/' && dir != posix.AtFDCWD || path == "" {
		name = "/dev/fd/" + itoa(int(dir))
		if path != "" {
			name += "/" + path
		}
	}
	if path == "" && flags&unix.AT_EMPTY_PATH != 0 && dir != posix.AtFDCWD {
		f, errno := p.anyFile(dir)
		return f, name, errno
	}
	if errno := checkPath(path, 0); errno != 0 {
		return nil, "", errno
	}
	how := oPath
	if flags&unix.AT_SYMLINK_NOFOLLOW != 0 {
		how |= oNofollow
	}
	f, errno := p.openPath(dir, path, how, 0, 0)
	if errno == 0 && f.place.entry.inode.isLink() {
		f.hold().drop()
		return nil, "", eloop
	}
	return f, name, errno
}

// setInterface is ioctl SIOCSIFFLAGS, of the loopback interface. Source: netdevice(7), net/core/dev_ioctl.c.
func (p *Process) setInterface(fd posix.FD, ifreq []byte) posix.Errno {
	p.k.mu.Lock()
	defer p.k.mu.Unlock()
	f, errno := p.file(fd)
	if errno != 0 {
		return errno
	}
	if _, ok := f.object.(socket); !ok {
		return enotty
	}
	if !p.capableIn(p.ns.net.owner, unix.CAP_NET_ADMIN) {
		return eperm
	}
	if string(ifreq[:3]) != "lo\x00" {
		return enodev
	}
	p.ns.net.up = ifreq[16]&unix.IFF_UP != 0
	return 0
}
