package format

import (
	"slices"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// follow lists the elements that are not in brackets, in the order of the text.
func (d *document) follow(root *value, in []*value) {
	d.walk(root, in)
	slices.SortStableFunc(d.chain, func(a, b located) int {
		switch {
		case a.at.before(b.at):
			return -1
		case b.at.before(a.at):
			return 1
		}
		return len(a.in) - len(b.in)
	})
}

func (d *document) walk(v *value, in []*value) {
	if v.flow || v.Kind == policy.TreeScalar {
		return
	}
	in = append(slices.Clip(in), v)
	for _, e := range v.elements {
		d.chain = append(d.chain, located{e, in})
		d.walk(e.value, in)
	}
}

// attach gives a comment to what it is about.
func (d *document) attach(c comment) {
	if c.within != (place{}) {
		if v := bracket(d.root, c.within); v != nil {
			v.inside(c)
			return
		}
	}
	here := place{c.line, c.col}
	next, _ := slices.BinarySearchFunc(d.chain, here, func(l located, p place) int {
		if l.at.before(p) {
			return -1
		}
		return 1
	})
	switch {
	case len(d.chain) == 0:
		d.root.foot = append(d.root.foot, remark{c.text, c.blank})
	case !c.alone && next > 0:
		d.chain[next-1].trail = append(d.chain[next-1].trail, c.text)
	default:
		d.attachLine(c, next)
	}
}

// attachLine gives a comment on a line of its own to the element after it, or to the end of what its column says that it is in.
func (d *document) attachLine(c comment, next int) {
	column := 0 // of the next element
	if next < len(d.chain) {
		column = d.chain[next].in[len(d.chain[next].in)-1].column
	}
	if next > 0 && c.col > column {
		in := d.chain[next-1].in
		for i := len(in) - 1; i >= 0; i-- {
			if in[i].column > column && (in[i].column <= c.col || i == 0) {
				in[i].foot = append(in[i].foot, remark{c.text, c.blank})
				return
			}
		}
	}
	if next == len(d.chain) {
		d.root.foot = append(d.root.foot, remark{c.text, c.blank})
		return
	}
	e := d.chain[next].element
	e.head = append(e.head, remark{c.text, c.blank})
}

// bracket returns the value whose bracket is at a place.
func bracket(v *value, at place) *value {
	if v.flow && placeOf(v.Pos) == at {
		return v
	}
	for _, e := range v.elements {
		if found := bracket(e.value, at); found != nil {
			return found
		}
	}
	return nil
}

// inside gives a comment within brackets to the element that it stands behind, or before.
func (v *value) inside(c comment) {
	here := place{c.line, c.col}
	var last, next *element
	for _, e := range v.elements {
		switch {
		case e.at.before(here) && (last == nil || last.at.before(e.at)):
			last = e
		case here.before(e.at) && (next == nil || e.at.before(next.at)):
			next = e
		}
	}
	switch {
	case !c.alone && last != nil:
		last.trail = append(last.trail, c.text)
	case next != nil:
		next.head = append(next.head, remark{c.text, c.blank})
	default:
		v.foot = append(v.foot, remark{c.text, c.blank})
	}
}

// commented tells whether a value has a comment anywhere in it.
func (v *value) commented() bool {
	return len(v.foot) > 0 || slices.ContainsFunc(v.elements, func(e *element) bool {
		return len(e.head) > 0 || len(e.trail) > 0 || e.value.commented()
	})
}

// splitHeader takes the comments at the top of the file from the key that follows them, up to the last empty line.
func (d *document) splitHeader() {
	if len(d.chain) == 0 {
		return
	}
	e := d.chain[0].element
	cut := len(e.head)
	if !e.blank {
		for cut = len(e.head) - 1; cut > 0 && !e.head[cut].blank; cut-- {
		}
		if cut <= 0 {
			cut = len(e.head)
		} else {
			d.apart = true
		}
	} else {
		d.apart = true
	}
	d.header = e.head[:cut]
	e.head = slices.Clone(e.head[cut:])
}
