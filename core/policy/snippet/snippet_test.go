package snippet

import (
	"testing"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

func TestAt(t *testing.T) {
	text := []byte("version: 1\n  allow: [read, \"@x\"]\n\tä ptrace\r\n")
	for _, c := range []struct {
		name      string
		line, col int
		want      string
	}{
		{"a word in a list", 2, 11, "    2 |   allow: [read, \"@x\"]\n      |           ^^^^\n"},
		{"one in quotes", 2, 17, "    2 |   allow: [read, \"@x\"]\n      |                 ^^^^\n"},
		{"after a tab", 3, 4, "    3 | \tä ptrace\n      | \t  ^^^^^^\n"},
		{"at the end of the line", 1, 11, "    1 | version: 1\n      |           ^\n"},
		{"behind the end", 9, 1, ""},
		{"nowhere", 0, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := At(text, policy.Pos{File: "p.yaml", Line: c.line, Col: c.col}); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestClean(t *testing.T) {
	if got := Clean("a\x1b[31mä\n\xff\u202e"); got != "a\uFFFD[31mä\uFFFD\uFFFD\uFFFD" {
		t.Errorf("%q", got)
	}
}

func FuzzAt(f *testing.F) {
	f.Add([]byte("a: [b]\n"), 1, 4)
	f.Fuzz(func(_ *testing.T, text []byte, line, col int) { At(text, policy.Pos{Line: line, Col: col}) })
}
