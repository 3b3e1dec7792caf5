package sandbox

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/program"
)

// mountAttr returns the attributes of an entry's mount. Only what an entry names by itself may be a device.
func mountAttr(n node) uint64 {
	attr := uint64(unix.MOUNT_ATTR_NOSUID)
	if n.Kind == policy.MountDev { // it becomes read-only when everything in it has its place
		return attr | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC
	}
	if n.kind != Device {
		attr |= unix.MOUNT_ATTR_NODEV
	}
	if n.Access&policy.AccessWrite == 0 {
		attr |= unix.MOUNT_ATTR_RDONLY
	}
	if n.Access&policy.AccessExecute == 0 {
		attr |= unix.MOUNT_ATTR_NOEXEC
	}
	if n.NoSymFollow {
		attr |= unix.MOUNT_ATTR_NOSYMFOLLOW
	}
	return attr
}

// root makes the module's root and enters it.
func (b *builder) root(r root) {
	top := b.Add(program.Prepare{Kind: program.Tmpfs, Path: "/", Attr: unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC,
		Options: []program.Option{{Key: "mode", Value: "0755"}, {Key: "size", Value: "1M"}}})
	root := program.FD(top, "root")
	handled := landlockHandled(b.c.facts.Landlock.ABI)
	rules := []program.Rule{{From: top, Access: unix.LANDLOCK_ACCESS_FS_READ_DIR}}

	if !b.c.seeded() {
		// The new namespace is a peer of the old one: without this its mounts would appear on the host.
		b.call(everyModule, "mount", unix.SYS_MOUNT, program.Null(), b.String("/"), program.Null(),
			program.Const(unix.MS_REC|unix.MS_PRIVATE, "MS_REC|MS_PRIVATE"), program.Null())
	}
	move := program.Const(unix.MOVE_MOUNT_F_EMPTY_PATH, "MOVE_MOUNT_F_EMPTY_PATH")
	b.call(everyModule, "move_mount", unix.SYS_MOVE_MOUNT, root, b.String(""), program.Const(atFDCWD, "AT_FDCWD"), b.String("/"), move)

	made := map[string]bool{}
	for _, l := range r.links {
		b.call(everyModule, "symlinkat", unix.SYS_SYMLINKAT, b.String(l.target), root, b.String(l.name))
		made["/"+l.name] = true
	}
	done := []mounted{{"/", top}}
	for _, n := range r.nodes {
		o := origin(n.Pos)
		if n.Kind == policy.MountProc {
			b.mountPoint(o, done, made, n)
			b.newProc(n, root)
			b.readOnlyProc(n)
			b.maskProc(n, root, made)
			done = append(done, mounted{n.Path, -1})
			continue
		}
		for _, part := range b.parts(n) {
			b.mountPoint(o, done, made, part.node)
			b.call(o, "move_mount", unix.SYS_MOVE_MOUNT, program.FD(part.fd, part.node.Path), b.String(""), root,
				b.String(strings.TrimPrefix(part.node.Path, "/")), move)
			if n.Kind != policy.MountControl { // Landlock has no right to connect, so there is nothing to allow
				rules = append(rules, program.Rule{From: part.fd, Access: landlockAccess(part.node) & handled, Origin: o})
			}
			if n.Kind == policy.MountTmpfs || n.Kind == policy.MountDev {
				done = append(done, mounted{n.Path, part.fd})
			} else {
				done = append(done, mounted{part.node.Path, -1})
			}
		}
	}
	for _, d := range done {
		if n, ok := r.covering(d.path); ok && n.Kind == policy.MountDev && n.Path == d.path {
			b.links(n, r, program.FD(d.fd, d.path))
			b.readOnly(origin(n.Pos), program.FD(d.fd, d.path))
		}
	}
	b.readOnly(everyModule, root)
	b.enterRoot(root)
	if b.c.landlock {
		b.ruleset = b.Add(program.Prepare{Kind: program.Ruleset, Handled: handled, Net: b.c.closedTCP(),
			Scoped: b.c.scopes(), Ports: b.c.openPorts(), Rules: rules, Origin: origin(b.c.module.Pos)})
	}
	for _, n := range r.nodes {
		if n.Kind == policy.MountProc && b.ruleset >= 0 {
			b.procRule(n, handled)
		}
	}
}

// seeded tells whether a launch begins with the launcher's empty mount namespace. For a single launch one would have to be made first, so that one
// copies the host's mounts and takes them away. So does each where a new proc may not show more than the one that is there: in a user namespace
// there must be one; and each that may not change its root. Source: mount_too_revealing and mntns_install in the kernel's fs/namespace.c.
func (c *compiler) seeded() bool {
	return c.has(unix.CLONE_NEWNS) && c.direct() && c.facts.Capabilities.Has(unix.CAP_SYS_CHROOT) && !c.Alone && !c.Trial
}

// enterRoot makes the new root, which lies over the old one, the root. Below it is nothing then but the seed's empty directory, or nothing at all.
// Who enters the namespace by setns(2) gets what is on top: mntns_install in the kernel's fs/namespace.c.
func (b *builder) enterRoot(root program.Value) {
	b.call(everyModule, "fchdir", unix.SYS_FCHDIR, root)
	if b.c.seeded() {
		b.call(everyModule, "chroot", unix.SYS_CHROOT, b.String("."))
		return
	}
	b.call(everyModule, "pivot_root", unix.SYS_PIVOT_ROOT, b.String("."), b.String("."))
	b.call(everyModule, "umount2", unix.SYS_UMOUNT2, b.String("."), program.Const(unix.MNT_DETACH, "MNT_DETACH"))
}

// readOnly makes a mount read-only once everything in it has a place.
func (b *builder) readOnly(o program.Origin, mount program.Value) {
	b.call(o, "mount_setattr", unix.SYS_MOUNT_SETATTR, mount, b.String(""), program.Const(unix.AT_EMPTY_PATH, "AT_EMPTY_PATH"),
		program.At(b.Words(unix.MOUNT_ATTR_RDONLY, 0, 0, 0), "{MOUNT_ATTR_RDONLY}"), program.Int(32))
}

// links makes the links of dev: minimal, but where the module lists something else.
func (b *builder) links(dev node, r root, dir program.Value) {
	for _, l := range policy.MinimalLinks() {
		at := path.Join(dev.Path, l.Name)
		if !slices.ContainsFunc(r.nodes, func(n node) bool { return within(n.Path, at) }) {
			b.call(origin(dev.Pos), "symlinkat", unix.SYS_SYMLINKAT, b.String(l.Target), dir, b.String(l.Name))
		}
	}
}

// procMount is the slot with the descriptor of the module's proc; there is at most one.
const procMount = 8

// newProc mounts a new proc. It is the child's work: a proc belongs to the pid namespace of the process that makes it.
func (b *builder) newProc(n node, root program.Value) {
	o := origin(n.Pos)
	b.call(o, "fsopen", unix.SYS_FSOPEN, b.String("proc"), program.Const(unix.FSOPEN_CLOEXEC, "FSOPEN_CLOEXEC")).Keep(7)
	fs := program.Kept(7, "$7")
	if n.Subset == "pid" {
		b.call(o, "fsconfig", unix.SYS_FSCONFIG, fs, program.Const(unix.FSCONFIG_SET_STRING, "FSCONFIG_SET_STRING"), b.String("subset"), b.String("pid"), program.Int(0))
	}
	if n.Hide != "" { // the words, and options of each mount alone, came with Linux 5.8; mount_setattr, without which there is no launch, with 5.12
		b.call(o, "fsconfig", unix.SYS_FSCONFIG, fs, program.Const(unix.FSCONFIG_SET_STRING, "FSCONFIG_SET_STRING"), b.String("hidepid"), b.String(n.Hide), program.Int(0))
	}
	b.call(o, "fsconfig", unix.SYS_FSCONFIG, fs, program.Const(unix.FSCONFIG_CMD_CREATE, "FSCONFIG_CMD_CREATE"), program.Null(), program.Null(), program.Int(0))
	b.call(o, "fsmount", unix.SYS_FSMOUNT, fs, program.Const(unix.FSMOUNT_CLOEXEC, "FSMOUNT_CLOEXEC"), program.Hex(mountAttr(n))).Keep(procMount)
	b.call(o, "move_mount", unix.SYS_MOVE_MOUNT, program.Kept(procMount, "$8"), b.String(""), root, b.String(strings.TrimPrefix(n.Path, "/")),
		program.Const(unix.MOVE_MOUNT_F_EMPTY_PATH, "MOVE_MOUNT_F_EMPTY_PATH"))
}

// procRule adds the module's proc to the ruleset, which the spawner made before there was one.
func (b *builder) procRule(n node, handled uint64) {
	o := origin(n.Pos)
	access := landlockAccess(n) & handled
	at := b.Words(access, 0) // struct landlock_path_beneath_attr
	b.Store(o, program.Kept(procMount, "$8"), at+8, "parent_fd")
	b.call(o, "landlock_add_rule", unix.SYS_LANDLOCK_ADD_RULE, program.FD(b.ruleset, "ruleset"),
		program.Const(unix.LANDLOCK_RULE_PATH_BENEATH, "LANDLOCK_RULE_PATH_BENEATH"), program.At(at, fmt.Sprintf("{%#x, $8}", access)), program.Int(0))
}

// mounted is a mount of the new root; fd is -1 when nothing can be created in it.
type mounted struct {
	path string
	fd   int
}

// part is one mount that an entry of the list stands for.
type part struct {
	node node
	fd   int
}

// parts prepares the mounts of an entry: one, or for an instance's control groups one a hierarchy.
func (b *builder) parts(n node) []part {
	p := program.Prepare{Path: n.Path, Attr: mountAttr(n), Origin: origin(n.Pos)}
	switch n.Kind {
	case policy.MountTmpfs:
		p.Kind = program.Tmpfs
		mode := n.Mode
		if mode == 0 {
			mode = 0o1777
		}
		p.Options = []program.Option{{Key: "size", Value: strconv.FormatInt(n.Size, 10)}, {Key: "mode", Value: "0" + strconv.FormatUint(uint64(mode), 8)}}
		if user := b.c.user; b.c.becomes { // otherwise the spawner's user is the module's
			p.Options = append(p.Options, program.Option{Key: "uid", Value: strconv.FormatUint(uint64(user.UID), 10)},
				program.Option{Key: "gid", Value: strconv.FormatUint(uint64(user.GID), 10)})
		}
	case policy.MountDev:
		p.Kind, p.Options = program.Tmpfs, []program.Option{{Key: "size", Value: "64k"}, {Key: "mode", Value: "0755"}}
	case policy.MountCgroup:
		return b.cgroupParts(n, p)
	case policy.MountControl:
		p.Kind, p.Path = program.Socket, n.socket
	default:
		from := b.Add(program.Prepare{Kind: program.HostPath, Path: n.source, Directory: n.kind == Directory, Origin: origin(n.Pos)})
		p.Kind, p.From, p.Path = program.Tree, from, n.Path
	}
	return []part{{n, b.Add(p)}}
}

// cgroupParts prepares the instance's directories: on version 2 one, on version 1 one for each controller that a limit needs.
func (b *builder) cgroupParts(n node, p program.Prepare) []part {
	p.Kind = program.CgroupTree
	var out []part
	for _, h := range b.c.hierarchies() {
		at, dir := n, p
		dir.Path = ""
		if h.Version == 1 {
			dir.Path = path.Base(h.Mount)
			at.Path = path.Join(n.Path, dir.Path)
		}
		out = append(out, part{at, b.Add(dir)})
	}
	return out
}

// mountPoint creates what a mount is put on, with the directories above it, in the innermost file system of ours that holds it.
func (b *builder) mountPoint(o program.Origin, done []mounted, made map[string]bool, n node) {
	var in mounted
	for _, m := range done {
		if m.path == "/" || within(n.Path, m.path) && cmp.Compare(len(m.path), len(in.path)) > 0 {
			in = m
		}
	}
	if in.fd < 0 {
		return // inside of something from the host: layout checked that it is there
	}
	dir, name := program.FD(in.fd, in.path), map[bool]string{true: "root"}[in.path == "/"]
	if name != "" {
		dir = program.FD(in.fd, name)
	}
	rest := strings.Trim(strings.TrimPrefix(n.Path, in.path), "/")
	components := strings.Split(rest, "/")
	for i := range components {
		at := strings.Join(components[:i+1], "/")
		full := path.Join(in.path, at)
		if made[full] {
			continue
		}
		made[full] = true
		if i < len(components)-1 || n.kind == Directory {
			b.call(o, "mkdirat", unix.SYS_MKDIRAT, dir, b.String(at), program.Const(0o755, "0755"))
		} else {
			b.call(o, "mknodat", unix.SYS_MKNODAT, dir, b.String(at), program.Const(unix.S_IFREG|0o444, "S_IFREG|0444"), program.Int(0))
		}
	}
}
