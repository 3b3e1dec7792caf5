package sandbox

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/program"
)

// procPath is a path in a module's proc that gets a mount of its own.
type procPath struct {
	name string // without the mount point
	kind Kind   // Directory, or a file of any kind
	o    program.Origin
}

// procPaths decides which paths of a new proc are made read-only and which are masked. The host's /proc tells which there are: a proc has
// the same of the kernel's, whoever has mounted it.
//
// A mask is a mount, which costs 8 µs of a launch. There is none for what the module's user could not open anyway: see closedByMode.
func (c *compiler) procPaths(n *node) {
	masked, readOnly := n.MaskedPaths(), n.ReadOnlyPaths()
	if len(masked)+len(readOnly) == 0 {
		return
	}
	if f, err := c.host.File("/proc/filesystems"); err == nil && f.Kind == Absent {
		c.problem("E617", n.Pos, "the host's /proc does not show what is the kernel's, so what has to be closed in the module's cannot be told: "+f.Errno.Error(),
			"say proc: pid, or mount the host's /proc without subset=pid")
		return
	}
	var closed []string
	for _, v := range readOnly {
		if p, _, ok := c.procPath(n, v, n.ReadOnly); ok {
			n.readOnly = append(n.readOnly, p)
		}
	}
	for _, v := range masked {
		p, f, ok := c.procPath(n, v, n.Masked)
		switch {
		case !ok:
		case c.closedByMode(f):
			closed = append(closed, p.name)
		default:
			n.masked = append(n.masked, p)
		}
	}
	c.reportProc(n, closed)
}

// checkNewProc reports what keeps a user namespace from mounting a proc: the kernel lets it show no more than what is seen whole already.
// Source: mount_too_revealing in the kernel's fs/namespace.c.
func (c *compiler) checkNewProc(n *node) {
	why, help := "", "run the supervisor outside of the container, or as root without user namespaces, or remove the entry"
	switch p := c.facts.Proc; {
	case c.direct():
		return
	case !p.Mounted:
		why = "no whole proc is mounted on this host"
	case p.Masked != "":
		why = p.Masked + " is mounted over on this host, and a new proc would show it"
	case p.ReadOnly && n.Access&policy.AccessWrite != 0:
		why, help = "the host's is mounted read-only", "say access: r, or mount -o remount,rw /proc"
	default:
		return
	}
	c.problem("E610", n.Pos, "without root no proc can be mounted at "+n.Mount.Path+": "+why, help)
}

// procPath finds what the host has at a path in its /proc. Of what it has not, only a path that the policy names is worth a word.
func (c *compiler) procPath(n *node, v policy.Value[string], list policy.ProcPaths) (procPath, File, bool) {
	at := "/proc/" + v.V
	f, err := c.host.File(at)
	own := slices.Contains(list.Own, v)
	switch {
	case err != nil:
		c.hostError(v.Pos, at, err)
	case f.Kind == Absent && own && c.facts.Proc.Masked != "" && strings.Contains(v.V, "/"):
		// The module's proc shows what is below a directory that the host hides.
		c.problem("E617", v.Pos, at+" is not there, and whether the module's proc has it cannot be told: on this host "+c.facts.Proc.Masked+" is mounted over",
			"umount "+c.facts.Proc.Masked+", or name the directory, or leave the path out when this kernel does not have it")
	case f.Kind == Absent && own:
		c.problems = append(c.problems, policy.Diagnostic{Code: "W619", Severity: policy.SeverityWarning, Pos: v.Pos, Width: 1,
			Message: "module " + c.module.Name + ": this kernel has no " + at + ": " + f.Errno.Error(), Help: "correct the path; when it may be absent, nothing is lost"})
	case f.Kind == Absent:
	case f.Link != "" || f.Real != at:
		c.problem("E618", v.Pos, at+" leads through a symbolic link to "+f.Real, "name what is meant, without links")
	default:
		return procPath{v.V, f.Kind, origin(v.Pos)}, f, true
	}
	return procPath{}, f, false
}

// closedByMode tells whether the module cannot open a file of proc, all of which are root's: it is in the host's user namespace, so that numbers
// mean what they say, is neither root nor in its group, and has no capability, which it cannot gain either (no_new_privs).
func (c *compiler) closedByMode(f File) bool {
	u := c.user
	return c.root() && u.UID != 0 && u.GID != 0 && !slices.Contains(u.Groups, posix.GID(0)) && len(c.module.Capabilities) == 0 &&
		c.facts.Proc.Masked == "" && f.Mode&0o7 == 0
}

// reportProc says what is closed in a proc, and by what.
func (c *compiler) reportProc(n *node, closed []string) {
	names := func(list []procPath) string {
		var out []string
		for _, p := range list {
			out = append(out, p.name)
		}
		return strings.Join(out, " ")
	}
	var parts []string
	for _, p := range [...]struct{ what, names string }{
		{"masked", names(n.masked)},
		{fmt.Sprintf("closed to user %d by their mode", c.user.UID), strings.Join(closed, " ")},
		{"read-only", names(n.readOnly)},
	} {
		if p.names != "" {
			parts = append(parts, p.what+": "+p.names)
		}
	}
	if len(parts) > 0 {
		c.report("proc", Enforced, strings.Join(parts, "; "))
	}
}

// Slots of what is put into a proc: the new mount, and what it is put on.
const (
	procTree   = 7
	procTarget = 9
)

// inProc opens a path of the module's proc, which nobody else has yet. No link is followed, whatever a kernel's driver has put there.
func (b *builder) inProc(p procPath) program.Value {
	how := b.Words(unix.O_PATH|unix.O_CLOEXEC, 0, unix.RESOLVE_NO_SYMLINKS|unix.RESOLVE_BENEATH)
	b.call(p.o, "openat2", unix.SYS_OPENAT2, program.Kept(procMount, "$8"), b.String(p.name),
		program.At(how, "{O_PATH|O_CLOEXEC, RESOLVE_NO_SYMLINKS|RESOLVE_BENEATH}"), program.Int(24)).Keep(procTarget)
	return program.Kept(procTarget, "$9")
}

// over puts the mount procTree on a path of the module's proc that was opened.
func (b *builder) over(p procPath, target program.Value) {
	b.call(p.o, "move_mount", unix.SYS_MOVE_MOUNT, program.Kept(procTree, "$7"), b.String(""), target, b.String(""),
		program.Const(unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH, "MOVE_MOUNT_F_EMPTY_PATH|MOVE_MOUNT_T_EMPTY_PATH"))
}

// copyOf makes a detached copy of a mount.
func (b *builder) copyOf(o program.Origin, dir, name program.Value, empty bool) program.Value {
	flags := program.Const(unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC, "OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC")
	if empty {
		flags = program.Const(unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH, "OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_EMPTY_PATH")
	}
	b.call(o, "open_tree", unix.SYS_OPEN_TREE, dir, name, flags).Keep(procTree)
	return program.Kept(procTree, "$7")
}

// readOnlyProc makes what belongs to the kernel read-only in a proc that may be written to. Landlock cannot: a rule about a directory is about
// all that is below. A user who is root would otherwise set, for one, the program that every core dump of the host is given to, core(5).
func (b *builder) readOnlyProc(n node) {
	for _, p := range n.readOnly {
		target := b.inProc(p)
		b.readOnly(p.o, b.copyOf(p.o, target, b.String(""), true))
		b.over(p, target)
	}
}

// maskProc covers paths of a proc with an empty file or an empty directory that nobody may open and nobody can change. They are made in the
// module's own root and removed there once they are mounted. A device such as /dev/null would have to be the host's, and be what it is taken for
// (CVE-2025-31133).
func (b *builder) maskProc(n node, root program.Value, made map[string]bool) {
	name := ".masked" // of which the module sees nothing
	for made["/"+name] {
		name += "_"
	}
	var files, directories []procPath
	for _, p := range n.masked {
		if p.kind == Directory {
			directories = append(directories, p)
		} else {
			files = append(files, p)
		}
	}
	none := program.Int(0)
	if len(files) > 0 {
		b.call(files[0].o, "mknodat", unix.SYS_MKNODAT, root, b.String(name), program.Const(unix.S_IFREG, "S_IFREG"), none)
		b.mask(files, root, b.String(name), none)
	}
	if len(directories) > 0 {
		b.call(directories[0].o, "mkdirat", unix.SYS_MKDIRAT, root, b.String(name), none)
		b.mask(directories, root, b.String(name), program.Const(unix.AT_REMOVEDIR, "AT_REMOVEDIR"))
	}
}

// mask covers paths with what has a name in the root, and removes that: at the end, because the kernel mounts nothing that has no name,
// d_set_mounted in fs/dcache.c.
func (b *builder) mask(paths []procPath, root, name, remove program.Value) {
	dir, from := root, name
	for i, p := range paths {
		tree := b.copyOf(p.o, dir, from, false)
		if i == 0 {
			b.readOnly(p.o, tree)
		}
		b.over(p, b.inProc(p))
		dir, from = program.Kept(procMount, "$8"), b.String(p.name) // a copy of this one is read-only already
	}
	b.call(paths[0].o, "unlinkat", unix.SYS_UNLINKAT, root, name, remove)
}
