package policy

import (
	"path/filepath"
	"slices"
)

// Override is what a command line says about one module, over what its file says: maps are merged, scalars replaced, and an entry of
// the file-system list takes the place of the one with its path.
type Override struct {
	Module string // its name; "" is the only one that there is
	File   string // the name that positions in Text have
	Text   []byte // YAML: a map with some of the keys environment, filesystem and working_dir
}

// overrideKeys are the keys of a module that a command line may have.
func overrideKeys() []string { return []string{"environment", "filesystem", "working_dir"} }

// readOverride returns the map of the override, nil when there is none or it cannot be read.
func (d *decoder) readOverride() *node {
	o := d.opt.Override
	if o == nil {
		return nil
	}
	outer := d.src
	defer func() { d.src = outer }()
	text, ok := readSource(o.File, o.Text, d)
	if !ok {
		return nil
	}
	d.src.dir = ""
	root := d.parseYAML(text)
	if root == nil {
		return nil
	}
	if root.kind != kindMap {
		d.wrongType(root, "a map with environment, filesystem or working_dir")
		return nil
	}
	for _, e := range root.entries {
		if !slices.Contains(overrideKeys(), e.key) {
			d.unknownKey("the command line", e, overrideKeys())
		}
	}
	return root
}

// overridden returns a module with what the command line says about it.
func (d *decoder) overridden(name string, module *node, modules int) *node {
	over := d.override
	if over == nil || name != d.opt.Override.Module && (d.opt.Override.Module != "" || modules != 1) {
		return module
	}
	base := *module
	base.entries = slices.Clone(module.entries)
	if e, o := base.entry("filesystem"), over.entry("filesystem"); e != nil && o != nil && e.value.kind == kindList && o.value.kind == kindList {
		e.value = d.withoutPaths(e.value, o.value)
	}
	return d.merge(&base, d.normal(over), "")
}

// withoutPaths returns a file-system list without the entries whose paths another one has.
func (d *decoder) withoutPaths(list, other *node) *node {
	pathOf := func(n *node) string {
		e := n.entry("path")
		if e == nil || e.value.kind != kindScalar {
			return ""
		}
		if path := e.value.text; filepath.IsAbs(path) {
			return filepath.Clean(path)
		}
		return filepath.Join(d.src.of(e.value.pos.File).dir, e.value.text)
	}
	result := *list
	result.items = slices.DeleteFunc(slices.Clone(list.items), func(n *node) bool {
		path := pathOf(n)
		return path != "" && slices.ContainsFunc(other.items, func(o *node) bool { return pathOf(o) == path })
	})
	return &result
}
