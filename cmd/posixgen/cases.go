package main

import (
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// leastCases is how many conformance cases each method has at least.
const leastCases = 3

// cases counts the conformance cases of each method: literals in a directory with a field Op: posix.OpNAME. It is nil when the directory does
// not exist: a copy of package posix need not have the suite.
func cases(dir string) (map[string]int, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*_cases.go"))
	if err != nil {
		return nil, fmt.Errorf("list conformance cases: %w", err)
	}
	if len(names) == 0 {
		return nil, nil
	}
	count := map[string]int{}
	for _, name := range names {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("count conformance cases: %w", err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			pair, ok := n.(*ast.KeyValueExpr)
			if !ok {
				return true
			}
			key, isName := pair.Key.(*ast.Ident)
			value, isSelector := pair.Value.(*ast.SelectorExpr)
			if isName && isSelector && key.Name == "Op" {
				count[strings.TrimPrefix(value.Sel.Name, "Op")]++
			}
			return true
		})
	}
	return count, nil
}

// untested returns an error that names the methods without enough conformance cases.
func untested(p *Package, count map[string]int) error {
	if count == nil {
		return nil
	}
	var few []string
	for _, m := range p.Methods {
		if n := count[m.Name]; n < leastCases {
			few = append(few, fmt.Sprintf("%s (%d)", m.Name, n))
		}
	}
	if len(few) == 0 {
		return nil
	}
	slices.SortFunc(few, cmp.Compare)
	return fmt.Errorf("posixgen: every method has at least %d cases in tests/conformance, and these have fewer: %s", leastCases, strings.Join(few, ", "))
}
