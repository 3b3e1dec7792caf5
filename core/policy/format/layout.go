package format

import (
	"strings"
	"unicode/utf8"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

const (
	width  = 100 // columns that a map or a list in brackets may reach
	indent = 2
)

// line is a line of the result; an empty text with a comment is a comment alone.
type line struct {
	text    string
	comment string
	raw     bool // part of a block of text
}

// writer collects lines.
type writer struct {
	lines []line
	blank bool // an empty line is due
}

func (w *writer) add(text, comment string) {
	if w.blank && len(w.lines) > 0 {
		w.lines = append(w.lines, line{})
	}
	w.blank = false
	w.lines = append(w.lines, line{text: text, comment: comment})
}

// remarks writes comments on lines of their own; blank lines between them are kept, but not one before the first when first is set.
func (w *writer) remarks(list []remark, column int, first bool) {
	for i, r := range list {
		w.blank = w.blank || r.blank && (i > 0 || !first)
		w.add(strings.Repeat(" ", column), r.text)
	}
}

// render writes the document.
func (d *document) render() []byte {
	w := &writer{}
	w.remarks(d.header, 0, true)
	w.blank = d.apart && len(d.header) > 0
	switch {
	case d.root.Kind == policy.TreeScalar || d.root.flow && d.root.fits(0, 0) || len(d.root.elements) == 0:
		w.add(d.root.inline(), "")
		w.remarks(d.root.foot, 0, false)
	default:
		w.elements(d.root, 0)
	}
	return w.text()
}

// fits tells whether a value can stay in brackets on the line from a column on, with what follows it there.
func (v *value) fits(column, after int) bool {
	return !v.commented() && column+utf8.RuneCountInString(v.inline())+after <= width
}

// tag returns what stands before a value.
func (v *value) tag() string {
	if v.Reset {
		return "!reset "
	}
	return ""
}

// inline writes a value in one line.
func (v *value) inline() string {
	if v.Kind == policy.TreeScalar && v.Reset && !v.Quoted && v.Text == "" {
		return "!reset"
	}
	if v.Kind == policy.TreeScalar {
		return v.tag() + v.scalar(true)
	}
	parts := make([]string, len(v.elements))
	for i, e := range v.elements {
		parts[i] = e.value.inline()
		if e.entry {
			parts[i] = word(e.key) + ": " + parts[i]
		}
	}
	if v.Kind == policy.TreeMap {
		return v.tag() + "{" + strings.Join(parts, ", ") + "}"
	}
	return v.tag() + "[" + strings.Join(parts, ", ") + "]"
}

// elements writes the elements of a map or a list line by line, indented by a number of columns.
func (w *writer) elements(v *value, column int) {
	top := column == 0 && v.Kind == policy.TreeMap
	for i, e := range v.elements {
		section := top && i > 0 && (e.value.Kind != policy.TreeScalar || v.elements[i-1].value.Kind != policy.TreeScalar)
		e.gather()
		w.blank = w.blank || section || i > 0 && e.separated()
		w.remarks(e.head, column, true)
		w.blank = w.blank || len(e.head) > 0 && e.blank
		w.element(e, column, strings.Repeat(" ", column))
	}
	w.remarks(v.foot, column, len(v.elements) == 0)
}

// separated tells whether an empty line comes before an element with its comments.
func (e *element) separated() bool {
	if len(e.head) > 0 {
		return e.head[0].blank
	}
	return e.blank
}

// gather moves comments for which there is no place: one fits behind a line, and none before what begins behind a dash.
func (e *element) gather() {
	if len(e.value.elements) == 0 && len(e.value.foot) > 0 && e.value.Kind != policy.TreeScalar {
		for _, r := range e.value.foot {
			e.head = append(e.head, remark{r.text, false})
		}
		e.value.foot = nil
	}
	if !e.entry && e.lineByLine() {
		first := e.value.elements[0]
		first.gather()
		for _, t := range e.trail {
			e.head = append(e.head, remark{t, false})
		}
		for _, r := range first.head {
			e.head = append(e.head, remark{r.text, r.blank})
		}
		e.trail, first.head = nil, nil
		return
	}
	for len(e.trail) > 1 {
		e.head = append(e.head, remark{e.trail[0], false})
		e.trail = e.trail[1:]
	}
}

// lineByLine tells whether an element of a list is a map or a list that is never in brackets.
func (e *element) lineByLine() bool {
	return len(e.value.elements) > 0 && (!e.value.flow || e.value.commented())
}

// element writes one element; prefix is what stands on its first line before it.
func (w *writer) element(e *element, column int, prefix string) {
	comment := ""
	if len(e.trail) > 0 {
		comment = e.trail[0]
	}
	label := "- "
	if e.entry {
		label = word(e.key) + ": "
	}
	v, start := e.value, column+utf8.RuneCountInString(label)
	switch {
	case v.Kind == policy.TreeScalar:
		w.scalar(v, prefix+label+v.tag(), comment, column)
	case len(v.elements) == 0 || v.flow && v.fits(start, 0):
		w.add(prefix+label+v.inline(), comment)
	case v.flow && !v.commented() && v.words():
		w.wrapped(v, prefix+label+v.tag(), start+len(v.tag()), comment)
	case e.entry || v.Reset:
		w.add(prefix+strings.TrimSuffix(label+v.tag(), " "), comment)
		w.elements(v, column+indent)
	default:
		w.nested(v, prefix+label, column+indent, comment)
	}
}

// nested writes a map or a list behind a dash.
func (w *writer) nested(v *value, prefix string, column int, comment string) {
	first := v.elements[0]
	if comment != "" { // behind the first line of what it is about
		first.trail = append([]string{comment}, first.trail...)
	}
	first.gather()
	w.element(first, column, prefix)
	rest := *v
	rest.elements = v.elements[1:]
	if len(rest.elements) > 0 {
		rest.elements[0].gather()
		w.blank = w.blank || rest.elements[0].separated()
	}
	w.elements(&rest, column)
}

// scalar writes a scalar behind its key or dash.
func (w *writer) scalar(v *value, prefix, comment string, column int) {
	if v.block && strings.Contains(v.Text, "\n") {
		if sign, lines, ok := literal(v.Text); ok {
			w.add(prefix+sign, comment)
			for _, l := range lines {
				if l != "" {
					l = strings.Repeat(" ", column+indent) + l
				}
				w.lines = append(w.lines, line{text: l, raw: true})
			}
			return
		}
	}
	w.add(strings.TrimRight(prefix+v.scalar(false), " "), comment)
}

// words tells whether a list has nothing but scalars in it.
func (v *value) words() bool {
	for _, e := range v.elements {
		if e.entry || e.value.Kind != policy.TreeScalar {
			return false
		}
	}
	return true
}

// wrapped writes a list of words over several lines.
func (w *writer) wrapped(v *value, prefix string, start int, comment string) {
	text, used := prefix+"[", start+1
	for i, e := range v.elements {
		part := e.value.inline() + ","
		if i == len(v.elements)-1 {
			part = e.value.inline() + "]"
		}
		size := utf8.RuneCountInString(part)
		if i > 0 && used+1+size > width {
			w.add(text, "")
			text, used = strings.Repeat(" ", start+1), start+1
		} else if i > 0 {
			text, used = text+" ", used+1
		}
		text, used = text+part, used+size
	}
	w.add(text, comment)
}
