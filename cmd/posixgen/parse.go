package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
)

// source is a parsed package with what was found wrong in it.
type source struct {
	fset  *token.FileSet
	types map[string]*ast.TypeSpec
	pkg   *Package
	errs  []error
}

func (s *source) errorf(at ast.Node, format string, args ...any) {
	pos := s.fset.Position(at.Pos())
	s.errs = append(s.errs, fmt.Errorf("%s:%d: %s", pos.Filename, pos.Line, fmt.Sprintf(format, args...)))
}

// parse reads the package in dir, without its tests and generated files. All mistakes are reported at once.
func parse(dir string) (*Package, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", dir, err)
	}
	s := &source{
		fset:  token.NewFileSet(),
		types: map[string]*ast.TypeSpec{},
		pkg:   &Package{Types: map[string]Type{}},
	}
	for _, name := range names {
		base := filepath.Base(name)
		if strings.HasSuffix(base, "_test.go") || strings.HasPrefix(base, generatedPrefix) {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read source: %w", err)
		}
		f, err := parser.ParseFile(s.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("parse source: %w", err)
		}
		s.collect(f)
	}
	s.declareTypes()
	s.readCore(dir)
	if len(s.errs) > 0 {
		return nil, errors.Join(s.errs...)
	}
	return s.pkg, nil
}

// collect notes the types that a file declares.
func (s *source) collect(f *ast.File) {
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.TYPE {
			continue
		}
		for _, spec := range g.Specs {
			t := spec.(*ast.TypeSpec)
			s.types[t.Name.Name] = t
		}
	}
}

// declareTypes fills in pkg.Types.
func (s *source) declareTypes() {
	for name, t := range s.types {
		s.pkg.Types[name] = s.declared(t, 0)
	}
}

// declared follows names to what they stand for; depth ends a cycle, which the compiler refuses.
func (s *source) declared(t *ast.TypeSpec, depth int) Type {
	switch x := t.Type.(type) {
	case *ast.StructType:
		typ := Type{Kind: Struct}
		for _, f := range x.Fields.List {
			ref, _ := s.ref(f.Type)
			for _, n := range f.Names {
				if n.IsExported() {
					typ.Fields = append(typ.Fields, Value{Name: n.Name, Type: ref})
				}
			}
		}
		return typ
	case *ast.Ident:
		if k, ok := basic[x.Name]; ok {
			return Type{Kind: k}
		}
		if next, ok := s.types[x.Name]; ok && depth < len(s.types) {
			return s.declared(next, depth+1)
		}
	case *ast.SelectorExpr:
		if id, ok := x.X.(*ast.Ident); ok {
			return Type{Kind: foreign[id.Name+"."+x.Sel.Name]}
		}
	}
	return Type{}
}

// ref reads a use of a type and tells why it is not understood.
func (s *source) ref(e ast.Expr) (Ref, string) {
	switch x := e.(type) {
	case *ast.StarExpr:
		r, why := s.ref(x.X)
		if why == "" && r.Prefix != "" {
			why = "a pointer to a pointer or slice"
		}
		return Ref{"*", r.Name}, why
	case *ast.ArrayType:
		if x.Len != nil {
			return Ref{}, "an array"
		}
		r, why := s.ref(x.Elt)
		if why == "" && r.Prefix != "" {
			why = "a slice of pointers or slices"
		}
		return Ref{"[]", r.Name}, why
	case *ast.Ident:
		if _, ok := basic[x.Name]; ok {
			return Ref{"", x.Name}, ""
		}
		t, ok := s.types[x.Name]
		if !ok {
			return Ref{}, fmt.Sprintf("type %s", x.Name)
		}
		if _, ok := t.Type.(*ast.InterfaceType); ok {
			return Ref{}, "an interface"
		}
		return Ref{"", x.Name}, ""
	case *ast.SelectorExpr:
		return Ref{}, "a type of another package"
	case *ast.Ellipsis:
		return Ref{}, "a variadic parameter"
	case *ast.FuncType:
		return Ref{}, "a function"
	case *ast.ChanType:
		return Ref{}, "a channel"
	case *ast.MapType:
		return Ref{}, "a map"
	case *ast.InterfaceType:
		return Ref{}, "an interface"
	}
	return Ref{}, fmt.Sprintf("a type written as %T", e)
}
