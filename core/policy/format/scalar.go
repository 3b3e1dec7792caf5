package format

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// scalar writes a scalar on one line.
func (v *value) scalar(inBrackets bool) string {
	switch {
	case !v.Quoted && !policy.Plain(v.Text): // a number, true, or nothing
		if v.Text == "" && inBrackets {
			return "null"
		}
		return v.Text
	case v.quote:
		return quoted(v.Text)
	case v.Quoted:
		return word(v.Text)
	case !plainInBrackets(v.Text):
		return quoted(v.Text)
	}
	return v.Text
}

// word writes a string without quotes where nobody could take it for something else.
func word(s string) string {
	if !policy.Plain(s) || !unmistakable(s) {
		return quoted(s)
	}
	return s
}

// unmistakable tells whether a string needs no quotes in any YAML reader: letters, digits and a few signs, in words with one space between.
func unmistakable(s string) bool {
	switch strings.ToLower(s) {
	case "y", "n", "yes", "no", "on", "off", "true", "false", "null", "":
		return false
	}
	if documentSign(s) {
		return false
	}
	start := strings.TrimLeft(s, "-")
	if len(s)-len(start) > 2 || start == "" || start[0] >= '0' && start[0] <= '9' {
		return false
	}
	before := ' '
	for _, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && !strings.ContainsRune("_./+-", r) && (r != ' ' || before == ' ') {
			return false
		}
		before = r
	}
	return before != ' '
}

// plainInBrackets tells whether a string that was read without quotes can stay so wherever it goes.
func plainInBrackets(s string) bool {
	return !strings.ContainsAny(s, "{}[],\n\"'") && !strings.Contains(s, ": ") && !strings.Contains(s, " #") && !strings.HasSuffix(s, ":") &&
		!strings.ContainsAny(s[:min(1, len(s))], "#&*!|>%@`?:- ") && !documentSign(s) || unmistakable(s)
}

// documentSign tells whether a string looks like the sign that starts or ends a document, which it is at the start of a line.
func documentSign(s string) bool { return strings.HasPrefix(s, "...") || strings.HasPrefix(s, "---") }

// quoted writes a string in double quotes.
func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteRune('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r <= 0xff && !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\x%02x`, r)
		case !unicode.IsPrint(r) && r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		case !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// literal returns the sign and the lines of a block of text; false when the text cannot be one.
func literal(s string) (sign string, lines []string, ok bool) {
	body, final := strings.CutSuffix(s, "\n")
	if body == "" || strings.HasSuffix(body, "\n") || strings.HasPrefix(body, " ") || strings.HasPrefix(body, "\n") {
		return "", nil, false
	}
	for _, r := range body {
		if r != '\n' && !unicode.IsPrint(r) {
			return "", nil, false
		}
	}
	lines = strings.Split(body, "\n")
	for _, l := range lines {
		if strings.HasSuffix(l, " ") {
			return "", nil, false
		}
	}
	if final {
		return "|", lines, true
	}
	return "|-", lines, true
}
