package derive

import (
	"errors"
	"fmt"
	"go/types"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
	"golang.org/x/tools/go/ssa"
	"golang.org/x/tools/go/ssa/ssautil"
)

const (
	posixPath   = "github.com/bulkhead/bulkhead/posix"
	adapterPath = posixPath + "/linux"
)

// Options says how a package is loaded. The zero value is the current directory, no tags, the native architecture.
type Options struct {
	Dir  string   // where patterns are relative to
	Tags []string // build tags
	Arch string   // GOARCH
	Env  []string // os.Environ() when nil
}

// Program is a package with all that it imports, as the analyses need it.
type Program struct {
	Path string // import path
	Main bool   // a program; otherwise a library, of which everything exported can be called
	Arch string // GOARCH

	dir    string
	module string
	prog   *ssa.Program
	pkg    *ssa.Package
	ops    operations
	names  map[uint64]string // of system calls, by number
	links  linknames
}

// The errors of Load that a caller may want to tell apart.
var (
	ErrLoad    = errors.New("does not load")
	ErrNoPosix = errors.New("does not use package posix")
)

// Load reads and type checks one package and everything that it imports, from source. It runs the go command. Memory is some
// hundred megabytes, time some seconds. Errors: ErrLoad with what the compiler would say, ErrNoPosix, an architecture without a baseline.
func Load(pattern string, o Options) (*Program, error) {
	if o.Arch == "" {
		o.Arch = runtime.GOARCH
	}
	if _, err := Baseline(o.Arch); err != nil {
		return nil, err
	}
	env := o.Env
	if env == nil {
		env = os.Environ()
	}
	env = append(slices.Clone(env), "GOOS=linux", "GOARCH="+o.Arch)
	cfg := &packages.Config{
		Mode: packages.LoadAllSyntax | packages.NeedModule | packages.NeedTarget,
		Dir:  o.Dir, Env: env,
	}
	if len(o.Tags) > 0 {
		cfg.BuildFlags = []string{"-tags=" + strings.Join(o.Tags, ",")}
	}
	list, err := packages.Load(cfg, pattern)
	if err != nil {
		return nil, fmt.Errorf("%s %w: %w", pattern, ErrLoad, err)
	}
	if err := problems(pattern, list); err != nil {
		return nil, err
	}
	switch {
	case len(list) == 0:
		return nil, fmt.Errorf("%s %w: no such package", pattern, ErrLoad)
	case len(list) > 1:
		return nil, fmt.Errorf("%s is %d packages: name one", pattern, len(list))
	}
	return newProgram(list[0], o)
}

// problems returns what keeps packages from being analyzed, each error once.
func problems(pattern string, list []*packages.Package) error {
	var said []string
	packages.Visit(list, nil, func(p *packages.Package) {
		for _, e := range p.Errors {
			if text := e.Error(); !slices.Contains(said, text) {
				said = append(said, text)
			}
		}
	})
	const most = 10
	if n := len(said); n > most {
		said = append(said[:most], fmt.Sprintf("and %d more", n-most))
	}
	if len(said) == 0 {
		return nil
	}
	return fmt.Errorf("%s %w:\n\t%s", pattern, ErrLoad, strings.Join(said, "\n\t"))
}

func newProgram(p *packages.Package, o Options) (*Program, error) {
	var core *types.Package
	packages.Visit([]*packages.Package{p}, nil, func(p *packages.Package) {
		if p.PkgPath == posixPath {
			core = p.Types
		}
	})
	if core == nil {
		return nil, fmt.Errorf("%s %w: nothing follows from its types; see supervisor exec and strace(1) for a program like this", p.PkgPath, ErrNoPosix)
	}
	ops, err := newOperations(core)
	if err != nil {
		return nil, err
	}
	prog, pkgs := ssautil.AllPackages([]*packages.Package{p}, ssa.InstantiateGenerics)
	prog.Build()
	q := &Program{Path: p.PkgPath, Main: p.Name == "main", Arch: o.Arch, prog: prog, pkg: pkgs[0], ops: ops, names: callNames(prog),
		links: newLinknames([]*packages.Package{p})}
	if p.Module != nil {
		q.module, q.dir = p.Module.Path, p.Module.Dir
	}
	return q, nil
}

// ours tells whether a package belongs to the program, and not to what it imports or to the implementation of posix.Core.
func (p *Program) ours(pkg *types.Package) bool {
	if pkg == nil {
		return false
	}
	path := pkg.Path()
	if path == p.Path {
		return true
	}
	in := func(top string) bool { return path == top || strings.HasPrefix(path, top+"/") }
	return p.module != "" && in(p.module) && !in(posixPath)
}

// place returns where something stands, from the top of the module on.
func (p *Program) place(f positioned) string {
	at := p.prog.Fset.Position(f.Pos())
	if !at.IsValid() {
		return ""
	}
	name := at.Filename
	if rel, err := filepath.Rel(p.dir, name); err == nil && p.dir != "" && !strings.HasPrefix(rel, "..") {
		name = rel
	} else if rest, ok := afterLast(name, "/src/"); ok {
		name = rest
	}
	return fmt.Sprintf("%s:%d", filepath.ToSlash(name), at.Line)
}

func afterLast(s, sep string) (string, bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[i+len(sep):], true
	}
	return s, false
}
