package host

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// minDetail is the least width of the detail column, whatever width is asked for.
const minDetail = 24

// WriteText writes the table in aligned columns, wrapped at width characters. What would enable a protection follows on
// lines of its own.
func WriteText(w io.Writer, table []Protection, width int) error {
	nameWidth := len("protection")
	for _, p := range table {
		nameWidth = max(nameWidth, utf8.RuneCountInString(p.Name))
	}
	const availableWidth = len("available")
	detailWidth := max(width-nameWidth-availableWidth-4, minDetail)
	var b strings.Builder
	line := func(name, is, detail string) {
		text := name + strings.Repeat(" ", nameWidth-utf8.RuneCountInString(name)+2) + is + strings.Repeat(" ", availableWidth-len(is)+2) + detail
		b.WriteString(strings.TrimRight(text, " ") + "\n")
	}
	line("PROTECTION", "AVAILABLE", "DETAIL")
	for _, p := range table {
		lines := wrap(p.Detail, detailWidth)
		if p.Enable != "" {
			lines = append(lines, wrap("to enable: "+p.Enable, detailWidth)...)
		}
		line(p.Name, p.Available.String(), lines[0])
		for _, more := range lines[1:] {
			line("", "", more)
		}
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write the table of protections: %w", err)
	}
	return nil
}

// WriteJSON writes the table as one JSON array, for machines.
func WriteJSON(w io.Writer, table []Protection) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(table); err != nil {
		return fmt.Errorf("write the table of protections: %w", err)
	}
	return nil
}

// wrap breaks text at spaces into lines of at most width characters; a longer word has a line of its own. There is always a line.
func wrap(text string, width int) []string {
	lines := []string{""}
	for word := range strings.FieldsSeq(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case utf8.RuneCountInString(*last)+1+utf8.RuneCountInString(word) <= width:
			*last += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
}
