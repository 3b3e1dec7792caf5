package format

import (
	"strings"
	"unicode/utf8"
)

// limit is the column that aligned comments do not go beyond.
const limit = 150

// text joins the lines. Comments behind lines that follow each other with one indentation start in one column.
func (w *writer) text() []byte {
	var b strings.Builder
	for i := 0; i < len(w.lines); {
		end := i
		for end < len(w.lines) && w.lines[end].behind() && w.lines[end].indent() == w.lines[i].indent() {
			end++
		}
		if end == i {
			b.WriteString(strings.TrimRight(w.lines[i].text+w.lines[i].comment, " ") + "\n")
			i++
			continue
		}
		column := aligned(w.lines[i:end])
		for ; i < end; i++ {
			l := w.lines[i]
			b.WriteString(l.text + strings.Repeat(" ", max(2, column-utf8.RuneCountInString(l.text))) + l.comment + "\n")
		}
	}
	return []byte(b.String())
}

// behind tells whether a comment stands behind something on a line.
func (l line) behind() bool { return l.comment != "" && strings.Trim(l.text, " ") != "" }

func (l line) indent() int { return len(l.text) - len(strings.TrimLeft(l.text, " ")) }

// aligned returns the column in which the comments of some lines start; 0 when that would make a line too long.
func aligned(lines []line) int {
	column := 0
	for _, l := range lines {
		column = max(column, utf8.RuneCountInString(l.text)+2)
	}
	for _, l := range lines {
		if column+utf8.RuneCountInString(l.comment) > limit {
			return 0
		}
	}
	return column
}
