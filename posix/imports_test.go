package posix_test

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Package posix imports the standard library only, so that whoever takes an
// interface from it takes nothing else; and of that not what makes calls of its own.
func TestImportsAreTheStandardLibrary(t *testing.T) {
	forbidden := map[string]string{
		"os":      "it opens and reads by itself, outside of Core",
		"os/exec": "processes are started through Core",
		"net":     "sockets are made through Core; net/netip has the address types",
		"unsafe":  "an interface has no use for it",
		"C":       "an interface has no use for it",
	}
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			path, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			seen = append(seen, path)
			if first, _, _ := strings.Cut(path, "/"); strings.Contains(first, ".") {
				t.Errorf("%s imports %s, which is not in the standard library", name, path)
			}
			if why, ok := forbidden[path]; ok {
				t.Errorf("%s imports %s: %s", name, path, why)
			}
		}
	}
	if !slices.Contains(seen, "syscall") || !slices.Contains(seen, "net/netip") {
		t.Errorf("only found imports %v: the test looks in the wrong place", seen)
	}
}
