package policy

import (
	"path"
	"slices"
	"strings"
)

// processNames are what of a proc is about whoever looks: proc(5).
var processNames = [...]string{"self", "thread-self", "net", "mounts"}

// procLists reads masked and read_only of an entry, whose path and access are known.
func (d *decoder) procLists(f fields, m *Mount) {
	for _, key := range [...]string{"masked", "read_only"} {
		e := f.n.entry(key)
		switch {
		case e == nil:
		case m.Kind != MountProc:
			d.report(codeNoEffect, e.at, "%s has no effect without proc", key).
				help("remove it; elsewhere an entry such as {path: /sys/firmware, tmpfs: 4K, access: r} hides what is below a path")
		case m.Subset == "pid":
			d.report(codeNoEffect, e.at, "%s has no effect on proc: pid", key).help("remove it; a proc of processes has nothing that is the kernel's")
		case key == "masked":
			m.Masked = d.procPaths(e, m.Path)
		case m.Access&AccessWrite == 0:
			d.report(codeNoEffect, e.at, "read_only has no effect on a proc with access %s, all of which is read-only", m.Access).
				help("remove it, or say access: rw")
		default:
			m.ReadOnly = d.procPaths(e, m.Path)
		}
	}
	d.procOverlaps("masked", m.Path, m.Masked, DefaultMasked())
	d.procOverlaps("read_only", m.Path, m.ReadOnly, DefaultReadOnly())
	for _, r := range m.ReadOnly.Own {
		for _, v := range m.MaskedPaths() {
			if below(r.V, v.V) {
				by := "masked"
				if !slices.Contains(m.Masked.Own, v) {
					by = "masked by default"
				}
				d.report(codeNoEffect, d.procSpan(m.Path, r), "read_only has no effect on %s: %s is %s", path.Join(m.Path, r.V), path.Join(m.Path, v.V), by).
					help("remove it here, or list in masked what is to be masked, without it")
			}
		}
	}
}

// procSpan is where a path stands in the file.
func (d *decoder) procSpan(mount string, v Value[string]) span {
	return d.src.at(v.Pos, len(mount)+1+len(v.V))
}

// procOverlaps reports paths of a list that lie in another one of it, or that the default list has.
func (d *decoder) procOverlaps(key, mount string, p ProcPaths, names []string) {
	for _, v := range p.Own {
		at := d.procSpan(mount, v)
		if p.Default.V && slices.Contains(names, v.V) {
			d.report(codeNoEffect, at, "%s has no effect on %s: the default list has it", key, path.Join(mount, v.V)).help("remove it, or the word default")
			continue
		}
		for _, outer := range p.list(names, p.Pos) {
			if outer.V != v.V && below(v.V, outer.V) {
				d.report(codeNoEffect, at, "%s has no effect on %s: the list has all of %s", key, path.Join(mount, v.V), path.Join(mount, outer.V)).help("remove it")
			}
		}
	}
}

// procPaths reads a list of paths in a proc.
func (d *decoder) procPaths(e *entry, mount string) ProcPaths {
	p := ProcPaths{Pos: e.at.pos}
	first := map[string]Pos{}
	for _, n := range d.list(e.value, "a list such as [default, "+path.Join(mount, "mdstat")+"], or []") {
		s, ok := d.text(n, "a path below "+mount)
		if !ok {
			continue
		}
		name := "default"
		if s != "default" {
			if name, ok = d.procPath(n, s, mount); !ok {
				continue
			}
		}
		if earlier, twice := first[name]; twice {
			d.twice(n.span, s, earlier)
			continue
		}
		first[name] = n.pos
		if s == "default" {
			p.Default = Value[bool]{true, n.pos}
		} else {
			p.Own = append(p.Own, Value[string]{name, n.pos})
		}
	}
	return p
}

// OfProcess tells whether a path in a proc, without the mount point, is about a process and not about the kernel.
func OfProcess(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return slices.Contains(processNames[:], first) || strings.Trim(first, "0123456789") == ""
}

// procPath checks a path in a proc and returns it without the mount point. What is there is for the host to say.
func (d *decoder) procPath(n *node, s, mount string) (string, bool) {
	if !strings.HasPrefix(s, "/") {
		g := d.report(codePath, n.span, "%q is not a path below %s", s, mount).help("write the whole path, or default for the default list")
		if s != "" && s[0] != '.' {
			g.hint(didYouMean(path.Join(mount, s)))
		}
		return "", false
	}
	if _, ok := d.path(n, s); !ok {
		return "", false
	}
	if clean := path.Clean(s); clean != s {
		d.report(codePath, n.span, "%q is not a plain path", s).hint(didYouMean(clean)).help("write it without .., ., // and a slash at the end")
		return "", false
	}
	name, inside := strings.CutPrefix(s, mount+"/")
	switch {
	case s == mount:
		d.report(codePath, n.span, "%s is the whole proc", s).help("remove the entry, or say proc: pid, or access: r")
	case !inside:
		d.report(codePath, n.span, "%s is not below %s", s, mount).help("elsewhere, what is not listed in filesystem is not there")
	case OfProcess(name):
		d.report(codePath, n.span, "%s is about a process, and whose that is changes", s).help("what processes show of each other is for hidepid: to say")
	default:
		return name, true
	}
	return "", false
}
