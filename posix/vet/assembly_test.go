package vet

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"testing"

	"golang.org/x/tools/go/analysis"
)

func TestAssembly(t *testing.T) {
	const enters = "TEXT ·call(SB),4,$0\n\tMOVQ $39, AX\n\tSYSCALL\n\tRET\n"
	for _, c := range []struct {
		name, text, source string
		want               []string
	}{
		{"enters the kernel", enters, "package a", []string{"a.s:3"}},
		{"arm64", "start: SVC\n", "package a", []string{"a.s:1"}},
		{"the old way of 386", "INT $0x80\n", "package a", []string{"a.s:1"}},
		{"computes", "TEXT ·add(SB),4,$0\n\tADDQ AX, BX // no SYSCALL\n\tCALL ·SYSCALLS(SB)\n", "package a", nil},
		{"listed", enters, "//posixvet:leak assembly: the entry of a signal handler\npackage a", nil},
		{"listed and gone", "RET\n", "//posixvet:leak assembly: the entry of a signal handler\npackage a", []string{"a.go:1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := analyze(t, c.source, map[string]string{"a.s": c.text}); !slices.Equal(got, c.want) {
				t.Errorf("findings at %v, want %v", got, c.want)
			}
		})
	}
}

// analyze returns where the findings are in a package of one file and others.
func analyze(t *testing.T, source string, others map[string]string) (places []string) {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "a.go", source, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	pkg, err := (&types.Config{}).Check("a", fset, []*ast.File{f}, info)
	if err != nil {
		t.Fatal(err)
	}
	pass := &analysis.Pass{
		Analyzer: Analyzer, Fset: fset, Files: []*ast.File{f}, Pkg: pkg, TypesInfo: info,
		Report: func(d analysis.Diagnostic) {
			p := fset.Position(d.Pos)
			p.Column = 0
			places = append(places, p.String())
		},
		ReadFile: func(name string) ([]byte, error) { return []byte(others[name]), nil },
	}
	for name := range others {
		pass.OtherFiles = append(pass.OtherFiles, name)
	}
	if _, err := run(pass); err != nil {
		t.Fatal(err)
	}
	return places
}
