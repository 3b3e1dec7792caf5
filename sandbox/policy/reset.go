package policy

// afterReset returns what a value with the tag !reset leaves of what the profiles gave: itself alone; with nothing behind the tag it is as if
// no profile had the key, which is what nil stands for.
func (d *decoder) afterReset(base, over *node, key string) *node {
	d.keepsDenied(base, over, key)
	if over.kind == kindScalar && over.plainKind() == plainNull {
		return nil
	}
	result := *over
	result.reset = false
	return &result
}

// keepsDenied refuses a !reset that lifts what a profile denies and did not mark as overridable.
func (d *decoder) keepsDenied(base, over *node, key string) {
	switch key {
	case "seccomp":
		if e := base.entry("deny"); e != nil {
			d.keepsDenied(e.value, over, "deny")
		}
	case "deny":
		for _, item := range base.items {
			if item.kind == kindList {
				d.keepsDenied(item, over, key)
				continue
			}
			if e := item.entry("overridable"); e == nil || e.value.text != "true" {
				d.report(codeNotOverridable, over.tag, "!reset lifts what line %d denies, and that is not overridable", item.pos.Line).
					help("deny beats allow at any depth; mark it there: {call: NAME, overridable: true}")
				return
			}
		}
	}
}

// withoutResets removes the values that stand for nothing, and reports the tags that had nothing to empty. In a fragment by itself they have
// not: that is known only where it is extended.
func (d *decoder) withoutResets(n *node) *node {
	if n.reset && !d.partial {
		d.report(codeNoEffect, n.tag, "!reset has no effect: no profile gives this").help("remove the tag")
	}
	if !n.anyReset() {
		return n
	}
	result := *n
	result.reset, result.entries, result.items = false, nil, nil
	for _, e := range n.entries {
		value := d.withoutResets(e.value)
		if e.value.reset && e.value.kind == kindScalar && e.value.plainKind() == plainNull {
			continue
		}
		result.entries = append(result.entries, entry{e.key, e.at, value})
	}
	for _, i := range n.items {
		result.items = append(result.items, d.withoutResets(i))
	}
	return &result
}

// anyReset tells whether the tag is in a value.
func (n *node) anyReset() bool {
	if n.reset {
		return true
	}
	for _, e := range n.entries {
		if e.value.anyReset() {
			return true
		}
	}
	for _, i := range n.items {
		if i.anyReset() {
			return true
		}
	}
	return false
}
