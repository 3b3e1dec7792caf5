package policy

import (
	"fmt"
	"slices"
	"strings"
)

// defaultTmpfsMode is that of /tmp: everybody may write, only owners remove.
const defaultTmpfsMode = 0o1777

// filesystem reads what of the file system a module has.
func (d *decoder) filesystem(n *node) []Mount {
	if n.kind == kindMap {
		d.wrongType(n, "a list").help("write [{path: /usr, access: rx}, ...]")
		return nil
	}
	var mounts []Mount
	first := map[string]Pos{}
	for _, item := range d.list(n, "a list such as [{path: /usr, access: rx}]") {
		m, at, ok := d.mount(item)
		if m.Path == "" {
			continue
		}
		if earlier, twice := first[m.Path]; twice {
			d.twice(at, fmt.Sprintf("path %s", m.Path), earlier)
			continue
		}
		first[m.Path] = m.Pos
		if ok {
			mounts = append(mounts, m)
		}
	}
	if n.kind == kindList && len(n.items) == 0 && !d.partial {
		d.report(codeMissingKey, n.span, "the file-system list is empty, so the program itself is not there").
			help("list at least the program and its libraries: {path: /usr, access: rx}")
	}
	return mounts
}

// mount reads one entry of the list. The path is set also when something else is wrong with the entry.
func (d *decoder) mount(n *node) (Mount, span, bool) {
	if n.kind == kindScalar && strings.HasPrefix(n.text, "/") {
		path, access, _ := strings.Cut(n.text, ":") // as Compose writes volumes
		if access = meantAccess(access); access == "" {
			access = "r"
		}
		d.wrongType(n, "a map such as {path: /usr, access: rx}").hint(didYouMean("{path: " + path + ", access: " + access + "}"))
		return Mount{}, span{}, false
	}
	f, ok := d.fields(n, "a filesystem entry", "a map such as {path: /usr, access: rx}",
		"path", "source", "access", "tmpfs", "mode", "proc", "hidepid", "cgroup", "control", "dev", "if_exists", "nosymfollow",
		"masked", "read_only")
	if !ok {
		return Mount{}, span{}, false
	}
	m := Mount{Access: AccessRead, Pos: n.pos}
	at := n.span
	path := f.need("path", span{n.pos, 1}, "the entry", "path: /...")
	pathOK := false
	if path != nil {
		at = path.span
		m.Path, pathOK = d.mountPath(path)
	}
	ok = d.mountKind(f, &m) && pathOK
	if e := f.n.entry("source"); e != nil {
		ok = d.mountSource(e, &m) && ok
	}
	if a := f.get("access"); a != nil {
		m.Access, ok = d.access(a, m.Kind, ok)
	}
	if e := f.n.entry("mode"); e != nil {
		if m.Kind != MountTmpfs {
			d.report(codeNoEffect, e.at, "mode has no effect without tmpfs").help("remove it; what is at a path has its own mode")
		} else {
			m.Mode = d.mode(e.value, 0o7777).V
		}
	}
	if e := f.n.entry("hidepid"); e != nil {
		if m.Kind != MountProc {
			d.report(codeNoEffect, e.at, "hidepid has no effect without proc").help("remove it, or make the entry a proc: proc: pid")
		} else {
			m.Hide = d.choice(e.value, "hidepid", hideChoices()...).V
		}
	}
	if pathOK {
		d.procLists(f, &m)
	}
	if e := f.n.entry("if_exists"); e != nil {
		m.Optional = d.boolean(e.value)
		if m.Optional && m.Kind != MountBind {
			d.report(codeNoEffect, e.at, "if_exists has no effect on what the supervisor makes").help("remove it; nothing of the host is needed")
		}
	}
	if e := f.n.entry("nosymfollow"); e != nil {
		m.NoSymFollow = d.boolean(e.value)
		if m.NoSymFollow && m.Kind != MountBind {
			d.report(codeNoEffect, e.at, "nosymfollow has no effect on what the supervisor makes").help("remove it; the links there are the module's own")
		}
	}
	return m, at, ok
}

// hideChoices are what a proc may do about processes that the reader could not trace. Source: proc(5), mount options.
func hideChoices() []string { return []string{"noaccess", "invisible", "ptraceable"} }

func (d *decoder) mountPath(n *node) (string, bool) {
	s, ok := d.text(n, "a path")
	if !ok {
		return "", false
	}
	path, ok := d.path(n, s)
	if ok && path == "/" {
		d.report(codeRootPath, n.span, "the root directory cannot be listed: it would let the module see the whole host").
			help("list what the program needs, such as /usr, /lib and /etc/ssl")
		return "", false
	}
	return path, ok
}

// mountSource reads what of the host an entry shows, when that is somewhere else there.
func (d *decoder) mountSource(e *entry, m *Mount) bool {
	if m.Kind != MountBind {
		d.report(codeNoEffect, e.at, "source has no effect on what the supervisor makes").help("remove it; nothing of the host is shown")
		return false
	}
	source, ok := d.mountPath(e.value)
	if ok && source == m.Path {
		d.report(codeNoEffect, e.value.span, "source says what path says").help("remove it; an entry shows what the host has at its path")
		return false
	}
	m.Source = source
	return ok
}

// mountKind reads which of tmpfs, proc, cgroup, control and dev an entry has; without one it is what the host has there.
func (d *decoder) mountKind(f fields, m *Mount) bool {
	kinds := 0
	ok := true
	for _, e := range f.n.entries {
		switch e.key {
		case "tmpfs":
			m.Kind, m.Access, m.Mode = MountTmpfs, AccessRead|AccessWrite, defaultTmpfsMode
			m.Size, ok = d.size(e.value, "tmpfs")
			if ok && m.Size == 0 {
				d.report(codeRange, e.value.span, "a tmpfs of size 0 would have no limit").help("write a size such as 16M")
				ok = false
			}
		case "proc":
			m.Kind = MountProc
			v := d.choice(e.value, "kind of proc", "all", "pid")
			m.Subset, ok = v.V, v.Set()
		case "cgroup":
			m.Kind = MountCgroup
			ok = d.choice(e.value, "kind of cgroup", "own").Set()
		case "control":
			m.Kind = MountControl
			ok = d.choice(e.value, "kind of control socket", "self").Set()
		case "dev":
			m.Kind = MountDev
			ok = d.choice(e.value, "kind of dev", "minimal").Set()
		default:
			continue
		}
		if kinds++; kinds > 1 {
			d.report(codeTwice, e.at, "an entry is one of tmpfs, proc, cgroup, control and dev").help("write an entry for each")
			return false
		}
	}
	return ok
}

// access reads what a module may do below a path.
func (d *decoder) access(n *node, kind MountKind, ok bool) (Access, bool) {
	if kind == MountControl {
		d.report(codeNoEffect, n.span, "access has no effect on a control socket").help("remove it; a module can connect to the socket, and that is all")
		return 0, false
	}
	if kind == MountDev {
		d.report(codeNoEffect, n.span, "access has no effect on dev: minimal").
			help("remove it; the directory cannot be changed, its devices can be read and written. A device that is listed by itself has an access of its own")
		return 0, false
	}
	words := []string{"r", "rx", "rw", "rwx"}
	if meant := meantAccess(n.text); n.kind == kindScalar && meant != "" {
		d.report(codeChoice, n.span, "unknown access %q", n.text).hint(didYouMean(meant)).help("one of r, rx, rw, rwx")
		return 0, false
	}
	v := d.choice(n, "access", words...)
	if !v.Set() {
		return 0, false
	}
	access := []Access{
		AccessRead,
		AccessRead | AccessExecute,
		AccessRead | AccessWrite,
		AccessRead | AccessWrite | AccessExecute,
	}[slices.Index(words, v.V)]
	if access&AccessExecute != 0 && (kind == MountProc || kind == MountCgroup) {
		d.report(codeNoEffect, n.span, "there is nothing to execute in a proc or a cgroup file system").help("write r or rw")
		return 0, false
	}
	return access, ok
}
