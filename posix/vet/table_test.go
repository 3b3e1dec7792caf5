package vet

import (
	"go/importer"
	"go/token"
	"go/types"
	"strings"
	"testing"
)

// TestTableNamesWhatThereIs holds the table against the packages themselves: a name that is none lets its function through.
func TestTableNamesWhatThereIs(t *testing.T) {
	imp := importer.ForCompiler(token.NewFileSet(), "source", nil)
	for path, rule := range table {
		pkg, err := imp.Import(path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		for name := range rule.names {
			if path == "golang.org/x/sys/unix" && set(pureSyscall)[name] {
				continue // x/sys/unix has most of them
			}
			if !exists(pkg, name) {
				t.Errorf("%s.%s is in the table and does not exist", path, name)
			}
		}
		for name, what := range instead {
			if rest, ok := strings.CutPrefix(name, path+"."); ok && !strings.Contains(rest, "/") && !exists(pkg, rest) {
				t.Errorf("instead of %s: %s; but there is no such thing", name, what)
			}
		}
	}
}

// exists tells whether pkg has name: a function, a variable, "Type.Method" or "Type.*".
func exists(pkg *types.Package, name string) bool {
	typ, method, isMethod := strings.Cut(name, ".")
	obj := pkg.Scope().Lookup(typ)
	if obj == nil || !isMethod || method == "*" {
		return obj != nil
	}
	found, _, _ := types.LookupFieldOrMethod(types.NewPointer(obj.Type()), true, pkg, method)
	_, ok := found.(*types.Func)
	return ok
}

// TestDecisions holds examples of each kind of row.
func TestDecisions(t *testing.T) {
	for _, c := range []struct {
		path, name string
		makes      bool
	}{
		{"os", "ReadFile", true}, {"os", "Getenv", false}, {"os", "File.Write", true}, {"os", "File.Name", false},
		{"os", "AddedInALaterRelease", true}, {"os", "FileMode.IsDir", false}, {"net", "ParseIP", false}, {"net", "Listen", true},
		{"net", "Dialer.DialContext", true}, {"net/http", "StatusText", false}, {"net/http", "Server.Serve", true},
		{"strings", "Cut", false}, {"github.com/containerd/cgroups/v3/cgroup2", "Load", true}, {"github.com/containerd/cgroupsish", "Load", false},
		{"golang.org/x/sys/unix", "Mkdev", false}, {"golang.org/x/sys/unix", "Errno.Is", false}, {"golang.org/x/sys/unix", "Getppid", true},
		{"time", "Now", false}, {"time", "Sleep", false}, {"runtime", "GC", false}, {"path/filepath", "Join", false}, {"path/filepath", "Abs", true},
	} {
		if got := mentions(c.path, c.name); got != c.makes {
			t.Errorf("%s.%s makes system calls: %t, want %t", c.path, c.name, got, c.makes)
		}
	}
}
