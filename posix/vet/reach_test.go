package vet

import (
	"go/types"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
	"golang.org/x/tools/go/ssa"
	"golang.org/x/tools/go/ssa/ssautil"
)

// TestTableHasWhatEntersTheKernel follows every exported function of the standard library, and of x/sys/unix, through the functions that
// it calls by name. One that ends in a system call must be one that the table knows.
func TestTableHasWhatEntersTheKernel(t *testing.T) {
	if testing.Short() {
		t.Skip("it loads the standard library from source")
	}
	cfg := &packages.Config{Mode: packages.LoadAllSyntax, Env: append(os.Environ(), "CGO_ENABLED=0")}
	list, err := packages.Load(cfg, "std", "golang.org/x/sys/unix")
	if err != nil {
		t.Fatal(err)
	}
	prog, pkgs := ssautil.AllPackages(list, ssa.BuilderMode(0))
	prog.Build()
	enters := enterers(prog)
	followed := 0
	for _, pkg := range pkgs {
		path := pkg.Pkg.Path()
		if strings.HasPrefix(path, "vendor/") || slices.Contains(strings.Split(path, "/"), "internal") || aside[path] != "" {
			continue
		}
		for name, f := range exported(prog, pkg) {
			followed++
			if enters[f] && !mentions(path, name) && aside[path+"."+name] == "" {
				t.Errorf("%s.%s enters the kernel, and is not in the table: %s", path, name, trail(f, enters))
			}
		}
	}
	if followed < 3000 {
		t.Errorf("only %d functions were followed", followed)
	}
}

// aside are packages and functions that make calls and are no findings all the same.
var aside = map[string]string{
	"testing":                    "whoever imports it is a part of tests",
	"golang.org/x/sys/unix.Exit": "what comes after it is nothing",
}

// passing are functions in which something that computes may make a call on its way. doc.go says that they are not counted.
var passing = map[string]string{
	"time.initLocal":                    "the zone of the host, read once",
	"crypto/internal/sysrand.Read":      "randomness for keys",
	"crypto/internal/sysrand.read":      "the same",
	"log.Print":                         "a complaint to the default logger",
	"log.Printf":                        "the same",
	"log.Println":                       "the same",
	"log.Panic":                         "the same",
	"log.Panicf":                        "the same",
	"log.Panicln":                       "the same",
	"log.Fatal":                         "the same",
	"log.Fatalf":                        "the same",
	"log.Fatalln":                       "the same",
	"(*internal/godebug.Setting).Value": "a setting of GODEBUG",
	"os.Exit":                           "what comes after it is nothing",
	"syscall.Exit":                      "the same",
	"crypto/x509.systemRootsPool":       "root certificates, read once when a program has none of its own",
	"go/parser.readSource":              "a file, when the source is not given",
}

// exported returns the functions and methods of a package that others can call, by the names that the table has for them.
func exported(prog *ssa.Program, pkg *ssa.Package) map[string]*ssa.Function {
	out := map[string]*ssa.Function{}
	for _, m := range pkg.Members {
		switch m := m.(type) {
		case *ssa.Function:
			if m.Object() != nil && m.Object().Exported() {
				out[m.Name()] = m
			}
		case *ssa.Type:
			if named, ok := m.Type().(*types.Named); ok && m.Object().Exported() && named.TypeParams().Len() == 0 && !types.IsInterface(named) {
				for sel := range prog.MethodSets.MethodSet(types.NewPointer(named)).Methods() {
					if sel.Obj().Exported() && !harmless[sel.Obj().Name()] && len(sel.Index()) == 1 {
						out[m.Name()+"."+sel.Obj().Name()] = prog.MethodValue(sel)
					}
				}
			}
		}
	}
	return out
}

// enterers returns the functions from which a system call is reached by calls of functions by name, and by functions that are made inside.
func enterers(prog *ssa.Program) map[*ssa.Function]bool {
	callers := map[*ssa.Function][]*ssa.Function{}
	var queue []*ssa.Function
	enters := map[*ssa.Function]bool{}
	for f := range ssautil.AllFunctions(prog) {
		if f.Pkg != nil && (f.Pkg.Pkg.Path() == "runtime" || strings.HasPrefix(f.Pkg.Pkg.Path(), "internal/runtime/")) && !isDoor(f) {
			continue
		}
		if isDoor(f) {
			enters[f] = true
			queue = append(queue, f)
		}
		for _, b := range f.Blocks {
			for _, i := range b.Instrs {
				for _, op := range i.Operands(nil) {
					if g, ok := (*op).(*ssa.Function); ok {
						callers[g] = append(callers[g], f)
					}
				}
			}
		}
	}
	for len(queue) > 0 {
		f := queue[0]
		queue = queue[1:]
		for _, g := range callers[f] {
			if !enters[g] && passing[g.String()] == "" {
				enters[g] = true
				queue = append(queue, g)
			}
		}
	}
	return enters
}

// isDoor tells whether a function is one in assembly that enters the kernel.
func isDoor(f *ssa.Function) bool {
	if f.Pkg == nil || f.Blocks != nil {
		return false
	}
	switch f.Pkg.Pkg.Path() {
	case "internal/runtime/syscall/linux":
		return f.Name() == "Syscall6"
	case "golang.org/x/sys/unix":
		return strings.Contains(f.Name(), "Syscall")
	case "syscall":
		return f.Name() == "rawVforkSyscall"
	}
	return false
}

// trail returns one way from a function to the kernel.
func trail(f *ssa.Function, enters map[*ssa.Function]bool) string {
	var way []string
	seen := map[*ssa.Function]bool{}
	for f != nil && !seen[f] {
		seen[f] = true
		way = append(way, f.String())
		next := map[string]*ssa.Function{}
		for _, b := range f.Blocks {
			for _, i := range b.Instrs {
				for _, op := range i.Operands(nil) {
					if g, ok := (*op).(*ssa.Function); ok && enters[g] && !seen[g] {
						next[g.String()] = g
					}
				}
			}
		}
		f = nil
		if names := slices.Sorted(maps.Keys(next)); len(names) > 0 {
			f = next[names[0]]
		}
	}
	return strings.Join(way, " → ")
}
