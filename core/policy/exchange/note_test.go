package exchange

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// TestAt: places are counted in lines and characters, however long a line is.
func TestAt(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":    "",
		"short":      "ab\nä€c\n\nd",
		"one line":   strings.Repeat("xä€😀", 3000),
		"a block":    strings.Repeat("x", block),
		"two blocks": strings.Repeat("é", block) + "\n" + strings.Repeat("y", block-1),
	} {
		s := NewSource("f", []byte(text))
		line, col := 1, 1
		for i, r := range text + "." {
			if got := s.At(i); got.Line != line || got.Col != col || got.File != "f" {
				t.Fatalf("%s: byte %d is at %v, want %d:%d", name, i, got, line, col)
			}
			if col++; r == '\n' {
				line, col = line+1, 1
			}
		}
		if end := s.At(len(text) + 10); end != s.At(len(text)) || s.At(-1) != s.At(0) {
			t.Errorf("%s: outside of the text: %v", name, end)
		}
		if !utf8.ValidString(text) {
			t.Errorf("%s is not a text", name)
		}
	}
}
