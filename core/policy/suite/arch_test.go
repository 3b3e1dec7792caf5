package suite

import (
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
	"golang.org/x/sys/unix"
	"maps"
	"slices"
)

// table is the architecture of the tests: the numbers are x86-64's, the prototypes a few.
type table struct{ seccomp.Arch }

var testArch = table{seccomp.X8664}

var (
	i32 = policy.Param{Type: "int", Width: 32, Signed: true}
	u32 = policy.Param{Type: "unsigned int", Width: 32}
	u64 = policy.Param{Type: "unsigned long", Width: 64}
	ptr = policy.Param{Type: "void *", Width: 64, Pointer: true}
)

func named(p policy.Param, name string) policy.Param { p.Name = name; return p }

var prototypes = map[string][]policy.Param{
	"socket": {named(i32, "family"), named(i32, "type"), named(i32, "protocol")},
	"openat": {named(i32, "dfd"), named(ptr, "filename"), named(i32, "flags"), {Name: "mode", Type: "umode_t", Width: 32}},
	"mmap":   {named(u64, "addr"), named(u64, "len"), named(u64, "prot"), named(u64, "flags"), named(u64, "fd"), named(u64, "off")},
	"clone":  {named(u64, "clone_flags"), named(u64, "newsp"), named(ptr, "parent_tidptr"), named(ptr, "child_tidptr"), named(u64, "tls")},
	"clone3": {named(ptr, "uargs"), named(u64, "size")},
	"kill":   {named(i32, "pid"), named(i32, "sig")},
	"read":   {named(u32, "fd"), named(ptr, "buf"), named(u64, "count")},
	"close":  {named(u32, "fd")},
	"getpid": {},
}

var constants = map[string]uint64{
	"AF_UNIX": 1, "AF_INET": 2, "AF_PACKET": 17, "AF_ALG": 38, "SOCK_STREAM": 1, "SOCK_RAW": 3, "SOCK_CLOEXEC": 0o2000000, "SOCK_TYPE_MASK": 15,
	"AT_FDCWD": ^uint64(99), "O_RDONLY": 0, "O_WRONLY": 1, "O_RDWR": 2, "O_CREAT": 0o100, "O_ACCMODE": 3, "O_CLOEXEC": unix.O_CLOEXEC,
	"PROT_READ": 1, "PROT_WRITE": 2, "PROT_EXEC": 4, "MAP_PRIVATE": 2, "MAP_ANONYMOUS": 0x20, "MAP_TYPE": 15,
	"CLONE_CHILD_CLEARTID": 0x200000, "CLONE_CHILD_SETTID": 0x1000000, "SIGCHLD": 17, "SIGTERM": 15, "CSIGNAL": 255,
}

func (t table) Prototype(call string) (policy.Prototype, bool) {
	p, ok := prototypes[call]
	return policy.Prototype{Params: p}, ok
}

func (t table) Constant(name string) (uint64, bool) { v, ok := constants[name]; return v, ok }
func (t table) Constants() []string                 { return slices.Sorted(maps.Keys(constants)) }
