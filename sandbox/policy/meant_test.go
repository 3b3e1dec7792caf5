package policy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestMeantIsInTheLanguage: what a message tells people to write is what the language has, for every word of the tables.
func TestMeantIsInTheLanguage(t *testing.T) {
	words := casesOf(t, "meant.go")
	for _, tt := range []struct {
		function string
		meant    func(string) string
		known    func(string) bool
	}{
		{"meantAccess", meantAccess, func(s string) bool { return slices.Contains([]string{"r", "rx", "rw", "rwx"}, s) }},
		{"meantAction", meantAction, func(s string) bool {
			word, name, _ := strings.Cut(s, " ")
			return isAction(word) && name == "" || word == "errno" && errnoNumber(name) != 0
		}},
		{"meantResource", meantResource, func(s string) bool { return slices.Contains(ResourceKeys(), s) }},
	} {
		if len(words[tt.function]) < 5 {
			t.Fatalf("%s: only %q were found", tt.function, words[tt.function])
		}
		for _, word := range words[tt.function] {
			if meant := tt.meant(word); !tt.known(meant) {
				t.Errorf("%s(%q) is %q, which the language does not have", tt.function, word, meant)
			}
			if tt.known(word) {
				t.Errorf("%s has %q, which means itself", tt.function, word)
			}
		}
	}
}

// casesOf returns the strings of the cases of each function of a file.
func casesOf(t *testing.T, file string) map[string][]string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	words := map[string][]string{}
	for _, decl := range parsed.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok {
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			c, ok := n.(*ast.CaseClause)
			if !ok {
				return true
			}
			for _, x := range c.List {
				if lit, ok := x.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					word, err := strconv.Unquote(lit.Value)
					if err != nil {
						t.Fatal(err)
					}
					words[f.Name.Name] = append(words[f.Name.Name], word)
				}
			}
			return true
		})
	}
	return words
}

func TestMeantDuration(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"30 s", "30s"}, {"30sec", "30s"}, {"5 minutes", "5m"}, {"1 hour", "1h"}, {"200 milliseconds", "200ms"}, {"1m 30s", "1m30s"},
		{"soon", ""}, {"-5 s", ""}, {"25 h", ""}, {"5 days", ""}, {"", ""},
	} {
		if got := meantDuration(tt.text); got != tt.want {
			t.Errorf("meantDuration(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
}
