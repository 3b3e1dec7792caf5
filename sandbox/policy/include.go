package policy

import (
	"errors"
	"path/filepath"
	"slices"
)

// Bounds of what a policy includes.
const (
	maxIncludeDepth = 8
	maxIncludes     = 64
	maxIncludedText = 4 << 20 // bytes in all
)

// includes reads the files that a file includes and returns the roots of all, those that are included first.
func (d *decoder) includes(root *node, chain []string) []*node {
	var roots []*node
	e := root.entry("include")
	if e == nil {
		return []*node{root}
	}
	files := []*node{e.value}
	if e.value.kind == kindList {
		files = e.value.items
	}
	for _, item := range files {
		name, ok := d.word(item, "the path of a file")
		if !ok {
			continue
		}
		path := name
		if !filepath.IsAbs(path) {
			path = filepath.Join(d.src.of(item.pos.File).includeDir(), name)
		}
		switch {
		case d.opt.Include == nil:
			d.report(codeInclude, item.span, "%q cannot be included: nothing reads other files here", name).help("put its content into this file")
			d.unread = true
		case slices.Contains(chain, path):
			d.report(codeIncludeCycle, item.span, "%q includes itself", name).help("take it out of the circle")
		case len(chain) > maxIncludeDepth:
			d.report(codeIncludeCycle, item.span, "files include each other deeper than %d", maxIncludeDepth)
		case slices.Contains(d.includedFiles, path):
			d.report(codeTwice, item.span, "%q is included already", name).help("once is enough for all files")
		case len(d.includedFiles) >= maxIncludes:
			d.report(codeTooMuch, item.span, "more than %d files are included", maxIncludes)
		default:
			d.includedFiles = append(d.includedFiles, path)
			roots = append(roots, d.include(item, name, path, chain)...)
		}
	}
	return append(roots, root)
}

// include reads one file.
func (d *decoder) include(item *node, name, path string, chain []string) []*node {
	file, err := d.opt.Include(path)
	if err != nil {
		g := d.report(codeInclude, item.span, "%q cannot be included: %v", name, err)
		var advice interface{ Help() string }
		if errors.As(err, &advice) && advice.Help() != "" {
			g.help("%s", advice.Help())
		}
		d.unread = true
		return nil
	}
	if d.includedText += len(file.Text); d.includedText > maxIncludedText {
		d.report(codeTooLarge, item.span, "the included files have more than %d bytes, with %q", maxIncludedText, name).help("include less")
		d.unread = true
		return nil
	}
	outer := d.src
	defer func() { d.src = outer }()
	yaml, ok := readSource(path, file.Text, d)
	if d.src.dir = file.Dir; file.Dir == "" {
		d.src.dir = filepath.Dir(path)
	}
	if !ok {
		d.unread = true
		return nil
	}
	root := d.parseYAML(yaml)
	if root == nil {
		d.unread = true
		return nil
	}
	f, ok := d.fields(root, "the policy", "a map with version, listeners, profiles and modules",
		"version", "kernel", "include", "listeners", "profiles", "modules", "tests")
	if !ok {
		return nil
	}
	if e := root.entry("kernel"); e != nil {
		d.report(codeUnknownKey, e.at, "an included file has no key \"kernel\"").help("write it in the file that includes this one")
	}
	if n := f.need("version", d.src.span(root.pos.Line, root.pos.Col, 1), "the file", "version: 1"); n != nil {
		d.version(n)
	}
	return d.includes(root, append(chain[:len(chain):len(chain)], path))
}

// joined returns the value of a key of all files as one. A name is defined in one file.
func (d *decoder) joined(roots []*node, key string) *node {
	var result *node
	for _, root := range roots {
		e := root.entry(key)
		if e == nil {
			continue
		}
		if result == nil {
			result = e.value
			continue
		}
		if result.kind != e.value.kind || result.kind == kindScalar {
			if e.value.kind == kindScalar {
				d.wrongType(e.value, "what the key has in the other files")
			}
			continue
		}
		both := *e.value
		both.items = slices.Concat(result.items, e.value.items)
		both.entries = slices.Clone(result.entries)
		for _, own := range e.value.entries {
			if other := result.entry(own.key); other != nil {
				d.report(codeDuplicateKey, own.at, "%q is defined in two files", own.key).help("the other one is at %s", other.at.pos)
				continue
			}
			both.entries = append(both.entries, own)
		}
		result = &both
	}
	return result
}
