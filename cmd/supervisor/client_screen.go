package main

import (
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bulkhead/bulkhead/posix"
)

// screen is where a command writes to.
type screen struct {
	io.Writer
	terminal      bool
	width, height int // of a terminal; 0 when they are not known
	colour        bool
}

// screen says what w is: one of the standard streams may be a terminal.
func (a *app) screen(w io.Writer) screen {
	s := screen{Writer: w}
	fd := posix.FD(-1)
	switch w {
	case os.Stdout:
		fd = 1
	case os.Stderr:
		fd = 2
	}
	var size posix.Winsize
	if fd >= 0 && a.Core.Tcgetwinsize(fd, &size) == nil {
		s.terminal, s.width, s.height = true, int(size.Cols), int(size.Rows)
		s.colour = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
	return s
}

// Colours, as the parameters of SGR in ECMA-48.
const (
	plain  = ""
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
)

// paint returns a text in a colour.
func (s screen) paint(colour, text string) string {
	if !s.colour || colour == plain || text == "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// fit shortens a line to the width of the terminal, less what is taken.
func (s screen) fit(text string, taken int) string {
	if !s.terminal || s.width == 0 {
		return text
	}
	return shorten(text, max(s.width-taken, 1))
}

// shorten returns at most n characters of a text.
func shorten(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n-1]) + "…"
}

// cell is a field of a table.
type cell struct{ text, colour string }

// columns writes rows in aligned columns, two spaces apart. On a terminal the last column is shortened to what is left of the width.
func (s screen) columns(rows [][]cell) error {
	var widths []int
	for _, r := range rows {
		for i, c := range r {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(c.text))
		}
	}
	var b strings.Builder
	for _, r := range rows {
		last := len(r) - 1
		for last > 0 && r[last].text == "" {
			last--
		}
		at := 0
		for i, c := range r[:last+1] {
			if i == last {
				b.WriteString(s.paint(c.colour, s.fit(c.text, at)))
				break
			}
			b.WriteString(s.paint(c.colour, c.text) + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.text)+2))
			at += widths[i] + 2
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(s, b.String())
	return err
}

// heads is a row of headings.
func heads(names ...string) []cell {
	row := make([]cell, len(names))
	for i, n := range names {
		row[i] = cell{n, bold}
	}
	return row
}

// clean makes what a module wrote fit for a line of a table: whatever could move the cursor or hide something is shown by its number.
func clean(text string) string {
	if strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if unicode.IsPrint(r) && r != utf8.RuneError {
			b.WriteRune(r)
			continue
		}
		q := strconv.QuoteRune(r)
		b.WriteString(q[1 : len(q)-1])
	}
	return b.String()
}

// sgr is a sequence that sets colours.
var sgr = regexp.MustCompile("\x1b\\[[0-9;:]*m")

// harmless is clean for a module's own line on a terminal: tabs and colours stay.
func harmless(line string) string {
	var b strings.Builder
	coloured := false
	for len(line) > 0 {
		at := sgr.FindStringIndex(line)
		if at == nil {
			at = []int{len(line), len(line)}
		}
		for i, part := range strings.Split(line[:at[0]], "\t") {
			if i > 0 {
				b.WriteByte('\t')
			}
			b.WriteString(clean(part))
		}
		b.WriteString(line[at[0]:at[1]])
		coloured = coloured || at[1] > at[0]
		line = line[at[1]:]
	}
	if coloured {
		b.WriteString("\x1b[0m")
	}
	return b.String()
}
