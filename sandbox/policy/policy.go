package policy

import (
	"net/netip"
	"time"
)

// Pos is a place in a policy file. Line and Col count from 1; Col counts characters.
type Pos struct {
	File      string
	Line, Col int
}

// Value is a value with the place where it was written. A value that was not written has the zero Pos.
type Value[T any] struct {
	V   T
	Pos Pos
}

// Set tells whether the value was written in the file.
func (v Value[T]) Set() bool { return v.Pos.Line != 0 }

// Policy is one policy file after decoding, merging of profiles and checking.
type Policy struct {
	File      string
	Version   Value[int]
	Kernel    Value[KernelVersion] // the lowest kernel that the policy accepts
	Listeners []Listener           // sorted by name
	Modules   []Module             // in the order of the file
	Tests     []Test               // in the order of the file
}

// KernelVersion is a version such as 6.1.
type KernelVersion struct{ Major, Minor int }

// Before tells whether v is older than w.
func (v KernelVersion) Before(w KernelVersion) bool {
	return v.Major < w.Major || v.Major == w.Major && v.Minor < w.Minor
}

// Listener is a listening socket, opened once and handed to modules.
type Listener struct {
	Name    string
	Pos     Pos
	Network string         // "tcp", "udp" or "unix"
	Addr    netip.AddrPort // tcp and udp
	Path    string         // unix, absolute
	Backlog Value[int]     // default 511; 0 with udp, which has none
	Mode    Value[uint32]  // unix, default 0600
	User    Value[string]  // unix
	Group   Value[string]  // unix
}

// Module is a program that runs under restrictions.
type Module struct {
	Name             string
	Pos              Pos
	Command          []Value[string] // never empty; the first is an absolute path
	Environment      []EnvVar        // sorted by name; nothing else is in the environment
	User             Value[string]   // a name or a number
	DynamicUser      Value[bool]     // a user and a group that the supervisor chooses; User is not set then
	Group            Value[string]   // default: the user's
	GroupAdd         []Value[string] // supplementary groups besides those of the user database
	WorkingDir       Value[string]   // default "/"
	Listeners        []ListenerRef   // sorted by descriptor, contiguous from 3
	ListenerProtocol Value[string]   // "systemd" (default) or "nginx"
	Replicas         Value[int]      // default 1
	Restart          Restart
	StopSignal       Value[int]           // signal number, default SIGTERM
	StopGracePeriod  Value[time.Duration] // default 10 s
	UpdateOrder      Value[string]        // "stop-first" (default) or "start-first"
	Health           Health
	Seccomp          Seccomp
	Filesystem       []Mount // in the order of the file
	Network          Value[NetworkMode]
	NetworkRules
	Capabilities []Value[Capability]
	Namespaces   []Value[Namespace] // default: all but user
	Rlimits      []Rlimit           // sorted by name
	Resources    []Resource         // sorted by key
	BestEffort   []Value[string]    // protections that may be missing on the host
	Accept       []Acceptance       // findings of the audit that the author takes on
	Attributes
}

// EnvVar is one variable of the environment.
type EnvVar struct {
	Name  string
	Value string
	Pos   Pos
}

// ListenerRef hands a listener to a module as a descriptor.
type ListenerRef struct {
	Name string
	FD   int
	Pos  Pos
}

// Restart says when a module that ended is started again.
type Restart struct {
	Policy     Value[string] // "no" (default), "on-failure", "always"
	Delay      Value[time.Duration]
	MaxDelay   Value[time.Duration]
	Burst      Value[int]
	Window     Value[time.Duration]
	ResetAfter Value[time.Duration]
}

// Health says when an instance is ready and how it is found out that it no longer answers.
type Health struct {
	Pos         Pos
	Kind        Value[string]        // "" (none), "notify" or "tcp"
	Addr        netip.AddrPort       // where "tcp" connects to
	Interval    Value[time.Duration] // between two probes, default 10 s; "tcp"
	Timeout     Value[time.Duration] // of one probe, default 1 s; "tcp"
	Retries     Value[int]           // failed probes in a row after which an instance is unhealthy, default 3; "tcp"
	StartPeriod Value[time.Duration] // see StartTimeout; 0 when it is not written
	Watchdog    Value[time.Duration] // the longest time between two signs of life, 0 for none; "notify"
}

// ActionKind is what a seccomp filter does with a call.
type ActionKind uint8

const (
	ActionErrno ActionKind = iota
	ActionKillProcess
	ActionKillThread
	ActionTrap
	ActionLog
	ActionAllow
)

// Action is an action with its error number.
type Action struct {
	Kind  ActionKind
	Errno uint16 // with ActionErrno
}

// Seccomp says which system calls a module may make.
type Seccomp struct {
	Pos           Pos
	Architectures []Value[string] // default [native]
	Default       Value[Action]   // a call that the table does not know; default errno ENOSYS
	Denied        Value[Action]   // a call that is known and not allowed; default errno EPERM
	Allow         []Call          // sorted by name, without duplicates; what deny names is not in it
	Deny          []Call          // sorted by name, without duplicates
	Idle          []Value[string] // entries of the module's own deny that take nothing away: nothing allows what they name. For auditors
}

// Call is a system call that a rule names. Several of one name with other conditions are alternatives.
type Call struct {
	Name        string
	Group       string // "@basic-io" when it came through a group, else empty
	Pos         Pos
	When        *Expr   // the calls of the name that the rule is about; nil for all
	Answer      *Action // of a rule in deny: another answer than the section's; nil for that
	IfSupported bool    // an architecture or a kernel without the call is no error
}

// Access is what a module may do below a path.
type Access uint8

const (
	AccessRead Access = 1 << iota
	AccessWrite
	AccessExecute
)

// MountKind is what stands at a path of a module's root.
type MountKind uint8

const (
	MountBind    MountKind = iota // what the host has at Source
	MountTmpfs                    // a new file system in memory
	MountProc                     // a new proc of the module's pid namespace
	MountCgroup                   // the instance's own control group directories
	MountControl                  // a socket on which the instance learns about itself
	MountDev                      // a directory with the few devices that every program expects, see [Module.MinimalDev]
)

// Mount is one entry of a module's file-system list.
type Mount struct {
	Kind   MountKind
	Path   string // absolute and clean; where it is in the module's root
	Source string // absolute and clean; where it is on the host, MountBind; "" is Path
	Access Access
	Size   int64  // bytes, MountTmpfs
	Mode   uint32 // permission bits of the top directory, MountTmpfs; default 01777
	Subset string // MountProc: "all" or "pid"
	Hide   string // MountProc: "noaccess", "invisible" or "ptraceable"; "" shows every process of the pid namespace
	// Masked and ReadOnly are about the kernel's part of a MountProc with Subset "all", see [Mount.MaskedPaths] and [Mount.ReadOnlyPaths].
	Masked, ReadOnly ProcPaths
	Optional         bool // if_exists: true: no error when the host has nothing there
	// NoSymFollow is that no symbolic link on the mount is followed, MountBind.
	NoSymFollow bool
	Pos         Pos
}

// NetworkMode is what of the network a module sees.
type NetworkMode uint8

const (
	NetworkNone     NetworkMode = iota // a namespace of its own with nothing in it
	NetworkLoopback                    // a namespace of its own with lo up
	NetworkHost                        // the host's network
)

// Capability is a capability's number.
type Capability uint8

// Namespace is a kind of namespace: a CLONE_NEW… flag.
type Namespace uint32

// Rlimit is a resource limit; ^uint64(0) is unlimited.
type Rlimit struct {
	Name       string // RLIMIT_… name in lower case, without the prefix
	Resource   int    // RLIMIT_… number
	Soft, Hard uint64
	Pos        Pos
}

// Resource is a limit of the control group.
type Resource struct {
	Key    string // one of [ResourceKeys]
	Limit  int64  // bytes, processes, a weight, 1 of memory.oom.group, or microseconds of cpu.max per Period; -1 is "max"
	Period int64  // microseconds, cpu.max
	Set    string // cpuset.cpus as the kernel writes it: "0-3,6"
	// Device is the disk of io.max: a path, or MAJOR:MINOR. Each disk has a Resource of its own, with its rates.
	Device string
	Rates  IORates
	Pos    Pos
}

// Name is what tells the limit from the module's others: the key, and the disk of io.max.
func (r Resource) Name() string {
	if r.Device == "" {
		return r.Key
	}
	return r.Key + " " + plain(r.Device)
}

// ResourceKeys are the files of control groups that a policy may name, by the names that they have in version 2.
func ResourceKeys() []string {
	return []string{"cpu.max", "cpu.weight", "cpuset.cpus", "io.max", "io.weight", "memory.high", "memory.max", "memory.oom.group", "memory.swap.max", "pids.max"}
}

// ResourceType returns what the value of such a file is; besides "max", where the kernel has that word.
func ResourceType(key string) ValueType {
	switch key {
	case "memory.high", "memory.max", "memory.swap.max":
		return TypeSize
	case "memory.oom.group":
		return TypeTrue
	case "cpuset.cpus":
		return TypeCPUs
	case "io.max":
		return TypeRates
	}
	return TypeNumber
}

// Catalog is what a policy may name: tables that live elsewhere.
type Catalog struct {
	// Calls are the names of the system calls of the native architecture.
	Calls map[string]struct{}
	// Groups are the members of each group, keyed with the "@". Groups are expanded already.
	Groups map[string][]string
	// Architectures are what seccomp.architectures may name besides native.
	Architectures []string
	// Native is the one of Architectures that native stands for; empty when that is not known.
	Native string

	// What follows may be nil: then the catalog knows nothing of it.

	// Everywhere tells whether every architecture has a call that a policy can be native to.
	Everywhere func(call string) bool
	// Known tells whether the table of any architecture has a call.
	Known func(call string) bool
	// Prototype returns what a call takes. Without it there are no argument rules.
	Prototype func(call string) (Prototype, bool)
	// Constant returns the value of a C constant on this architecture, Constants the names of all, for suggestions.
	Constant  func(name string) (uint64, bool)
	Constants func() []string
	// Since returns the first kernel that has a call.
	Since func(call string) (KernelVersion, bool)
	// On returns the catalog of one of Architectures. Without it conditions are only checked for the native one.
	On func(arch string) (Catalog, bool)
}
