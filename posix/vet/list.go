package vet

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"path"
	"strings"
	"text/tabwriter"
)

// Leak is an exception as it is written in a source file.
type Leak struct {
	File   string // relative to where the search began
	Line   int
	Name   string // what is used; "*" when the whole package is left out
	Reason string
}

// Leaks returns the exceptions in the Go files of fsys, in the order of their places. Tests, testdata, vendor, and what the go command
// ignores (names that begin with "." or "_") are passed over. A malformed directive is an error.
func Leaks(fsys fs.FS) ([]Leak, error) {
	var list []Leak
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		base := path.Base(name)
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (base == "testdata" || base == "vendor" || base[0] == '.' || base[0] == '_'):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(base, ".go") || strings.HasSuffix(base, "_test.go") || base[0] == '.' || base[0] == '_':
			return nil
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		found, err := leaksOf(name, text)
		list = append(list, found...)
		return err
	})
	return list, err
}

func leaksOf(name string, text []byte) ([]Leak, error) {
	if !strings.Contains(string(text), anyDirective) {
		return nil, nil
	}
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var list []Leak
	for _, comment := range comments(f) {
		line := fset.Position(comment.Pos()).Line
		if reason, ok := exemption(comment.Text); ok {
			list = append(list, Leak{name, line, "*", reason})
			continue
		}
		names, reason, err := parseLeak(comment.Text)
		if err != nil {
			return list, fmt.Errorf("%s:%d: %w", name, line, err)
		}
		for _, n := range names {
			list = append(list, Leak{name, line, n, reason})
		}
	}
	return list, nil
}

// comments returns the directives of a file.
func comments(f *ast.File) (out []*ast.Comment) {
	for _, group := range f.Comments {
		for _, comment := range group.List {
			if strings.HasPrefix(comment.Text, anyDirective) {
				out = append(out, comment)
			}
		}
	}
	return out
}

// WriteLeaks prints leaks as a table.
func WriteLeaks(w io.Writer, list []Leak) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "WHERE\tUSES\tREASON")
	for _, l := range list {
		fmt.Fprintf(t, "%s:%d\t%s\t%s\n", l.File, l.Line, l.Name, l.Reason)
	}
	return t.Flush()
}
