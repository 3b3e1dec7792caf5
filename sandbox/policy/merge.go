package policy

import "slices"

// maxMerged is how many entries all merged maps and lists of a file may have together: many modules that extend a
// large profile would otherwise need memory without bound.
const maxMerged = 400_000

// merged returns a module with everything that it extends: maps are merged, lists appended, scalars replaced.
func (d *decoder) merged(module *node) *node {
	var result *node
	d.lacking = false
	for _, p := range flatten(d.extends(module)) {
		p.used = true
		d.lacking = d.lacking || p.lacking
		result = d.merge(result, d.normal(p.n), "")
	}
	return d.withoutResets(d.merge(result, d.normal(module), ""))
}

// merge puts a value over an earlier one of the same key; the key of a whole module is "". A command is one thing and replaced, as Compose does it.
func (d *decoder) merge(base, over *node, key string) *node {
	switch {
	case over.reset && base != nil:
		return d.afterReset(base, over, key)
	case base == nil || base.kind != over.kind || key == "command":
		return over
	case over.kind == kindMap:
		return d.mergeMaps(base, over, key)
	case over.kind == kindList && len(over.items) == 0 && len(base.items) > 0:
		d.report(codeNoEffect, over.span, "an empty list adds nothing to what the profile has").
			help("remove it, or write !reset [] to empty it; lists are appended")
		return base
	case over.kind == kindList:
		if d.tooMuchMerged(over.span, len(base.items)+len(over.items)) {
			return over
		}
		result := *over
		result.items = append(append(make([]*node, 0, len(base.items)+len(over.items)), base.items...), over.items...)
		return &result
	}
	return over
}

func (d *decoder) mergeMaps(base, over *node, key string) *node {
	if len(over.entries) == 0 && len(base.entries) > 0 && key != "" {
		d.report(codeNoEffect, over.span, "an empty map adds nothing to what the profile has").
			help("remove it, or write !reset {} to empty it; maps are merged")
		return base
	}
	if d.tooMuchMerged(over.span, len(base.entries)+len(over.entries)) {
		return over
	}
	result := *over
	result.entries = append(make([]entry, 0, len(base.entries)+len(over.entries)), base.entries...)
	for _, e := range over.entries {
		if e.key == "extends" && key == "" {
			continue
		}
		if old := result.entry(e.key); old != nil {
			if value := d.merge(old.value, e.value, e.key); value != nil {
				*old = entry{e.key, e.at, value}
			} else {
				result.entries = slices.DeleteFunc(result.entries, func(x entry) bool { return x.key == e.key })
			}
			continue
		}
		result.entries = append(result.entries, e)
	}
	return &result
}

func (d *decoder) tooMuchMerged(at span, entries int) bool {
	before := d.mergedEntries
	d.mergedEntries += entries
	if before <= maxMerged && d.mergedEntries > maxMerged {
		d.report(codeTooMuch, at, "the modules have more than %d entries together after their profiles are merged", maxMerged)
	}
	return d.mergedEntries > maxMerged
}

// normal returns a fragment without its extends and with its environment as a map, so that fragments can be merged.
func (d *decoder) normal(n *node) *node {
	result := *n
	result.entries = make([]entry, 0, len(n.entries))
	for _, e := range n.entries {
		switch {
		case e.key == "extends":
			continue
		case e.key == "environment" && e.value.kind == kindList:
			e.value = d.environmentMap(e.value)
		}
		result.entries = append(result.entries, e)
	}
	return &result
}
