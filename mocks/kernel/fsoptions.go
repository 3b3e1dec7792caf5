package kernel

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// fsOptions are the parameters of a file system that is being set up.
type fsOptions struct {
	readonly bool
	source   string
	mode     uint32 // tmpfs: of the root
	hasMode  bool
	uid      posix.UID
	gid      posix.GID
	hasOwner [2]bool
	size     int64
	inodes   uint64
	pidsOnly bool // proc: subset=pid
}

// fileSystems are the types that fsopen(2) knows, and how each is made.
var fileSystems = map[string]func(p *Process, o *fsOptions) (*super, *entry){
	"tmpfs":   newTmpfs,
	"proc":    newProc,
	"cgroup2": seeGroups,
}

// seeGroups is the one hierarchy of control groups, from the root of the cgroup namespace on.
func seeGroups(p *Process, _ *fsOptions) (*super, *entry) {
	at := p.ns.cgroup.root.at
	return at.inode.super, at
}

// newTmpfs makes an empty tmpfs. Source: shmem_fill_super in mm/shmem.c.
func newTmpfs(p *Process, o *fsOptions) (*super, *entry) {
	s := p.k.newSuper("tmpfs", unix.TMPFS_MAGIC)
	s.size, s.inodes = o.size, o.inodes
	mode := uint32(0o777 | unix.S_ISVTX)
	if o.hasMode {
		mode = o.mode
	}
	root := s.newRoot(mode)
	root.inode.uid, root.inode.gid = p.cred.uids.Effective, p.cred.gids.Effective
	if o.hasOwner[0] {
		root.inode.uid = o.uid
	}
	if o.hasOwner[1] {
		root.inode.gid = o.gid
	}
	return s, root
}

// flag sets a parameter without a value. Source: vfs_parse_fs_param in fs/fs_context.c.
func (o *fsOptions) flag(key, typ string) posix.Errno {
	switch key {
	case "ro":
		o.readonly = true
	case "rw":
		o.readonly = false
	case "sync", "async", "lazytime", "nolazytime", "dirsync", "mand", "nomand":
	case "noswap", "inode32", "inode64", "quota", "usrquota", "grpquota":
		if typ != "tmpfs" || strings.HasSuffix(key, "quota") {
			return einval
		}
	case "nsdelegate", "favordynmods", "memory_localevents", "memory_recursiveprot":
		if typ != "cgroup2" {
			return einval
		}
	default:
		return einval
	}
	return 0
}

// text sets a parameter that has a value. EINVAL: there is no such one, or it has no such value.
func (o *fsOptions) text(p *Process, key, value, typ string) posix.Errno {
	if key == "source" {
		if o.source != "" {
			return einval // only once
		}
		o.source = value
		return 0
	}
	switch typ {
	case "tmpfs":
		return o.tmpfs(p, key, value)
	case "proc":
		return o.proc(key, value)
	}
	return einval
}

// tmpfs is shmem_parse_one in mm/shmem.c.
func (o *fsOptions) tmpfs(p *Process, key, value string) posix.Errno {
	switch key {
	case "size":
		n, ok := memparse(value)
		if !ok {
			return einval
		}
		o.size = (n + pageSize - 1) / pageSize * pageSize
	case "nr_blocks":
		n, ok := memparse(value)
		if !ok || n > 1<<50 {
			return einval
		}
		o.size = n * pageSize
	case "nr_inodes":
		n, ok := memparse(value)
		if !ok {
			return einval
		}
		o.inodes = uint64(n)
	case "mode":
		n, err := strconv.ParseUint(value, 8, 32)
		if err != nil {
			return einval
		}
		o.mode, o.hasMode = uint32(n)&0o7777, true
	case "uid", "gid":
		n, err := strconv.ParseUint(value, 0, 32)
		if err != nil {
			return einval
		}
		return o.owner(p, key == "gid", uint32(n))
	case "huge":
		switch value {
		case "never", "always", "within_size", "advise":
		default:
			return einval
		}
	default:
		return einval
	}
	return 0
}

func (o *fsOptions) owner(p *Process, group bool, id uint32) posix.Errno {
	if group {
		gid, ok := p.cred.user.gid(posix.GID(id))
		if !ok {
			return einval
		}
		o.gid, o.hasOwner[1] = gid, true
		return 0
	}
	uid, ok := p.cred.user.uid(posix.UID(id))
	if !ok {
		return einval
	}
	o.uid, o.hasOwner[0] = uid, true
	return 0
}

// proc is proc_parse_param in fs/proc/root.c.
func (o *fsOptions) proc(key, value string) posix.Errno {
	switch key {
	case "subset":
		if value != "pid" {
			return einval
		}
		o.pidsOnly = true
	case "hidepid":
		switch value {
		case "0", "1", "2", "4", "off", "noaccess", "invisible", "ptraceable": // this kernel hides nothing
		default:
			return einval
		}
	case "gid":
		if _, err := strconv.ParseUint(value, 0, 32); err != nil {
			return einval
		}
	default:
		return einval
	}
	return 0
}

// memparse reads a number with a suffix: k, m, g, t, p, e. Source: lib/cmdline.c.
func memparse(s string) (int64, bool) {
	if s == "" {
		return 0, false
	}
	shift := 0
	if i := strings.IndexByte("kmgtpe", s[len(s)-1]|0x20); i >= 0 && !strings.HasPrefix(s, "0x") {
		shift = 10 * (i + 1)
		s = s[:len(s)-1]
	}
	n, err := strconv.ParseUint(s, 0, 63)
	if err != nil || n > uint64(1)<<(63-shift)-1 {
		return 0, false
	}
	return int64(n << shift), true
}
