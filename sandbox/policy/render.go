package policy

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Longest part of a source line that Render shows, in characters; of a longer line it shows the part around the caret.
const maxShown = 160

// Render writes the findings for a person, each with the line of the source it is about and a caret run below the
// culprit. Source is the text that Parse was given.
func Render(w io.Writer, ds Diagnostics, source []byte) error {
	return RenderFiles(w, ds, func(string) []byte { return source })
}

// RenderFiles is Render for a policy that includes others: source returns the text of each file, nil when it is not known.
func RenderFiles(w io.Writer, ds Diagnostics, source func(file string) []byte) error {
	var b strings.Builder
	lines := map[string][]string{}
	for _, d := range ds {
		if _, split := lines[d.Pos.File]; !split {
			lines[d.Pos.File] = sourceLines(source(d.Pos.File))
		}
		renderOne(&b, d, lines[d.Pos.File])
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func renderOne(b *strings.Builder, d Diagnostic, lines []string) {
	fmt.Fprintf(b, "%s[%s]: %s\n  %s", d.Severity, d.Code, clean(d.Message), clean(d.Pos.String()))
	if d.Help != "" {
		b.WriteString("   help: " + clean(d.Help))
	}
	b.WriteByte('\n')
	if d.Pos.Line < 1 || d.Pos.Line > len(lines) || d.Pos.Col < 1 {
		return
	}
	line := []rune(strings.ToValidUTF8(lines[d.Pos.Line-1], string(unprintable)))
	start := min(d.Pos.Col-1, len(line))
	width := max(d.Width, 1)
	line, start = window(line, start)

	number := fmt.Sprintf("%5d", d.Pos.Line)
	b.WriteString(number + " | ")
	for _, r := range line {
		b.WriteRune(shown(r))
	}
	b.WriteString("\n" + strings.Repeat(" ", len(number)) + " | ")
	for _, r := range line[:start] {
		if r == '\t' { // a tab ends at the same column in both lines
			b.WriteByte('\t')
			continue
		}
		b.WriteString(strings.Repeat(" ", columns(shown(r))))
	}
	carets := 0
	for i := start; i < len(line) && i < start+width; i++ {
		carets += columns(shown(line[i]))
	}
	b.WriteString(strings.Repeat("^", max(carets, 1)))
	if d.Hint != "" {
		b.WriteString(" " + clean(d.Hint))
	}
	b.WriteByte('\n')
}

// window cuts a long line down to the part around index at and returns where at is in it.
func window(line []rune, at int) ([]rune, int) {
	if len(line) <= maxShown {
		return line, at
	}
	from := max(at-maxShown/2, 0)
	to := min(from+maxShown, len(line))
	part := append([]rune(nil), line[from:to]...)
	if from > 0 {
		part[0] = '…'
	}
	if to < len(line) {
		part[len(part)-1] = '…'
	}
	return part, at - from
}

// clean makes a text fit for one line of a terminal.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return ' '
		}
		return shown(r)
	}, s)
}

// sourceLines splits a text the way positions count: without a byte order mark, lines end in \n or \r\n.
func sourceLines(source []byte) []string {
	text := strings.TrimPrefix(string(source), "\ufeff")
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimSuffix(l, "\r")
	}
	return lines
}

// jsonDiagnostic fixes the field names of the JSON form; they do not change within a major version.
type jsonDiagnostic struct {
	Code     string   `json:"code"`
	Severity Severity `json:"severity"`
	File     string   `json:"file"`
	Line     int      `json:"line"`
	Column   int      `json:"column"`
	Width    int      `json:"width"`
	Message  string   `json:"message"`
	Hint     string   `json:"hint,omitempty"`
	Help     string   `json:"help,omitempty"`
}

// MarshalJSON writes the finding with the fields code, severity, file, line, column, width, message, hint, help.
func (d Diagnostic) MarshalJSON() ([]byte, error) {
	return json.Marshal(jsonDiagnostic{
		Code: d.Code, Severity: d.Severity, File: d.Pos.File, Line: d.Pos.Line, Column: d.Pos.Col,
		Width: d.Width, Message: d.Message, Hint: d.Hint, Help: d.Help,
	})
}

// RenderJSON writes the findings as one JSON array, [] when there are none.
func RenderJSON(w io.Writer, ds Diagnostics) error {
	if ds == nil {
		ds = Diagnostics{}
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(ds)
}
