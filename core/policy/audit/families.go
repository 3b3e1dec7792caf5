package audit

import (
	"fmt"
	"strings"

	"github.com/bulkhead/bulkhead/core/policy/reach"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// family is a set of calls that do the same, in ranks: what people think of first, and what they forget. Within a rank, a call that is closed
// beside one that is open is an Info: programs of one age use one of them.
type family struct {
	does     string
	severity Severity
	partial  bool // a call of an earlier rank that is open for some arguments only counts, too
	either   bool // programs use one or the other: that one is closed is an Info, and only a condition on one of them counts
	ranks    [][]string
	source   string
}

var families = []family{
	{"execute a program", High, true, false, [][]string{{"execve"}, {"execveat"}}, "execveat(2)"},
	{"make a process", Medium, false, false, [][]string{{"clone"}, {"clone3", "fork", "vfork"}}, "clone(2), fork(2), vfork(2)"},
	{"make a process with flags", High, true, false, [][]string{{"clone"}, {"clone3"}},
		"clone(2): the flags of clone3 are in memory, where no filter sees them"},
	{"open a file", Medium, true, false, [][]string{{"open", "openat"}, {"creat", "openat2"}}, "open(2), openat2(2)"},
	{"change permissions", Medium, true, false, [][]string{{"chmod", "fchmod", "fchmodat"}, {"fchmodat2"}}, "chmod(2): fchmodat2 is of Linux 6.6"},
	{"change an owner", Medium, false, false, [][]string{{"chown", "fchown", "lchown", "fchownat"}}, "chown(2)"},
	{"rename a file", Medium, false, false, [][]string{{"rename", "renameat"}, {"renameat2"}}, "rename(2)"},
	{"link a file", Medium, false, false, [][]string{{"link", "linkat"}}, "link(2)"},
	{"make a symbolic link", Low, false, false, [][]string{{"symlink", "symlinkat"}}, "symlink(2)"},
	{"remove a file", Medium, false, false, [][]string{{"unlink", "unlinkat"}}, "unlink(2)"},
	{"remove a directory", Low, false, false, [][]string{{"rmdir", "unlinkat"}}, "unlinkat(2) with AT_REMOVEDIR"},
	{"make a directory", Low, false, false, [][]string{{"mkdir", "mkdirat"}}, "mkdir(2)"},
	{"make a device or a pipe", Medium, true, false, [][]string{{"mknod", "mknodat"}}, "mknod(2)"},
	{"look at a file", Low, false, false, [][]string{{"stat", "lstat", "newfstatat", "statx"}}, "stat(2), statx(2)"},
	{"change a file's length", Low, false, false, [][]string{{"truncate", "ftruncate"}}, "truncate(2)"},
	{"change a file's times", Low, false, false, [][]string{{"utimensat", "utime", "utimes", "futimesat"}}, "utimensat(2)"},
	{"set an extended attribute", Medium, false, false, [][]string{{"setxattr", "lsetxattr", "fsetxattr"}, {"setxattrat"}}, "setxattr(2)"},
	{"accept a connection", Medium, false, false, [][]string{{"accept", "accept4"}}, "accept(2)"},
	{"copy a descriptor", Low, false, false, [][]string{{"dup", "dup2", "dup3"}}, "dup(2)"},
	{"read at a place", Low, false, false, [][]string{{"pread64"}, {"preadv", "preadv2"}}, "pread(2), preadv(2)"},
	{"write at a place", Low, false, false, [][]string{{"pwrite64"}, {"pwritev", "pwritev2"}}, "pwrite(2), pwritev(2)"},
	{"send a message", Low, true, true, [][]string{{"sendto"}, {"sendmsg", "sendmmsg"}}, "send(2), sendmmsg(2)"},
	{"receive a message", Low, true, true, [][]string{{"recvfrom"}, {"recvmsg", "recvmmsg"}}, "recv(2), recvmmsg(2)"},
	{"become another user", Medium, false, false, [][]string{{"setuid", "setreuid", "setresuid"}, {"setfsuid"}}, "setuid(2), setresuid(2)"},
	{"become another group", Medium, false, false, [][]string{{"setgid", "setregid", "setresgid"}, {"setfsgid"}}, "setgid(2), setresgid(2)"},
	{"send a signal", Medium, true, false, [][]string{{"kill"}, {"tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal"}},
		"kill(2), tgkill(2), pidfd_send_signal(2)"},
	{"make memory executable", Medium, true, false, [][]string{{"mprotect"}, {"pkey_mprotect"}}, "pkey_mprotect(2)"},
	{"mount a file system", High, false, false, [][]string{{"mount"}, {"fsmount", "move_mount", "open_tree"}}, "mount(2), fsmount(2), move_mount(2)"},
	{"load a module into the kernel", High, false, false, [][]string{{"init_module", "finit_module"}}, "init_module(2)"},
	{"load another kernel", High, false, false, [][]string{{"kexec_load", "kexec_file_load"}}, "kexec_load(2)"},
	{"set limits", Low, false, false, [][]string{{"setrlimit", "prlimit64"}}, "setrlimit(2)"},
	{"read another process's memory", High, false, false, [][]string{{"ptrace"}, {"process_vm_readv", "process_vm_writev"}}, "process_vm_readv(2)"},
}

// families reports calls that are closed while others that do the same are open (C05).
func (c *check) families() {
	for _, arch := range c.set.Arches() {
		for _, f := range families {
			c.family(arch, f)
		}
	}
}

// family reports the worst of what is open of one. That a forgotten call is closed and the well-known one is open says nothing.
func (c *check) family(arch seccomp.Arch, f family) {
	var closed, restricted []string // of this rank and earlier ones
	for rank, calls := range f.ranks {
		var open []opened
		var shut []string
		for _, call := range calls {
			if _, has := arch.Number(call); !has {
				continue
			}
			o, found := c.findOn(arch, call, nil, reach.Open)
			if !found {
				shut = append(shut, call)
				continue
			}
			open = append(open, o)
		}
		switch {
		case len(open) > 0 && len(closed) > 0:
			severity := f.severity
			if f.either {
				severity = Info
			}
			c.equivalent(f, severity, closed, "closed", open)
			return
		case len(restricted) > 0 && c.unrestricted(open):
			c.equivalent(f, f.severity, restricted, "restricted", open)
			return
		case len(open) > 0 && len(shut) > 0 && rank == 0:
			c.equivalent(f, Info, shut, "closed", open)
			return
		}
		if len(open) == 0 {
			closed = append(closed, shut...)
		}
		if f.partial {
			for _, o := range open {
				if !c.unrestricted([]opened{o}) {
					restricted = append(restricted, o.call)
				}
			}
		}
	}
}

// unrestricted tells whether one of the calls is open whatever its arguments are.
func (c *check) unrestricted(list []opened) bool {
	for _, o := range list {
		if _, denied := c.findOn(o.arch, o.call, nil, reach.Closed); !denied {
			return true
		}
	}
	return false
}

func (c *check) equivalent(f family, severity Severity, shut []string, how string, open []opened) {
	verb := "is"
	if len(shut) > 1 {
		verb = "are"
	}
	c.add(open[0], Finding{Rule: "C05", Severity: severity, Subject: f.does, Source: f.source,
		Message: fmt.Sprintf("%s %s %s, and %s can %s", strings.Join(shut, ", "), verb, how, names(open), f.does),
		Gives:   fmt.Sprintf("may %s all the same", f.does)})
}
