package program

import (
	"strconv"

	"github.com/bulkhead/bulkhead/posix"
)

// Program launches one process of a module.
type Program struct {
	Module string // name of the module; "init" programs carry the name of the module they serve
	File   string // the policy file that origins without one refer to
	// Prepare is carried out by the spawner, in this order, for each launch.
	Prepare []Prepare
	// Steps are made by the child.
	Steps       []Step
	Memory      []byte
	Relocations []posix.Relocation
	// Cookies are the places in Memory of the two halves, low first, of the exec-once value; empty when exec is allowed.
	Cookies []uint32
	// Listeners is how many descriptors from 3 on the process inherits.
	Listeners int
}

// Origin is the place in the policy that something came from; line 0 is "every module gets this".
type Origin struct {
	File      string // an included file; empty is the program's
	Line, Col int
}

// PrepareKind says what the spawner makes.
type PrepareKind uint8

const (
	// HostPath opens Path of the host with O_PATH; it must be a directory exactly when Directory is set.
	HostPath PrepareKind = iota
	// Tree is a detached copy of the mount at descriptor From, with the attributes Attr set on it and on everything below.
	Tree
	// Tmpfs is a detached new tmpfs with Options and the attributes Attr.
	Tmpfs
	// CgroupTree is as Tree, of the instance's own control group directory of the controller Path.
	CgroupTree
	// CgroupProcs opens cgroup.procs of the instance's control group in the version 1 hierarchy Path.
	CgroupProcs
	// Ruleset is a Landlock ruleset that handles Handled, with Rules, and Net, and keeps to itself what Scoped has.
	Ruleset
	// Listener is the listening socket named Path, or a descriptor that is passed on, see [Inherited].
	Listener
	// Stdio is the standard stream with number From.
	Stdio
	// InitProgram is the executable of the namespace's init.
	InitProgram
	// Socket is as Tree, of the instance's own unix socket named Path: one of the names below.
	Socket
	// InitProcess is a pidfd of the init of the module's pid namespace, which holds the module's other namespaces, too.
	InitProcess
	// OfInit is the descriptor From of the init's program.
	OfInit
	// Seed is a mount namespace in which nothing is mounted but an empty, read-only directory as the root. The launcher has one for all launches:
	// what is copied of it is new each time.
	Seed
	// Network is a pidfd of a process that makes a network namespace meanwhile; its lo is up when Path is WithLoopback.
	Network
	// NetworkMade is a socket from which a byte can be read when that is done, or its end, when it cannot be done.
	NetworkMade
)

// WithLoopback is the Path of a Network in which processes can reach each other.
const WithLoopback = "with lo up"

// Names of the sockets that the spawner makes for an instance.
const (
	NotifySocket  = "notify"  // takes the datagrams of sd_notify(3)
	ControlSocket = "control" // a stream: what the instance may know of itself
)

// Prepare is one descriptor that the spawner makes before a launch. The steps refer to it by its index.
type Prepare struct {
	Kind      PrepareKind
	Directory bool
	From      int
	Path      string
	Options   []Option
	Attr      uint64 // MOUNT_ATTR_…
	Handled   uint64 // LANDLOCK_ACCESS_FS_…
	Net       uint64 // LANDLOCK_ACCESS_NET_…, which only Ports allow
	Ports     []Port
	Scoped    uint64 // LANDLOCK_SCOPE_…
	Rules     []Rule
	Origin    Origin
}

// Option is a parameter of a new file system.
type Option struct{ Key, Value string }

// Port allows Access to a TCP port. Source: landlock_add_rule(2).
type Port struct {
	Number uint16
	Access uint64
	Origin Origin
}

// Rule allows Access below descriptor From. Source: landlock_add_rule(2).
type Rule struct {
	From   int
	Access uint64
	Origin Origin
}

// Kinds of arguments that linking replaces, besides those of package posix.
const (
	Descriptor posix.ArgKind = 32 + iota // the prepared descriptor with this index
	Cookie                               // the exec-once value
	Parent                               // the process number of the spawner
)

// Step is a step of the child with its reason.
type Step struct {
	posix.Step
	// Text is the call as a person reads it, as strace would print it.
	Text   string
	Origin Origin
}

// Limits of a program; a plan beyond them is refused by the decoder.
const (
	MaxPrepare     = 1024
	MaxSteps       = 4096
	MaxMemory      = 1 << 20
	MaxRelocations = 8192
)

// Inherited is the name of a Listener that is a descriptor passed on to the module, which has the number fd there. No listener has such a name.
func Inherited(fd int) string { return "fd " + strconv.Itoa(fd) }
