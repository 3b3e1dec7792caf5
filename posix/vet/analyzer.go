package vet

import (
	"go/ast"
	"go/token"
	"go/types"
	"strconv"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// Analyzer reports system calls that do not go through posix.Core, and exceptions that no longer occur.
var Analyzer = &analysis.Analyzer{
	Name: "posixvet",
	Doc: "find system calls that do not go through posix.Core\n\n" +
		"Exceptions are listed in the source, with a reason: //posixvet:leak os/signal.Notify: REASON",
	URL: "https://pkg.go.dev/github.com/bulkhead/bulkhead/posix/vet",
	Run: run,
}

// The packages of ours that have rules of their own.
const (
	posixPath   = "github.com/bulkhead/bulkhead/posix"
	adapterPath = posixPath + "/linux"
)

// checker looks at one package.
type checker struct {
	pass   *analysis.Pass
	leaks  []*leak
	exempt token.Pos // where the package is left out, 0 when it is not
	found  int
}

func run(pass *analysis.Pass) (any, error) {
	c := &checker{pass: pass}
	if packagePath(pass.Pkg) == adapterPath {
		return nil, nil
	}
	files := production(pass)
	if supportsTests(pass.Pkg, files) {
		return nil, nil
	}
	for _, f := range files {
		c.directives(f)
	}
	for _, f := range files {
		c.imports(f)
		c.linknames(f)
		c.uses(f)
	}
	c.assembly()
	c.stale()
	if c.exempt != 0 && c.found == 0 {
		pass.Reportf(c.exempt, "the package is left out, but has nothing that would be reported: remove %s", exemptDirective)
	}
	return nil, nil
}

// packagePath returns the path without the suffix that go vet gives to a package built with its tests.
func packagePath(p *types.Package) string {
	path, _, _ := strings.Cut(p.Path(), " ")
	return path
}

// production returns the files that become part of a program.
func production(pass *analysis.Pass) []*ast.File {
	var files []*ast.File
	for _, f := range pass.Files {
		// Of a file made by cgo, the name that its //line directive gives.
		if !strings.HasSuffix(pass.Fset.Position(f.Package).Filename, "_test.go") && !isTestMain(pass, f) {
			files = append(files, f)
		}
	}
	return files
}

// supportsTests tells whether a package is a part of tests: no program's own code imports package testing.
func supportsTests(pkg *types.Package, files []*ast.File) bool {
	for _, f := range files {
		for _, spec := range f.Imports {
			if spec.Path.Value == `"testing"` && pkg.Name() != "main" {
				return true
			}
		}
	}
	return false
}

// isTestMain tells whether f is what `go test` generates around tests; it is not below any module's directory.
func isTestMain(pass *analysis.Pass, f *ast.File) bool {
	return strings.HasSuffix(pass.Pkg.Path(), ".test") && pass.Pkg.Name() == "main" && ast.IsGenerated(f)
}

// imports reports what a package must not even import.
func (c *checker) imports(f *ast.File) {
	for _, spec := range f.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		switch {
		case err != nil:
		case path == "C":
			c.use(spec.Pos(), "C", `import "C": C code makes system calls outside of posix.Core`, "call it through a method of posix.Core")
		case path == adapterPath && c.pass.Pkg.Name() != "main":
			c.use(spec.Pos(), path, "package "+c.pass.Pkg.Name()+" chooses an implementation of posix.Core by importing "+path,
				"take the narrowest interface that is needed as a parameter, and let main choose")
		}
	}
}

// uses reports every identifier that stands for something which makes calls.
func (c *checker) uses(f *ast.File) {
	ast.Inspect(f, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok {
			return true
		}
		obj := c.pass.TypesInfo.Uses[id]
		if obj == nil {
			return true
		}
		if b, ok := obj.(*types.Builtin); ok && (b.Name() == "print" || b.Name() == "println") {
			c.use(id.Pos(), b.Name(), b.Name()+" writes to descriptor 2 outside of posix.Core", "use an io.Writer that main chose")
			return true
		}
		c.choice(id, obj)
		if call, ok := Makes(obj); ok {
			c.use(id.Pos(), call.Name, call.Name+" makes system calls outside of posix.Core", call.Instead)
		}
		return true
	})
}

// choice reports the use of the active implementation outside of main.
func (c *checker) choice(id *ast.Ident, obj types.Object) {
	if obj.Pkg() == nil || packagePath(obj.Pkg()) != posixPath || c.pass.Pkg.Name() == "main" || packagePath(c.pass.Pkg) == posixPath {
		return
	}
	switch _, isFunc := obj.(*types.Func); {
	case !isFunc || obj.Parent() != obj.Pkg().Scope():
	case obj.Name() == "Active":
		c.use(id.Pos(), posixPath+".Active", "package "+c.pass.Pkg.Name()+" asks for the active implementation of posix.Core",
			"take the narrowest interface that is needed as a parameter; only main calls posix.Active")
	case obj.Name() == "Use":
		c.use(id.Pos(), posixPath+".Use", "package "+c.pass.Pkg.Name()+" sets the active implementation of posix.Core",
			"leave that to main")
	}
}

// use reports a use unless it is listed.
func (c *checker) use(pos token.Pos, name, what, instead string) {
	c.found++
	listed := c.exempt != 0
	for _, l := range c.leaks {
		if l.covers(name, pos) {
			l.used, listed = true, true
		}
	}
	if !listed {
		c.pass.Reportf(pos, "%s: %s, or list it with a reason: //posixvet:leak %s: REASON", what, instead, name)
	}
}
