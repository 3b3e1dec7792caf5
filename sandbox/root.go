package sandbox

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/program"
)

// topLinks are the names at the top of a root that a distribution with a merged /usr has as symbolic links.
var topLinks = [...]string{"bin", "lib", "lib32", "lib64", "libx32", "sbin"}

// node is one mount of a module's root.
type node struct {
	policy.Mount
	source string // path on the host, links resolved; MountBind only
	socket string // which of the instance's sockets; MountControl only
	kind   Kind   // Directory, or what the host has there
	plain  bool   // a device of dev: minimal: no ioctl
	// what of a proc gets a mount of its own; MountProc only
	masked, readOnly []procPath
}

// made tells whether the supervisor makes what is there, so that nothing of the host's is.
func (n node) made() bool { return n.Kind != policy.MountBind }

// link is a symbolic link at the top of a module's root.
type link struct{ name, target string }

// root is the root of a module: what is mounted where, parents first, and which links are recreated.
type root struct {
	nodes []node
	links []link
}

// layout decides what a module's root is made of.
func (c *compiler) layout() root {
	var r root
	links := c.topLinks()
	procs := 0
	for _, m := range c.module.Filesystem {
		if m.Kind == policy.MountProc {
			if procs++; procs > 1 {
				c.problem("E605", m.Pos, "a second proc at "+m.Path, "list one")
				continue
			}
		}
		n := node{Mount: m, kind: Directory}
		if n.Path = through(links, m.Path); !c.shown(&n) {
			continue
		}
		r.nodes = append(r.nodes, n)
		if m.Kind == policy.MountDev {
			r.nodes = append(r.nodes, c.minimalDev(n)...)
		}
	}
	if c.notifies() {
		r.nodes = append(r.nodes, c.notifyNode(r)...)
	}
	slices.SortStableFunc(r.nodes, func(a, b node) int { return cmp.Compare(a.Path, b.Path) })
	r.nodes = merge(r.nodes)
	for _, l := range links {
		if r.leads(path.Join("/", l.target)) {
			r.links = append(r.links, l)
		}
	}
	c.checkMountPoints(r)
	return r
}

// shown completes a node. It returns false when the entry is left out.
func (c *compiler) shown(n *node) bool {
	switch n.Kind {
	case policy.MountCgroup:
		if len(c.hierarchies()) > 0 {
			break
		}
		if len(c.module.Resources) == 0 { // otherwise best_effort gave the limits up, and the report says so
			c.problem("E606", n.Pos, "the module has no control group to show at "+n.Mount.Path+": it has no limit of resources",
				"limit something, such as resources: {pids.max: 64}, or remove the entry")
		}
		return false
	case policy.MountControl:
		if c.Alone {
			return false
		}
		n.kind, n.socket = Other, program.ControlSocket
	case policy.MountProc:
		c.checkNewProc(n)
		c.procPaths(n)
	case policy.MountBind:
		return c.bind(n)
	}
	return true
}

// minimalDev returns what stands in the directory of dev: minimal.
func (c *compiler) minimalDev(dev node) []node {
	var nodes []node
	for _, m := range c.module.MinimalDev(dev.Mount) {
		n := node{Mount: m, kind: Directory, plain: true}
		if m.Kind == policy.MountBind {
			from := cmp.Or(m.Source, m.Path)
			f, err := c.host.File(from)
			if err != nil {
				c.hostError(m.Pos, from, err)
				continue
			}
			if f.Kind != Device {
				c.problem("E601", m.Pos, "the host has no device at "+from+", which dev: minimal shows", "make it, null(4), or list the devices that the module needs one by one")
				continue
			}
			n.source, n.kind = f.Real, f.Kind
		}
		nodes = append(nodes, n)
	}
	return nodes
}

// topLinks returns the links at the top of the host's root.
func (c *compiler) topLinks() []link {
	var out []link
	for _, name := range topLinks {
		f, err := c.host.File("/" + name)
		if err != nil {
			c.hostError(c.module.Pos, "/"+name, err)
			return nil
		}
		if f.Link != "" {
			out = append(out, link{name, f.Link})
		}
	}
	return out
}

// through rewrites a path that leads through a link at the top: /lib/x becomes /usr/lib/x.
func through(links []link, p string) string {
	for _, l := range links {
		if rest, ok := strings.CutPrefix(p, "/"+l.name); ok && (rest == "" || rest[0] == '/') {
			return path.Join("/", l.target, rest)
		}
	}
	return p
}

// bind finds what the host has at the path of an entry. It returns false when the entry is left out.
func (c *compiler) bind(n *node) bool {
	from := cmp.Or(n.Source, n.Mount.Path)
	f, err := c.host.File(from)
	switch {
	case err != nil:
		c.hostError(n.Pos, from, err)
		return false
	case f.Kind == Absent && n.Optional:
		return false
	case f.Kind == Absent && c.Trial:
		c.problems = append(c.problems, policy.Diagnostic{Code: "W608", Severity: policy.SeverityWarning, Pos: n.Pos, Width: 1,
			Message: "module " + c.module.Name + ": the host has nothing at " + n.Mount.Path + ": " + f.Errno.Error() + "; the trial goes without it"})
		return false
	case f.Kind == Absent:
		c.problem("E601", n.Pos, "the host has nothing at "+from+": "+f.Errno.Error(),
			"correct the path, or say if_exists: true when it may be absent")
		return false
	case f.Real == "/":
		c.problem("E602", n.Pos, from+" leads to the host's root", "list the directories that the module needs")
		return false
	}
	n.source, n.kind = f.Real, f.Kind
	n.NoSymFollow = n.NoSymFollow && c.noSymFollow(n.Pos)
	return true
}

// noSymFollow tells whether the kernel has mounts on which no link is followed. Source: mount_setattr(2), MOUNT_ATTR_NOSYMFOLLOW.
func (c *compiler) noSymFollow(pos policy.Pos) bool {
	if c.facts.Kernel.Before(policy.KernelVersion{Major: 5, Minor: 14}) {
		c.lacks("nosymfollow", pos, "its kernel follows the links of every bind mount (Linux 5.14 can do without)", "run it on a newer kernel")
		return false
	}
	return true
}

// merge drops entries at the same place, which arise when one is reached through a link, joining their access, and entries
// that an outer one shows anyway with the same access.
func merge(nodes []node) []node {
	out := nodes[:0]
	for _, n := range nodes {
		if outer, ok := (root{nodes: out}).covering(n.Path); ok && outer.Path != n.Path && n.Kind == policy.MountBind && outer.Kind == n.Kind &&
			outer.Access == n.Access && outer.NoSymFollow == n.NoSymFollow && n.kind != Device && n.source == path.Join(outer.source, strings.TrimPrefix(n.Path, outer.Path)) {
			continue
		}
		if len(out) > 0 && out[len(out)-1].Path == n.Path && out[len(out)-1].Kind == n.Kind {
			out[len(out)-1].Access |= n.Access
			out[len(out)-1].NoSymFollow = out[len(out)-1].NoSymFollow || n.NoSymFollow
			continue
		}
		out = append(out, n)
	}
	return out
}

// covering returns the innermost mount that p is on.
func (r root) covering(p string) (node, bool) {
	for _, n := range slices.Backward(r.nodes) {
		if within(p, n.Path) {
			return n, true
		}
	}
	return node{}, false
}

// leads tells whether there is something of the module's at p or below.
func (r root) leads(p string) bool {
	_, ok := r.covering(p)
	return ok || slices.ContainsFunc(r.nodes, func(n node) bool { return within(n.Path, p) })
}

func within(p, dir string) bool {
	return p == dir || strings.HasPrefix(p, dir) && p[len(dir)] == '/'
}

// checkMountPoints reports an entry inside of another one that has no place to be mounted on.
func (c *compiler) checkMountPoints(r root) {
	for i, n := range r.nodes {
		outer, ok := root{nodes: r.nodes[:i]}.covering(n.Path)
		if !ok || outer.Kind == policy.MountTmpfs || outer.Kind == policy.MountDev {
			continue
		}
		inside := strings.TrimPrefix(n.Path, outer.Path)
		f := File{Kind: Absent}
		if outer.Kind == policy.MountBind {
			var err error
			if f, err = c.host.File(path.Join(outer.source, inside)); err != nil {
				c.hostError(n.Pos, n.Path, err)
				continue
			}
		}
		if outer.Kind == policy.MountBind && f.Kind != Absent && f.Real != path.Join(outer.source, inside) {
			c.problem("E604", n.Pos, n.Path+" leads through a symbolic link to "+f.Real, "list "+f.Real+" instead")
			continue
		}
		if f.Kind == Absent && n.socket == program.NotifySocket {
			c.problem("E607", n.Pos, "the socket for notify has no place: "+outer.Path+" is listed, and has no "+notifyPath,
				"list narrower paths than "+outer.Path+", or {path: "+path.Dir(notifyPath)+", tmpfs: 1M} as well")
			continue
		}
		if f.Kind == Absent || (f.Kind == Directory) != (n.kind == Directory) {
			c.problem("E603", n.Pos, "nothing fit to mount "+n.Path+" on: "+outer.Path+" is listed too, and has no such entry",
				"create it on the host, or list narrower paths than "+outer.Path)
		}
	}
}

// resolve follows a path inside the module's root through the links at its top.
func (r root) resolve(p string) string { return through(r.links, path.Clean(p)) }

// visible tells whether the module can reach p with the access wanted, and what is missing.
func (r root) visible(p string, want policy.Access) (string, bool) {
	n, ok := r.covering(r.resolve(p))
	switch {
	case !ok:
		return "it is not in the filesystem list", false
	case n.made():
		return "filesystem has something new at " + n.Path + ", which hides what the host has there", false
	case n.Access&want != want:
		return "filesystem lists " + n.Path + " without " + accessNames(want&^n.Access), false
	}
	return "", true
}

func accessNames(a policy.Access) string {
	var out []string
	for i, name := range [...]string{"read", "write", "execute"} {
		if a>>i&1 == 1 {
			out = append(out, name)
		}
	}
	return strings.Join(out, " and ") + " access"
}
