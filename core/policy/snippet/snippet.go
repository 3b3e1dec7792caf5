package snippet

import (
	"bytes"
	"strings"
	"unicode"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// At returns the line at a place and the line of carets below it, or "" when the source does not have the place.
func At(source []byte, pos policy.Pos) string {
	var out bytes.Buffer
	_ = policy.Render(&out, policy.Diagnostics{{Pos: pos, Width: width(source, pos)}}, source) // a buffer takes everything
	for range 2 {                                                                              // the message, and the place
		_, _ = out.ReadString('\n')
	}
	return out.String()
}

// Clean returns a text of a policy without what would steer a terminal.
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '\uFFFD'
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// width returns how many characters the word at a place has, at least 1.
func width(source []byte, pos policy.Pos) int {
	lines := strings.Split(string(source), "\n")
	if pos.Line < 1 || pos.Line > len(lines) || pos.Col < 1 {
		return 1
	}
	text := []rune(lines[pos.Line-1])
	n := 0
	for i := pos.Col - 1; i < len(text) && !strings.ContainsRune(" \t\r,]}:#", text[i]); i++ {
		n++
	}
	return max(n, 1)
}
