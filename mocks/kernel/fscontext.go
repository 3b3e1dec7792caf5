package kernel

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// fsContext is the object of fsopen(2): a file system that is being set up.
type fsContext struct {
	anonymous
	typ   string
	owner *userNS // whose capabilities count
	phase fsPhase
	set   fsOptions
	super *super
	root  *entry // nil: not made, or given to a mount
	log   []string
}

// fsPhase says what may be done with a context. Source: enum fs_context_phase.
type fsPhase uint8

const (
	takesParameters fsPhase = iota
	awaitsMount
	failed
	mounted // takes parameters for a change
)

func (c *fsContext) pollable() bool { return false }

// maxLog is how many messages a context keeps; the oldest go first. Source: struct fc_log.
const maxLog = 8

// complain keeps why a parameter was refused. Source: fs_parse in fs/fs_parser.c.
func (c *fsContext) complain(key string, known bool) {
	message := "Unknown parameter"
	if known {
		message = "Bad value for"
	}
	c.log = append(c.log, "e "+c.typ+": "+message+" '"+key+"'\n")
	if len(c.log) > maxLog {
		c.log = c.log[1:]
	}
}

// read takes a message, whole or not at all. Source: fscontext_read in fs/fsopen.c.
func (c *fsContext) read(_ *Process, _ *file, b []byte) (int, posix.Errno) {
	switch {
	case len(c.log) == 0:
		return 0, enodata
	case len(c.log[0]) > len(b):
		return 0, emsgsize
	}
	n := copy(b, c.log[0])
	c.log = c.log[1:]
	return n, 0
}

func (c *fsContext) release(*file) {
	if c.root != nil {
		c.super.mounts--
	}
}

// Fsopen implements [posix.Namespaces].
func (p *Process) Fsopen(fsname string, flags uint32) (posix.FD, error) {
	if hasNUL(fsname) {
		return -1, einval
	}
	c, errno := p.enter(posix.OpFsopen, somewhere, uint64(flags))
	fd := posix.FD(-1)
	if errno == 0 {
		fd, errno = p.fsopen(fsname, flags)
	}
	return fd, c.leave(errno)
}

func (p *Process) fsopen(name string, flags uint32) (posix.FD, posix.Errno) {
	if errno := p.mayMount(); errno != 0 {
		return -1, errno
	}
	if flags&^unix.FSOPEN_CLOEXEC != 0 || len(name) >= pageSize {
		return -1, einval
	}
	if fileSystems[name] == nil {
		return -1, enodev
	}
	return p.installObject(&fsContext{typ: name, owner: p.cred.user}, oRdwr, flags&unix.FSOPEN_CLOEXEC != 0)
}

// Fsconfig implements [posix.Namespaces].
func (p *Process) Fsconfig(c posix.FsConfig) error {
	if hasNUL(c.Key) || hasNUL(c.Value) {
		return einval
	}
	var key, value uint64
	switch c.Cmd {
	case unix.FSCONFIG_SET_FLAG:
		key = somewhere
	case unix.FSCONFIG_SET_STRING:
		key, value = somewhere, somewhere
	case unix.FSCONFIG_CMD_CREATE:
	default:
		return einval // posix/linux does not make the call
	}
	call, errno := p.enter(posix.OpFsconfig, uint64(c.FS), uint64(c.Cmd), key, value, 0)
	if errno == 0 {
		errno = p.fsconfig(c)
	}
	return call.leave(errno)
}

// maxKey is how long a key may be, with its zero byte.
const maxKey = 256

// fsconfig keeps the order of fsconfig in fs/fsopen.c.
func (p *Process) fsconfig(c posix.FsConfig) posix.Errno {
	if c.FS < 0 {
		return einval
	}
	f, errno := p.file(c.FS)
	if errno != 0 {
		return errno
	}
	fs, ok := f.object.(*fsContext)
	switch {
	case !ok:
		return einval
	case c.Cmd != unix.FSCONFIG_CMD_CREATE && (len(c.Key) >= maxKey || len(c.Value) >= maxKey):
		return einval
	case fs.phase == failed, c.Cmd == unix.FSCONFIG_CMD_CREATE && fs.phase != takesParameters, fs.phase == awaitsMount:
		return ebusy
	case c.Cmd == unix.FSCONFIG_CMD_CREATE:
		return p.createSuper(fs)
	}
	if c.Cmd == unix.FSCONFIG_SET_FLAG {
		errno := fs.set.flag(c.Key, fs.typ)
		if errno != 0 {
			fs.complain(c.Key, false)
		}
		return errno
	}
	errno = fs.set.text(p, c.Key, c.Value, fs.typ)
	if errno != 0 {
		fs.complain(c.Key, slices.Contains(valued[fs.typ], c.Key))
	}
	return errno
}

func (p *Process) createSuper(fs *fsContext) posix.Errno {
	if !p.capableIn(fs.owner, capSysAdmin) {
		return eperm
	}
	fs.super, fs.root = fileSystems[fs.typ](p, &fs.set)
	fs.super.readonly = fs.super.readonly || fs.set.readonly
	fs.super.mounts++
	fs.phase = awaitsMount
	return 0
}

// Fsmount implements [posix.Namespaces].
func (p *Process) Fsmount(fs posix.FD, flags uint32, attrs uint32) (posix.FD, error) {
	c, errno := p.enter(posix.OpFsmount, uint64(fs), uint64(flags), uint64(attrs))
	fd := posix.FD(-1)
	if errno == 0 {
		fd, errno = p.fsmount(fs, flags, attrs)
	}
	return fd, c.leave(errno)
}

// fsmount keeps the order of fsmount in fs/namespace.c.
func (p *Process) fsmount(fd posix.FD, flags uint32, attrs uint32) (posix.FD, posix.Errno) {
	if errno := p.mayMount(); errno != 0 {
		return -1, errno
	}
	if flags&^unix.FSMOUNT_CLOEXEC != 0 || attrs&^mountAttrs != 0 {
		return -1, einval
	}
	switch attrs & unix.MOUNT_ATTR__ATIME {
	case unix.MOUNT_ATTR_RELATIME, unix.MOUNT_ATTR_NOATIME, unix.MOUNT_ATTR_STRICTATIME:
	default:
		return -1, einval
	}
	f, errno := p.file(fd)
	if errno != 0 {
		return -1, errno
	}
	fs, ok := f.object.(*fsContext)
	switch {
	case !ok, fs.super == nil:
		return -1, einval
	case fs.phase != awaitsMount:
		return -1, ebusy
	}
	m := &mount{super: fs.super, root: fs.root, flags: uint64(attrs)}
	m.root.inode.users++
	made, errno := p.describeTree(m, flags&unix.FSMOUNT_CLOEXEC != 0)
	fs.root, fs.phase = nil, mounted
	return made, errno
}

// valued are the parameters with a value that file systems know.
var valued = map[string][]string{
	"tmpfs": {"size", "nr_blocks", "nr_inodes", "mode", "uid", "gid", "huge"},
	"proc":  {"subset", "hidepid", "gid"},
}
