package kernel

import (
	"strconv"

	"golang.org/x/sys/unix"
)

func itoa(n int) string    { return strconv.Itoa(n) }
func utoa(n uint64) string { return strconv.FormatUint(n, 10) }

// boot makes the root file system: the directories that every system has, and /dev.
func (t *tree) boot(k *Kernel) {
	t.k = k
	t.protectedHardlinks = true
	s := k.newSuper("tmpfs", unix.TMPFS_MAGIC)
	s.mounts = 1
	t.root = &mount{super: s, root: s.newRoot(0o755)}
	hidden := k.newSuper("tmpfs", unix.TMPFS_MAGIC)
	hidden.mounts = 1
	t.hidden = &mount{super: hidden, root: hidden.newRoot(0o755)}
	cred := rootCredentials()
	t.admin = &Process{k: k, fds: &fdTable{}, cred: cred}
	for i := range t.admin.limits {
		t.admin.limits[i].Soft = ^uint64(0)
	}
	t.enter(t.admin)
	for _, d := range []struct {
		name string
		mode uint32
	}{
		{"bin", 0o755}, {"dev", 0o755}, {"etc", 0o755}, {"home", 0o755}, {"proc", 0o555}, {"root", 0o700}, {"run", 0o755}, {"sbin", 0o755},
		{"sys", 0o555}, {"tmp", 0o777 | unix.S_ISVTX}, {"usr", 0o755}, {"var", 0o755},
	} {
		t.mkdir(t.root.root, d.name, d.mode)
	}
	t.bootDevices()
}

// mkdir makes a directory while the machine boots.
func (t *tree) mkdir(at *entry, name string, mode uint32) *entry {
	return dirOf(at).add(at, name, at.inode.super.newInode(unix.S_IFDIR|mode, &dir{}))
}

// enter puts a process into the root directory.
func (t *tree) enter(p *Process) {
	top := spot{t.root, t.root.root}
	p.root, p.cwd = top.keep(), top.keep()
}
