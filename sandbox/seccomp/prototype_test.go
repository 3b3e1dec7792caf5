package seccomp

import (
	"slices"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// withoutPrototype is what no kernel with a table implements; every other call has a prototype.
var withoutPrototype = map[Arch][]string{
	X8664: {
		"_sysctl", "afs_syscall", "create_module", "epoll_ctl_old", "epoll_wait_old", "get_kernel_syms", "get_thread_area", "getpmsg",
		"lookup_dcookie", "nfsservctl", "putpmsg", "query_module", "security", "set_thread_area", "tuxcall", "uselib", "vserver",
	},
	AArch64: {"lookup_dcookie", "nfsservctl"},
	ARM: {
		"_sysctl", "bdflush", "breakpoint", "get_tls", "lookup_dcookie", "nfsservctl", "usr26", "usr32", "vserver",
	},
	X86: {
		"_sysctl", "afs_syscall", "bdflush", "break", "create_module", "ftime", "get_kernel_syms", "getpmsg", "gtty", "idle", "lock",
		"lookup_dcookie", "mpx", "nfsservctl", "prof", "profil", "putpmsg", "query_module", "stty", "ulimit", "vm86", "vm86old", "vserver",
	},
	X32: {"afs_syscall", "get_thread_area", "getpmsg", "lookup_dcookie", "putpmsg", "security", "set_thread_area", "tuxcall"},
}

func TestEveryCallHasAPrototype(t *testing.T) {
	for _, a := range Arches() {
		var without []string
		for name := range a.Calls() {
			p, has := a.Prototype(name)
			if !has {
				without = append(without, name)
				continue
			}
			if _, has := a.Since(name); !has {
				t.Errorf("%s: the first kernel with %s is not known", a, name)
			}
			checkPrototype(t, a, name, p)
		}
		slices.Sort(without)
		want := slices.DeleteFunc(slices.Clone(withoutPrototype[a]), func(name string) bool { _, has := a.Number(name); return !has })
		if !slices.Equal(without, want) {
			t.Errorf("%s: without a prototype are\n%v, want\n%v", a, without, want)
		}
	}
}

// checkPrototype demands what holds for each: at most six parameters with different names, widths that a register has, and that a
// type is a pointer exactly when C says so.
func checkPrototype(t *testing.T, a Arch, call string, p policy.Prototype) {
	t.Helper()
	if len(p.Params) > 6 {
		t.Errorf("%s: %s has %d parameters", a, call, len(p.Params))
	}
	names := map[string]bool{}
	for _, q := range p.Params {
		if q.Name == "" || q.Type == "" || names[q.Name] {
			t.Errorf("%s: %s: parameter %q of type %q", a, call, q.Name, q.Type)
		}
		names[q.Name] = true
		named := slices.Contains([]string{"__sighandler_t", "cap_user_header_t", "cap_user_data_t", "const cap_user_data_t", "compat_uptr_t"}, q.Type)
		if q.Pointer != (strings.Contains(q.Type, "*") || named) {
			t.Errorf("%s: %s: %s %s: pointer is %v", a, call, q.Type, q.Name, q.Pointer)
		}
		if q.Pointer && q.Signed {
			t.Errorf("%s: %s: %s is a pointer with a sign", a, call, q.Name)
		}
		if wide := a != X86 && a != ARM; q.Width != 32 && (q.Width != 64 || !wide) {
			t.Errorf("%s: %s: %s has %d bits", a, call, q.Name, q.Width)
		}
	}
}

// The kernel's source is what is right here: SYSCALL_DEFINE and COMPAT_SYSCALL_DEFINE of each call.
func TestPrototypes(t *testing.T) {
	for _, c := range []struct {
		arch  Arch
		call  string
		at    int
		param policy.Param
	}{
		{X8664, "socket", 0, policy.Param{Name: "family", Type: "int", Width: 32, Signed: true}},
		{X8664, "socket", 1, policy.Param{Name: "type", Type: "int", Width: 32, Signed: true}},
		{X8664, "mmap", 2, policy.Param{Name: "prot", Type: "unsigned long", Width: 64}},
		{AArch64, "mmap", 2, policy.Param{Name: "prot", Type: "unsigned long", Width: 64}},
		{X86, "mmap2", 2, policy.Param{Name: "prot", Type: "unsigned long", Width: 32}},
		{X86, "mmap", 0, policy.Param{Name: "arg", Type: "struct mmap_arg_struct32 *", Width: 32, Pointer: true}},
		{X8664, "openat", 1, policy.Param{Name: "filename", Type: "const char *", Width: 64, Pointer: true}},
		{X8664, "openat", 2, policy.Param{Name: "flags", Type: "int", Width: 32, Signed: true}},
		{X8664, "openat", 3, policy.Param{Name: "mode", Type: "umode_t", Width: 32}},
		{X8664, "ioctl", 1, policy.Param{Name: "cmd", Type: "unsigned int", Width: 32}},
		{X8664, "ioctl", 2, policy.Param{Name: "arg", Type: "unsigned long", Width: 64}},
		{X32, "ioctl", 2, policy.Param{Name: "arg", Type: "compat_ulong_t", Width: 32}},
		{X8664, "clone", 0, policy.Param{Name: "clone_flags", Type: "unsigned long", Width: 64}},
		{X8664, "clone", 3, policy.Param{Name: "child_tidptr", Type: "int *", Width: 64, Pointer: true}},
		{AArch64, "clone", 3, policy.Param{Name: "tls", Type: "unsigned long", Width: 64}},
		{X8664, "prctl", 0, policy.Param{Name: "option", Type: "int", Width: 32, Signed: true}},
		{X8664, "kill", 0, policy.Param{Name: "pid", Type: "pid_t", Width: 32, Signed: true}},
		{X8664, "setuid", 0, policy.Param{Name: "uid", Type: "uid_t", Width: 32}},
		{X8664, "pread64", 3, policy.Param{Name: "pos", Type: "loff_t", Width: 64, Signed: true}},
		{X86, "pread64", 3, policy.Param{Name: "poslo", Type: "u32", Width: 32}},
		{ARM, "pread64", 4, policy.Param{Name: "pos_lo", Type: "u32", Width: 32}},
		{X8664, "splice", 4, policy.Param{Name: "len", Type: "size_t", Width: 64}},
		{X8664, "signalfd", 1, policy.Param{Name: "user_mask", Type: "sigset_t *", Width: 64, Pointer: true}},
		{X86, "signal", 1, policy.Param{Name: "handler", Type: "__sighandler_t", Width: 32, Pointer: true}},
	} {
		p, has := c.arch.Prototype(c.call)
		if !has || len(p.Params) <= c.at {
			t.Errorf("%s: %s has no parameter %d", c.arch, c.call, c.at)
		} else if got := p.Params[c.at]; got != c.param {
			t.Errorf("%s: parameter %d of %s is %+v, want %+v", c.arch, c.at, c.call, got, c.param)
		}
	}
	if p, has := X8664.Prototype("getpid"); !has || len(p.Params) != 0 {
		t.Errorf("getpid: %v, %v", p, has)
	}
	for _, name := range []string{"", "no_such_call", "mmap2"} {
		if _, has := X8664.Prototype(name); has {
			t.Errorf("%q has a prototype", name)
		}
	}
}

func TestSince(t *testing.T) {
	for _, c := range []struct {
		arch Arch
		call string
		want policy.KernelVersion
	}{
		{X8664, "read", policy.KernelVersion{Major: 1}},
		{X8664, "openat", policy.KernelVersion{Major: 2, Minor: 6}},
		{X8664, "seccomp", policy.KernelVersion{Major: 3, Minor: 17}},
		{X8664, "openat2", policy.KernelVersion{Major: 5, Minor: 6}},
		{X8664, "landlock_restrict_self", policy.KernelVersion{Major: 5, Minor: 13}},
		{X8664, "mseal", policy.KernelVersion{Major: 6, Minor: 10}},
		{AArch64, "mseal", policy.KernelVersion{Major: 6, Minor: 10}},
		{AArch64, "read", policy.KernelVersion{Major: 3, Minor: 7}},
		{X32, "openat", policy.KernelVersion{Major: 3, Minor: 4}},
		{X86, "socket", policy.KernelVersion{Major: 4, Minor: 3}},
		{X8664, "socket", policy.KernelVersion{Major: 2, Minor: 0}},
		{ARM, "clock_gettime64", policy.KernelVersion{Major: 5, Minor: 1}},
	} {
		if got, known := c.arch.Since(c.call); !known || got != c.want {
			t.Errorf("%s: %s is since %v, want %v", c.arch, c.call, got, c.want)
		}
	}
	for _, name := range []string{"", "no_such_call", "tuxcall"} {
		if v, known := X8664.Since(name); known {
			t.Errorf("%q is since %v", name, v)
		}
	}
}
