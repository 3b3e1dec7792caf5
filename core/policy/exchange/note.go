package exchange

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Note is something that is not carried over, or is carried over as something else.
type Note struct {
	Pos  policy.Pos // where the source says it
	Text string     // what it is, why it is not carried, and what to do
}

// String returns "file:line:col: text".
func (n Note) String() string { return n.Pos.String() + ": " + n.Text }

// Error is what makes a file unusable.
type Error struct {
	Pos  policy.Pos
	Text string
}

func (e Error) Error() string { return e.Pos.String() + ": " + e.Text }

// Errors are all errors of a file.
type Errors []Error

func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Err returns the errors sorted by place, or nil when there is none.
func (es Errors) Err() error {
	if len(es) == 0 {
		return nil
	}
	slices.SortStableFunc(es, func(a, b Error) int { return before(a.Pos, b.Pos) })
	return es
}

// Sorted returns notes sorted by place, each once.
func Sorted(notes []Note) []Note {
	notes = slices.Clone(notes)
	slices.SortStableFunc(notes, func(a, b Note) int { return before(a.Pos, b.Pos) })
	return slices.Compact(notes)
}

func before(a, b policy.Pos) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
}

// Source is a text whose bytes have places.
type Source struct {
	file  string
	text  []byte
	lines []int // where each line starts
	runes []int // how many characters start before each block: a file in one line has places, too
}

// block is how many bytes are counted together.
const block = 4096

// NewSource prepares a text for At. The text is not copied.
func NewSource(file string, text []byte) *Source {
	s := &Source{file: file, text: text, lines: []int{0}}
	starts := 0
	for i, c := range text {
		if i%block == 0 {
			s.runes = append(s.runes, starts)
		}
		if c == '\n' {
			s.lines = append(s.lines, i+1)
		}
		if utf8.RuneStart(c) {
			starts++
		}
	}
	if len(text)%block == 0 {
		s.runes = append(s.runes, starts)
	}
	return s
}

// At returns the place of a byte.
func (s *Source) At(offset int) policy.Pos {
	offset = min(max(offset, 0), len(s.text))
	line, exact := slices.BinarySearch(s.lines, offset)
	if !exact {
		line--
	}
	return policy.Pos{File: s.file, Line: line + 1, Col: s.before(offset) - s.before(s.lines[line]) + 1}
}

// before returns how many characters start before a byte.
func (s *Source) before(offset int) int {
	n := s.runes[offset/block]
	for _, c := range s.text[offset/block*block : offset] {
		if utf8.RuneStart(c) {
			n++
		}
	}
	return n
}

// Errorf makes an error of a byte.
func (s *Source) Errorf(offset int, format string, args ...any) Error {
	return Error{s.At(offset), fmt.Sprintf(format, args...)}
}

// Errorf makes an error of a place.
func Errorf(pos policy.Pos, format string, args ...any) Error {
	return Error{pos, fmt.Sprintf(format, args...)}
}
