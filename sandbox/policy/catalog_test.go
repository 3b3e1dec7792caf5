package policy

import (
	"maps"
	"slices"
)

// argued adds to a catalog what argument rules need.
func argued(c Catalog) Catalog {
	for _, m := range []string{"listmount", "clone3", "getpid", "lookup"} {
		c.Calls[m] = struct{}{}
	}
	c.Known = func(call string) bool { _, native := c.Calls[call]; return native || call == "mmap2" }
	c.Prototype = func(call string) (Prototype, bool) { p, ok := testPrototypes()[call]; return p, ok }
	c.Constant = func(name string) (uint64, bool) { v, ok := testConstants()[name]; return v, ok }
	c.Constants = func() []string { return slices.Sorted(maps.Keys(testConstants())) }
	c.Since = func(call string) (KernelVersion, bool) {
		v, ok := map[string]KernelVersion{"listmount": {6, 8}, "clone3": {5, 3}, "read": {1, 0}}[call]
		return v, ok
	}
	c.Everywhere = func(call string) bool { return call == "read" || call == "listmount" }
	c.Architectures = []string{"x86_64", "x86", "x32"}
	return c
}

func testPrototypes() map[string]Prototype {
	number := func(name string) Param { return Param{Name: name, Type: "int", Width: 32, Signed: true} }
	unsigned := func(name string) Param { return Param{Name: name, Type: "unsigned int", Width: 32} }
	long := func(name string) Param { return Param{Name: name, Type: "unsigned long", Width: 64} }
	pointer := func(name string) Param { return Param{Name: name, Type: "const char *", Width: 64, Pointer: true} }
	return map[string]Prototype{
		"socket":    {Params: []Param{number("family"), number("type"), number("protocol")}},
		"mmap":      {Params: []Param{long("addr"), long("len"), long("prot"), long("flags"), long("fd"), long("off")}},
		"openat":    {Params: []Param{number("dfd"), pointer("filename"), number("flags"), {Name: "mode", Type: "umode_t", Width: 32}}},
		"read":      {Params: []Param{unsigned("fd"), pointer("buf"), long("count")}},
		"lseek":     {Params: []Param{unsigned("fd"), {Name: "offset", Type: "off_t", Width: 64, Signed: true}, unsigned("whence")}},
		"kill":      {Params: []Param{number("pid"), number("sig")}},
		"getpid":    {},
		"clone3":    {Params: []Param{pointer("uargs"), long("size")}},
		"listmount": {Params: []Param{pointer("req"), pointer("mnt_ids"), long("nr_mnt_ids"), unsigned("flags")}},
	}
}

func testConstants() map[string]uint64 {
	return map[string]uint64{"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_PACKET": 17, "SOCK_STREAM": 1, "SOCK_TYPE_MASK": 15, "SOCK_CLOEXEC": 0o2000000,
		"PROT_READ": 1, "PROT_WRITE": 2, "PROT_EXEC": 4, "O_RDONLY": 0, "O_RDWR": 2, "O_CREAT": 0o100, "O_EXCL": 0o200, "O_ACCMODE": 3,
		"AT_FDCWD": 1<<64 - 100, "CLONE_IO": 0x80000000, "SIGTERM": 15}
}
