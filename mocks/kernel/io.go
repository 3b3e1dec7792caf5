package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// io is what the machine has for things that are not files on a disk.
type io struct {
	pipefs, sockfs super
	anon           inode // all that are not pipes or sockets share it
	abstract       map[unixKey]*unixSocket
	spare          *packet
	flying         []*unixSocket // with a description that is in a message, by age
	collecting     bool
	devpts         super
	ptys           []bool             // which numbers of pseudo-terminals are in use
	terminals      map[posix.PID]*pty // of sessions
	in             incoming           // of the call that is being made: on the stack it would be allocated
	out            outgoing
	maxBuffer      int32 // net.core.wmem_max and rmem_max
}

// Device numbers of the file systems that every machine has; no other one has such a number.
const (
	sockfsDevice = 0x9
	pipefsDevice = 0xf
	anonDevice   = 0x10
	devptsDevice = 0x18
)

var fixedDevices = [...]uint64{nsDevice, sockfsDevice, pipefsDevice, anonDevice, devptsDevice, pidfsDevice}

func (o *io) boot(k *Kernel) {
	o.pipefs = super{k: k, dev: pipefsDevice, typ: "pipefs", magic: 0x50495045}
	o.devpts = super{dev: devptsDevice, typ: "devpts", magic: 0x1cd1, ino: 2}
	o.sockfs = super{k: k, dev: sockfsDevice, typ: "sockfs", magic: 0x534F434B}
	o.abstract = map[unixKey]*unixSocket{}
	o.maxBuffer = 4194304
	now := k.timestamp()
	o.anon = inode{
		super: &super{dev: anonDevice, typ: "anon_inodefs", magic: 0x09041934}, ino: 1, mode: 0o600, nlink: 1,
		atime: now, mtime: now, ctime: now,
	}
}

// newNode returns an inode of a file system without names.
func (s *super) newNode(mode uint32, uid posix.UID, gid posix.GID, at posix.Timespec) *inode {
	s.ino++
	return &inode{super: s, ino: s.ino, mode: mode, uid: uid, gid: gid, nlink: 1, atime: at, mtime: at, ctime: at}
}

// fillStat is stat for an inode whose body has no size.
func fillStat(n *inode, st *posix.Stat) {
	*st = posix.Stat{
		Dev: n.super.dev, Ino: n.ino, Rdev: n.rdev, Mode: n.mode, Nlink: n.nlink, UID: n.uid, GID: n.gid,
		Atime: n.atime, Mtime: n.mtime, Ctime: n.ctime,
	}
}

// anonymous is an object whose inode is the one that all such share: eventfd, epoll …
type anonymous struct{ nothing }

func (anonymous) stat(f *file, st *posix.Stat) posix.Errno {
	fillStat(&f.k.io.anon, st)
	return 0
}

// makeFD gives a new object a descriptor. The flags are those of O_…, O_CLOEXEC among them. When it fails, the object has been released if it came to life.
func (p *Process) makeFD(o object, flags uint32) (posix.FD, posix.Errno) {
	f, errno := p.k.newFile(p, o, flags&^unix.O_CLOEXEC)
	if errno != 0 {
		return -1, errno
	}
	if s, ok := o.(*unixSocket); ok {
		s.file = f
	}
	return p.install(f, 0, flags&unix.O_CLOEXEC != 0)
}
