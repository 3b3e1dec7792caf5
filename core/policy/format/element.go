package format

import (
	"slices"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// element is an entry of a map or an item of a list, with the comments that go where it goes.
type element struct {
	key   string // of an entry
	entry bool
	at    place // its first character; for an item of a list written with dashes the dash
	value *value
	head  []remark // on the lines before it
	trail []string // behind it, or behind its key
	blank bool     // an empty line comes before it
}

// value is what an element has.
type value struct {
	*policy.Tree
	in       string // the map of the language that it is, see policy.Key.In; "" when none is known
	names    bool   // a map whose keys the author chose
	entries  string // the In of the maps in it
	quote    bool   // an expression
	flow     bool   // in brackets
	block    bool   // a block of text
	column   int    // of its elements, when it is not in brackets
	elements []*element
	foot     []remark // after the last element
}

// remark is a comment on a line of its own.
type remark struct {
	text  string
	blank bool // an empty line comes before it
}

// document is a policy as it will be written.
type document struct {
	header   []remark // at the top of the file, whatever comes first then
	apart    bool     // an empty line comes after the header
	root     *value
	comments []comment
	lines    [][]rune
	chain    []located // the elements that are not in brackets, in order
}

// located is an element with the maps and lists that it is in, the outermost first.
type located struct {
	*element
	in []*value
}

// newDocument makes the elements and gives them the comments.
func newDocument(tree *policy.Tree, text []byte) *document {
	d := &document{comments: scan(tree, text), lines: lines(text)}
	d.root = d.value(tree, policy.Key{Type: policy.TypeMap, Holds: "the policy"})
	d.follow(d.root, nil)
	for _, c := range d.comments {
		d.attach(c)
	}
	d.splitHeader()
	return d
}

// value makes a value and what is in it; key is what the language has under its key.
func (d *document) value(t *policy.Tree, key policy.Key) *value {
	v := &value{Tree: t, quote: quotedAlways(key)}
	first := d.char(placeOf(t.Pos))
	v.flow = first == '{' || first == '['
	v.block = t.Kind == policy.TreeScalar && t.Quoted && (first == '|' || first == '>')
	if t.Kind != policy.TreeScalar && !v.flow {
		v.column = t.Pos.Col
	}
	switch key.Type {
	case policy.TypeMaps:
		v.names, v.entries = true, key.Holds
	case policy.TypeMap, policy.TypeWordOrMap, policy.TypeUser:
		v.in = key.Holds
	case policy.TypeMapList, policy.TypeCalls:
		v.entries = key.Holds
	}
	from := placeOf(t.Pos).line
	for _, item := range t.Items {
		e := &element{at: placeOf(item.Pos), value: d.value(item, d.inside(v, t))}
		if !v.flow {
			e.at = d.dash(place{max(e.at.line, from), v.column}, from)
			from = e.at.line + 1
		}
		e.blank = d.blankBefore(e.at.line)
		v.elements = append(v.elements, e)
	}
	keys := policy.KeysOf(v.in)
	for _, entry := range t.Entries {
		inner := d.inside(v, t)
		if i := slices.IndexFunc(keys, func(k policy.Key) bool { return k.Name == entry.Key }); i >= 0 {
			inner = keys[i]
		}
		e := &element{key: entry.Key, entry: true, at: placeOf(entry.Pos), value: d.value(entry.Value, inner)}
		e.blank = d.blankBefore(e.at.line)
		v.elements = append(v.elements, e)
	}
	v.sort(keys)
	return v
}

// inside returns what the language has in a map whose keys the author chose, or in a list.
func (d *document) inside(v *value, t *policy.Tree) policy.Key {
	if t.Kind == policy.TreeList && v.entries != "" || v.names {
		return policy.Key{Type: policy.TypeMap, Holds: v.entries}
	}
	return policy.Key{}
}

func (d *document) char(p place) rune {
	if p.line < 1 || p.line > len(d.lines) || p.col < 1 || p.col > len(d.lines[p.line-1]) {
		return 0
	}
	return d.lines[p.line-1][p.col-1]
}

// dash returns where the dash of an item is, which may be on an earlier line than the item's value.
func (d *document) dash(p place, from int) place {
	for line := p.line; line >= from; line-- {
		if here := (place{line, p.col}); d.char(here) == '-' && leadingSpaces(d.lines[line-1]) <= p.col-1 {
			return here
		}
	}
	return p
}

func (d *document) blankBefore(line int) bool {
	return line > 1 && line-2 < len(d.lines) && len(d.lines[line-2]) == 0
}

// sort brings the keys that the language has into its order, before the others.
func (v *value) sort(keys []policy.Key) {
	rank := func(e *element) int {
		if i := slices.IndexFunc(keys, func(k policy.Key) bool { return k.Name == e.key }); i >= 0 {
			return i
		}
		return len(keys)
	}
	if v.Kind == policy.TreeMap {
		slices.SortStableFunc(v.elements, func(a, b *element) int { return rank(a) - rank(b) })
	}
}

// quotedAlways tells whether a value is written in quotes whatever is in it.
func quotedAlways(k policy.Key) bool { return k.Type == policy.TypeExpression }
