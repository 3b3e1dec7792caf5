package systemd

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// tree is what a program sees of the file system, by path.
type tree map[string]policy.Mount

// hostTop is what a root file system has: what a unit without a root of its own sees. What this machine does not have is left out at the start.
func hostTop() tree {
	t := tree{}
	for _, dir := range []string{"/bin", "/boot", "/dev", "/efi", "/etc", "/home", "/lib", "/lib32", "/lib64", "/libx32", "/media", "/mnt", "/opt",
		"/root",
		"/run", "/sbin", "/srv", "/sys", "/tmp", "/usr", "/var"} {
		t[dir] = policy.Mount{Path: dir, Access: policy.AccessRead | policy.AccessWrite | policy.AccessExecute, Optional: true}
	}
	return t
}

// files reads what of the file system the program has. Source: systemd.exec(5), "Paths" and "Sandboxing".
func (im *importer) files(u *unit, m *moduleYAML) {
	t := tree{}
	own := false // an empty root
	for _, w := range u.words("Service", "TemporaryFileSystem") {
		if where, _, _ := cutPath(w.text); where == "/" {
			own = true
		}
	}
	if !own {
		t = hostTop()
		im.note(m.pos, "the unit sees the host's root, and a policy lists what a module sees: the list has the usual directories; take out what the "+
			"program does not need")
	}
	im.system(u, t, own)
	im.lists(u, t)
	im.directories(u, t)
	im.proc(u, m, t, own)
	im.executable(u, t, own)
	for _, p := range slices.Sorted(maps.Keys(t)) {
		if p != "/" {
			m.files = append(m.files, mountText(t[p]))
		}
	}
	if len(m.files) == 0 {
		im.note(m.pos, "the unit sees nothing, not even the program: /usr is listed in its place")
		m.files = []string{"{path: /usr, access: rx}"}
	}
}

// mountText writes an entry of a file-system list.
func mountText(f policy.Mount) string {
	text := "{path: " + flow(f.Path)
	switch f.Kind {
	case policy.MountTmpfs:
		size, _ := bytes(uint64(f.Size))
		text += ", tmpfs: " + size
		if f.Mode != 0 && f.Mode != 0o1777 {
			text += fmt.Sprintf(`, mode: "%04o"`, f.Mode)
		}
	case policy.MountProc:
		text += ", proc: " + f.Subset
		if f.Masked.Written() {
			text += ", masked: [default"
			for _, v := range f.Masked.Own {
				text += ", " + flow(f.Path+"/"+v.V)
			}
			text += "]"
		}
		return text + "}"
	}
	if f.Source != "" {
		text += ", source: " + flow(f.Source)
	}
	text += ", access: r"
	if f.Access&policy.AccessWrite != 0 {
		text += "w"
	}
	if f.Access&policy.AccessExecute != 0 {
		text += "x"
	}
	if f.Optional && f.Kind == policy.MountBind {
		text += ", if_exists: true"
	}
	return text + "}"
}

// readOnly takes write access from what is at a path and below it.
func (t tree) readOnly(dirs ...string) {
	for p, f := range t {
		if slices.ContainsFunc(dirs, func(d string) bool { return d == "/" || within(p, d) }) && f.Kind == policy.MountBind {
			f.Access &^= policy.AccessWrite
			t[p] = f
		}
	}
}

// part makes an entry for a path, with the access of what it lies in. It is false when nothing there is seen.
func (t tree) part(p string) (policy.Mount, bool) {
	if f, there := t[p]; there {
		return f, true
	}
	for d := path.Dir(p); ; d = path.Dir(d) {
		if f, there := t[d]; there && f.Kind == policy.MountBind {
			f.Path = p
			return f, true
		}
		if d == "/" {
			return policy.Mount{}, false
		}
	}
}

// empty puts an empty directory at a path.
func (t tree) empty(p string) {
	_, seen := t.part(p)
	for other := range t {
		if within(other, p) {
			delete(t, other)
		}
	}
	if seen {
		t[p] = policy.Mount{Kind: policy.MountTmpfs, Path: p, Size: 4096, Mode: 0o755, Access: policy.AccessRead}
	}
}

const tmpSize = 64 << 20 // of a /tmp of its own, which systemd keeps on the disk

// system reads the directives with a word for much.
func (im *importer) system(u *unit, t tree, own bool) {
	protect, word, a := u.yes("ProtectSystem")
	switch {
	case word == "strict":
		t.readOnly("/")
		for _, d := range []string{"/dev", "/proc", "/sys"} {
			if f, there := t[d]; there {
				f.Access |= policy.AccessWrite
				t[d] = f
			}
		}
	case word == "full":
		t.readOnly("/usr", "/boot", "/efi", "/etc", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
	case protect:
		t.readOnly("/usr", "/boot", "/efi", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
	case word != "":
		im.note(a.pos, "ProtectSystem=%s is not carried: it is neither yes, no, full nor strict", short(word))
	}
	homes := []string{"/home", "/root", "/run/user"}
	protect, word, a = u.yes("ProtectHome")
	switch {
	case protect || word == "tmpfs":
		for _, d := range homes {
			t.empty(d)
		}
	case word == "read-only":
		for _, d := range homes {
			if f, seen := t.part(d); seen {
				t[d] = f
			}
		}
		t.readOnly(homes...)
	case word != "":
		im.note(a.pos, "ProtectHome=%s is not carried: it is neither yes, no, read-only nor tmpfs", short(word))
	}
	if u.flag("PrivateTmp") {
		for _, d := range []string{"/tmp", "/var/tmp"} {
			t[d] = policy.Mount{Kind: policy.MountTmpfs, Path: d, Size: tmpSize, Mode: 0o1777,
				Access: policy.AccessRead | policy.AccessWrite | policy.AccessExecute}
		}
		im.note(u.scalar("Service", "PrivateTmp").pos, "the private /tmp and /var/tmp are in memory, %d MiB each", tmpSize>>20)
	}
	if u.flag("PrivateDevices") && !own {
		delete(t, "/dev")
		for _, d := range []string{"null", "zero", "full", "random", "urandom", "tty"} {
			t["/dev/"+d] = policy.Mount{Path: "/dev/" + d, Access: policy.AccessRead | policy.AccessWrite, Optional: true}
		}
	}
	if u.flag("ProtectKernelTunables") {
		t.readOnly("/sys")
	}
	if u.flag("ProtectControlGroups") && !own {
		t.readOnly("/sys")
	}
	im.devices(u, t)
}

// devices reads DevicePolicy, as far as the list says the same.
func (im *importer) devices(u *unit, t tree) {
	a := u.scalar("Service", "DevicePolicy")
	if a == nil || a.value == "auto" {
		return
	}
	closed := closedDevices(&policy.Module{Filesystem: slices.Collect(maps.Values(t))})
	if a.value != "closed" || !closed {
		im.note(a.pos, "DevicePolicy=%s is not carried: a policy says which devices there are by their paths in filesystem", short(a.value))
	}
}

// cutPath cuts "path:rest", with a backslash in front of a colon that is one.
func cutPath(s string) (where, rest string, found bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case s[i] == ':':
			return b.String(), s[i+1:], true
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), "", false
}

// place reads a path of a list, with the signs that may stand in front of it.
func (im *importer) place(w word) (p string, optional, ok bool) {
	text := w.text
	for {
		if rest, cut := strings.CutPrefix(text, "-"); cut {
			text, optional = rest, true
		} else if rest, cut := strings.CutPrefix(text, "+"); cut {
			text = rest
		} else {
			break
		}
	}
	if !path.IsAbs(text) || path.Clean(text) == "/" {
		if path.Clean(text) != "/" {
			im.note(w.of.pos, "%s: %q is not carried: it is no absolute path", w.of.key, short(w.text))
		}
		return "/", optional, path.IsAbs(text)
	}
	return path.Clean(text), optional, true
}

// lists reads the directives with paths.
func (im *importer) lists(u *unit, t tree) {
	for _, w := range u.words("Service", "TemporaryFileSystem") {
		im.temporary(w, t)
	}
	im.each(u, "InaccessiblePaths", func(p string, _ bool, w word) {
		if p != "/proc" && within(p, "/proc") {
			return // proc reads them
		}
		t.empty(p)
		im.note(w.of.pos, "%s is carried as an empty directory, which can be listed", p)
	})
	im.each(u, "ReadOnlyPaths", func(p string, optional bool, _ word) { t.give(p, optional, false) })
	im.each(u, "ReadWritePaths", func(p string, optional bool, _ word) { t.give(p, optional, true) })
	for _, k := range []struct {
		key   string
		write bool
	}{{"BindReadOnlyPaths", false}, {"BindPaths", true}} {
		for _, w := range u.words("Service", k.key) {
			source, rest, two := cutPath(w.text)
			target, _, _ := cutPath(rest)
			p, optional, ok := im.place(word{source, w.of})
			switch {
			case !ok || p == "/":
			case two && target != "" && !path.IsAbs(target):
				im.note(w.of.pos, "%s: %q is not carried: it is no absolute path", k.key, short(target))
			default:
				access := policy.AccessRead | policy.AccessExecute
				if k.write {
					access |= policy.AccessWrite
				}
				if p == "/run/systemd/notify" { // the supervisor's own socket is there by itself
					continue
				}
				f := policy.Mount{Path: p, Access: access, Optional: optional}
				if at := path.Clean(target); two && target != "" && at != p {
					f.Path, f.Source = at, p
				}
				if f.Path != "/" {
					t[f.Path] = f
				}
			}
		}
	}
}

// each calls a function for each path of a directive.
func (im *importer) each(u *unit, key string, do func(p string, optional bool, w word)) {
	for _, w := range u.words("Service", key) {
		p, optional, ok := im.place(w)
		switch {
		case !ok:
		case p == "/":
			im.note(w.of.pos, "%s=/ is not carried: a policy does not list the root", key)
		default:
			do(p, optional, w)
		}
	}
}

// give sets whether what is at a path may be written, when it is seen at all.
func (t tree) give(p string, optional, write bool) {
	if !write {
		t.readOnly(p)
	}
	f, seen := t.part(p)
	if !seen {
		return
	}
	f.Access &^= policy.AccessWrite
	if write {
		f.Access |= policy.AccessWrite
	}
	f.Optional = f.Optional && t[p].Optional || optional
	t[p] = f
}

// temporary reads "path:options".
func (im *importer) temporary(w word, t tree) {
	where, options, _ := cutPath(w.text)
	p, _, ok := im.place(word{where, w.of})
	if !ok || p == "/" {
		return
	}
	f := policy.Mount{Kind: policy.MountTmpfs, Path: p, Size: tmpSize, Mode: 0o755,
		Access: policy.AccessRead | policy.AccessWrite | policy.AccessExecute}
	sized := false
	for _, o := range strings.Split(options, ",") {
		key, value, _ := strings.Cut(o, "=")
		switch key {
		case "", "rw", "nosuid", "nodev", "strictatime":
		case "ro":
			f.Access &^= policy.AccessWrite
		case "noexec":
			f.Access &^= policy.AccessExecute
		case "mode":
			mode := uint32(0)
			if _, err := fmt.Sscanf(value, "%o", &mode); err == nil && mode <= 0o7777 {
				f.Mode = mode
			}
		case "size":
			upper := strings.ToUpper(value)
			if v, ok := size(upper); ok && v >= 1024 {
				f.Size, sized = int64(v), true
			}
		default:
			im.note(w.of.pos, "the option %q of the tmpfs at %s is not carried", short(o), p)
		}
	}
	if !sized && f.Access&policy.AccessWrite != 0 {
		im.note(w.of.pos, "the tmpfs at %s has 64 MiB: a policy takes a size in bytes", p)
	}
	t[p] = f
}

// directories reads those that systemd makes for the unit.
func (im *importer) directories(u *unit, t tree) {
	for _, d := range []struct{ key, below string }{{"StateDirectory", "/var/lib"}, {"CacheDirectory", "/var/cache"}, {"LogsDirectory", "/var/log"},
		{"RuntimeDirectory", "/run"}, {"ConfigurationDirectory", "/etc"}} {
		for _, w := range u.words("Service", d.key) {
			name, _, _ := strings.Cut(w.text, ":")
			p := path.Join(d.below, name)
			if !within(p, d.below) || p == d.below {
				im.note(w.of.pos, "%s: %q is not carried: it leads out of %s", d.key, short(name), d.below)
				continue
			}
			access := policy.AccessRead | policy.AccessWrite
			if d.key == "ConfigurationDirectory" {
				access = policy.AccessRead
			}
			t[p] = policy.Mount{Path: p, Access: access}
			im.note(w.of.pos, "%s is not made: it has to be there, and the user's", p)
		}
	}
}

// proc reads what of /proc is seen.
func (im *importer) proc(u *unit, m *moduleYAML, t tree, own bool) {
	subset := u.scalar("Service", "ProcSubset")
	protect := u.scalar("Service", "ProtectProc")
	switch {
	case subset != nil && subset.value == "pid":
		t["/proc"] = policy.Mount{Kind: policy.MountProc, Path: "/proc", Subset: "pid"}
	case !own || protect != nil:
		t["/proc"] = policy.Mount{Kind: policy.MountProc, Path: "/proc", Subset: "all"}
	}
	im.masked(u, t)
	pos := m.pos
	if protect != nil {
		pos = protect.pos
	}
	if _, m.proc = t["/proc"]; m.proc {
		im.note(pos, "the processes of others are not only hidden: the module has a pid namespace, and a proc of it")
	}
}

// masked reads which paths below /proc are closed, besides those that every proc of a policy has closed.
func (im *importer) masked(u *unit, t tree) {
	f, there := t["/proc"]
	list := policy.ProcPaths{Pos: policy.Pos{Line: 1}, Default: policy.Value[bool]{V: true}}
	im.each(u, "InaccessiblePaths", func(p string, _ bool, w word) {
		name, inside := strings.CutPrefix(p, "/proc/")
		same := func(v policy.Value[string]) bool { return v.V == name }
		switch {
		case !inside || !there || f.Subset != "all":
		case slices.ContainsFunc(f.MaskedPaths(), func(v policy.Value[string]) bool { return within(name, v.V) }), slices.ContainsFunc(list.Own, same):
		case policy.OfProcess(name):
			im.note(w.of.pos, "%s is not carried: what processes show of each other is for hidepid to say", p)
		default:
			list.Own = append(list.Own, policy.Value[string]{V: name})
		}
	})
	// One that lies in another one is masked with it.
	all := slices.Clone(list.Own)
	list.Own = slices.DeleteFunc(list.Own, func(v policy.Value[string]) bool {
		return slices.ContainsFunc(all, func(o policy.Value[string]) bool { return o.V != v.V && within(v.V, o.V) })
	})
	if len(list.Own) > 0 {
		f.Masked = list
		t["/proc"] = f
	}
}

// executable reads NoExecPaths and ExecPaths: for each path the longest that it lies in counts.
func (im *importer) executable(u *unit, t tree, own bool) {
	rules := map[string]bool{}
	for _, k := range []struct {
		key string
		may bool
	}{{"NoExecPaths", false}, {"ExecPaths", true}} {
		for _, w := range u.words("Service", k.key) {
			if p, _, ok := im.place(w); ok {
				rules[p] = k.may
			}
		}
	}
	for p := range rules {
		if _, there := t[p]; !there && p != "/" {
			if f, seen := t.part(p); seen {
				t[p] = f
			}
		}
	}
	for p, f := range t {
		for d := p; ; d = path.Dir(d) {
			if may, named := rules[d]; named {
				if f.Access &^= policy.AccessExecute; may {
					f.Access |= policy.AccessExecute
				}
				break
			}
			if d == "/" {
				break
			}
		}
		if f.Kind == policy.MountProc {
			f.Access = 0
		}
		t[p] = f
	}
}
