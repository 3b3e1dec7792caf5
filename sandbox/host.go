package sandbox

import (
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/host"
)

// Host answers what Compile needs to know about this host.
type Host interface {
	// Facts is what the host can enforce.
	Facts() host.Facts
	// File tells what is at an absolute path. A path with nothing there is not an error: Kind is Absent.
	File(path string) (File, error)
	// Head is File for a program: it also returns the first bytes, at most [HeadSize].
	Head(path string) (File, []byte, error)
	// User looks up a user by name or number; ok is false when there is none.
	User(name string) (user User, ok bool, err error)
	// Group looks up a group by name or number.
	Group(name string) (gid posix.GID, ok bool, err error)
	// Disk looks up what io.max names: see [host.FindDisk].
	Disk(name string) (host.Disk, error)
	// Weighing tells which disks are shared by the weights of the hierarchy that is mounted at a path: see [host.FindWeighing].
	Weighing(mount string) (host.Weighing, error)
}

// HeadSize is how much of a program Head returns: enough for the header of an ELF file with its program headers and
// the path of its interpreter, and for a #! line.
const HeadSize = 4096

// Kind is the type of a file.
type Kind uint8

const (
	Absent Kind = iota
	Regular
	Directory
	Device // character or block
	Other  // FIFO or socket
)

// File is what is at a path.
type File struct {
	Kind Kind
	// Link is the target, when the path itself is a symbolic link; Kind is that of what it leads to.
	Link string
	// Real is the path with every symbolic link resolved.
	Real string
	// Mode is the permission bits, set-user-id and the like included.
	Mode uint32
	// Errno says why nothing is there, when Kind is Absent.
	Errno posix.Errno
}

// User is an entry of the user database.
type User struct {
	Name   string
	UID    posix.UID
	GID    posix.GID
	Groups []posix.GID // supplementary groups, sorted, without GID
}
