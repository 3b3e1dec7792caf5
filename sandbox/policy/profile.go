package policy

import (
	"slices"
	"strings"
)

// maxExtends is how deep profiles may extend each other.
const maxExtends = 8

// maxProfiles is how many profiles a file may have.
const maxProfiles = 250

// profile is a named fragment of a module.
type profile struct {
	name    string
	at      span
	n       *node
	owner   int   // its place in decoder.profiles, from 1
	parents []ref // the profiles that it extends
	depth   int   // of the longest chain from it; 0 until it is known
	state   uint8 // of the search for cycles: 0 new, 1 in progress, 2 done
	above   []int // the owners of everything that it extends, itself included
	used    bool  // a module extends it, directly or not
	lacking bool  // it extends something that is not defined
}

// ref is a place where a profile is extended.
type ref struct {
	to *profile
	at span
}

// readProfiles collects the profiles, resolves extends and checks each fragment by itself.
func (d *decoder) readProfiles(n *node) {
	if n == nil {
		return
	}
	if n.kind != kindMap {
		d.wrongType(n, "a map of profiles")
		return
	}
	if len(n.entries) > maxProfiles {
		d.report(codeTooMuch, n.entries[maxProfiles].at, "more than %d profiles", maxProfiles)
		return
	}
	for _, e := range n.entries {
		d.checkName(e.at, "profile", e.key)
		if e.value.kind != kindMap {
			d.wrongType(e.value, "a map with the keys of a module")
			continue
		}
		p := &profile{name: e.key, at: e.at, n: e.value, owner: len(d.profiles) + 1}
		p.n.own(p.owner)
		d.profiles = append(d.profiles, p)
	}
	for _, p := range d.profiles {
		d.lacking = false
		p.parents = d.extends(p.n)
		p.lacking = d.lacking
	}
	for _, p := range d.profiles {
		d.resolve(p)
	}
	d.partial = true
	for _, p := range d.profiles {
		d.module(p.name, p.at, d.withoutResets(d.normal(p.n)))
	}
	d.partial = false
}

// extends returns the profiles that a fragment or a module names.
func (d *decoder) extends(n *node) []ref {
	e := n.entry("extends")
	if e == nil {
		return nil
	}
	names := []*node{e.value}
	if e.value.kind == kindList {
		names = e.value.items
	}
	var refs []ref
	for _, item := range names {
		name, ok := d.word(item, "the name of a profile, or a list of names")
		if !ok {
			continue
		}
		p := d.profile(name)
		if p == nil {
			d.lacking = true
			d.unknownProfile(item, name)
			continue
		}
		if slices.ContainsFunc(refs, func(r ref) bool { return r.to == p }) {
			d.report(codeTwice, item.span, "profile %q is listed twice", name).help("remove one of them")
			continue
		}
		refs = append(refs, ref{p, item.span})
	}
	return refs
}

func (d *decoder) profile(name string) *profile {
	for _, p := range d.profiles {
		if p.name == name {
			return p
		}
	}
	return nil
}

func (d *decoder) unknownProfile(item *node, name string) {
	if d.full() || d.unread {
		return
	}
	names := make([]string, len(d.profiles))
	for i, p := range d.profiles {
		names[i] = p.name
	}
	slices.Sort(names)
	meant := nearest(name, slices.Values(names))
	if p := d.profile(meant); p != nil {
		p.used = true // one mistake, one finding
	}
	defined := "none"
	if len(names) > 0 {
		defined = strings.Join(names, ", ")
	}
	d.report(codeUnknownProfile, item.span, "profile %q is not defined; defined: %s", name, defined).hint(didYouMean(meant))
}

// resolve finds cycles and chains that are too long, and what is above a profile.
func (d *decoder) resolve(p *profile) {
	if p.state != 0 {
		return
	}
	p.state = 1
	p.depth = 1
	kept := p.parents[:0]
	for _, r := range p.parents {
		if r.to.state == 1 {
			d.report(codeCycle, r.at, "profile %q extends itself through %q", p.name, r.to.name).help("remove one extends of the circle")
			continue
		}
		d.resolve(r.to)
		if r.to.depth == maxExtends {
			d.report(codeExtendsDepth, r.at, "profiles extend each other deeper than %d", maxExtends)
		}
		p.depth = max(p.depth, 1+r.to.depth)
		kept = append(kept, r)
		for _, owner := range r.to.above {
			if !slices.Contains(p.above, owner) {
				p.above = append(p.above, owner)
			}
		}
	}
	p.parents = kept
	p.above = append(p.above, p.owner)
	p.state = 2
}

// flatten returns the profiles that the references stand for, each once, those that are extended first.
func flatten(refs []ref) []*profile {
	var chain []*profile
	seen := map[*profile]bool{}
	var visit func(refs []ref)
	visit = func(refs []ref) {
		for _, r := range refs {
			if seen[r.to] {
				continue
			}
			seen[r.to] = true
			visit(r.to.parents)
			chain = append(chain, r.to)
		}
	}
	visit(refs)
	return chain
}

// above tells whether what an owner wrote applies to what another one wrote: it is the same profile or one that the
// other extends. The modules' own lines are below everything.
func (d *decoder) above(owner, other int) bool {
	if owner == other || other == 0 {
		return true
	}
	return owner != 0 && slices.Contains(d.profiles[other-1].above, owner)
}

// unusedProfiles reports the profiles that no module extends. Those of an included file may be there for other policies.
func (d *decoder) unusedProfiles() {
	for _, p := range d.profiles {
		if p.used {
			for _, above := range flatten(p.parents) {
				above.used = true
			}
		}
	}
	for _, p := range d.profiles {
		if !p.used && p.at.pos.File == d.src.file {
			d.report(codeUnusedProfile, p.at, "profile %q is used by no module", p.name).help("extend it or remove it")
		}
	}
}
