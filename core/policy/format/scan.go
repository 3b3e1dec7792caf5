package format

import (
	"strings"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// comment is a comment with where it stands.
type comment struct {
	text      string // from the # on, without spaces at its end
	line, col int    // from 1
	alone     bool   // nothing else is on the line
	blank     bool   // the line before it is empty
	within    place  // where the innermost bracket that is open starts; the zero place for none
}

// place is a line and a column, from 1.
type place struct{ line, col int }

// before tells whether a place comes first.
func (p place) before(q place) bool { return p.line < q.line || p.line == q.line && p.col < q.col }

func placeOf(p policy.Pos) place { return place{p.Line, p.Col} }

// lines splits a text as the positions of package policy count it.
func lines(text []byte) [][]rune {
	var out [][]rune
	for _, l := range strings.Split(strings.TrimPrefix(string(text), "\ufeff"), "\n") {
		out = append(out, []rune(strings.ReplaceAll(strings.TrimRight(l, "\r "), "\t", " ")))
	}
	return out
}

// scanner finds the comments of a text. What is a quote, a block or a bracket it knows from the tree.
type scanner struct {
	lines   [][]rune
	starts  map[place]bool // where a value or a key starts that is not plain
	indents map[place]int  // of the blocks of text: the columns of what they belong to
	open    []place
	found   []comment
}

// scan returns the comments of a text in order.
func scan(tree *policy.Tree, text []byte) []comment {
	s := &scanner{lines: lines(text), starts: map[place]bool{}, indents: map[place]int{}}
	s.note(tree, 0)
	line, col := 1, 1
	for line <= len(s.lines) {
		line, col = s.step(line, col)
	}
	return s.found
}

// note collects where values start; column is that of the map or list that they are in.
func (s *scanner) note(t *policy.Tree, column int) {
	at := placeOf(t.Pos)
	switch t.Kind {
	case policy.TreeScalar:
		if t.Quoted {
			s.starts[at] = true
			s.indents[at] = column
		}
		return
	case policy.TreeMap, policy.TreeList:
		s.starts[at] = true
		if !s.at(at, '{') && !s.at(at, '[') {
			column = at.col
		}
	}
	for _, e := range t.Entries {
		s.starts[placeOf(e.Pos)] = true
		s.note(e.Value, column)
	}
	for _, i := range t.Items {
		s.note(i, column)
	}
}

// at tells whether a character stands at a place.
func (s *scanner) at(p place, r rune) bool {
	return p.line >= 1 && p.line <= len(s.lines) && p.col >= 1 && p.col <= len(s.lines[p.line-1]) && s.lines[p.line-1][p.col-1] == r
}

// step looks at one character and returns the next place to look at.
func (s *scanner) step(line, col int) (int, int) {
	text := s.lines[line-1]
	if col > len(text) {
		return line + 1, 1
	}
	r, here := text[col-1], place{line, col}
	switch {
	case r == '#' && (col == 1 || text[col-2] == ' '):
		s.comment(text, here)
		return line + 1, 1
	case (r == '"' || r == '\'') && s.starts[here]:
		return s.quoted(line, col+1, r)
	case (r == '|' || r == '>') && s.starts[here]:
		return s.block(here)
	case (r == '{' || r == '[') && s.starts[here]:
		s.open = append(s.open, here)
	case (r == '}' || r == ']') && len(s.open) > 0 && s.at(s.open[len(s.open)-1], r-2):
		s.open = s.open[:len(s.open)-1]
	}
	return line, col + 1
}

func (s *scanner) comment(text []rune, here place) {
	c := comment{text: strings.TrimRight(string(text[here.col-1:]), " "), line: here.line, col: here.col}
	c.alone = strings.TrimLeft(string(text[:here.col-1]), " ") == ""
	c.blank = here.line > 1 && len(s.lines[here.line-2]) == 0
	if len(s.open) > 0 {
		c.within = s.open[len(s.open)-1]
	}
	s.found = append(s.found, c)
}

// quoted returns where a string in quotes has ended.
func (s *scanner) quoted(line, col int, quote rune) (int, int) {
	for ; line <= len(s.lines); line, col = line+1, 1 {
		text := s.lines[line-1]
		for ; col <= len(text); col++ {
			switch {
			case text[col-1] == '\\' && quote == '"':
				col++
			case text[col-1] != quote:
			case quote == '\'' && col < len(text) && text[col] == '\'':
				col++
			default:
				return line, col + 1
			}
		}
	}
	return line, 1
}

// block returns where a block of text has ended. A comment may stand behind its sign.
func (s *scanner) block(here place) (int, int) {
	header := s.lines[here.line-1]
	for i := here.col; i < len(header); i++ {
		if header[i] == '#' && header[i-1] == ' ' {
			s.comment(header, place{here.line, i + 1})
			break
		}
	}
	line, indent := here.line+1, 0
	for ; line <= len(s.lines); line++ {
		text := s.lines[line-1]
		if len(text) == 0 {
			continue
		}
		lead := leadingSpaces(text)
		if indent == 0 {
			indent = max(lead, 1)
			if lead < s.indents[here] {
				break
			}
		} else if lead < indent {
			break
		}
	}
	return line, 1
}

func leadingSpaces(text []rune) int {
	n := 0
	for n < len(text) && text[n] == ' ' {
		n++
	}
	return n
}
