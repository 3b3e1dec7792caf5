package vet

import (
	"go/types"
	"strings"

	"github.com/bulkhead/bulkhead/posix"
)

// Call is a function, method or variable that makes system calls by itself.
type Call struct {
	Name    string // "os.ReadFile", "net/http.Server.Serve"
	Instead string // what to use
}

// Makes tells whether obj, in code that uses it, is something that makes system calls by itself. Methods of interfaces do not.
func Makes(obj types.Object) (Call, bool) {
	if obj.Pkg() == nil {
		return Call{}, false
	}
	path, name := packagePath(obj.Pkg()), ""
	switch obj := obj.(type) {
	case *types.Func:
		recv := obj.Origin().Signature().Recv()
		if recv == nil {
			name = obj.Name()
			break
		}
		typ := receiver(recv.Type())
		if typ == "" || harmless[obj.Name()] {
			return Call{}, false
		}
		name = typ + "." + obj.Name()
	case *types.Var:
		if obj.IsField() || obj.Parent() != obj.Pkg().Scope() || isError(obj.Type()) {
			return Call{}, false
		}
		name = obj.Name()
		if !variables[path+"."+name] {
			return Call{}, false
		}
		return Call{path + "." + name, advice(path, name)}, true
	default:
		return Call{}, false
	}
	if !mentions(path, name) {
		return Call{}, false
	}
	return Call{path + "." + name, advice(path, name)}, true
}

// receiver returns the name of a method's type, empty when that is an interface or has no name.
func receiver(t types.Type) string {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	named, ok := types.Unalias(t).(*types.Named)
	if !ok || types.IsInterface(named) {
		return ""
	}
	return named.Obj().Name()
}

func isError(t types.Type) bool {
	e, ok := types.Universe.Lookup("error").Type().Underlying().(*types.Interface)
	return ok && types.Implements(t, e)
}

// mentions tells whether the table says that the function or "Type.Method" name of package path makes calls.
func mentions(path, name string) bool {
	rule, ok := table[path]
	if !ok {
		for prefix := range modules {
			if path == prefix || strings.HasPrefix(path, prefix+"/") {
				return true
			}
		}
		return false
	}
	return rule.listed(name) == rule.lists
}

// known tells whether name can be reported.
func known(name string) bool {
	switch name {
	case "C", "assembly", "print", "println", adapterPath, posixPath + ".Active", posixPath + ".Use":
		return true
	}
	if variables[name] {
		return true
	}
	slash := strings.LastIndexByte(name, '/') + 1
	path, rest, ok := strings.Cut(name[slash:], ".")
	path = name[:slash] + path
	switch {
	case !ok:
		return false
	case rest == "*":
		return mentions(path, "X") || len(table[path].names) > 0
	case path == "runtime" || strings.HasPrefix(path, "internal/") || strings.HasPrefix(path, "runtime/"):
		return true // go:linkname
	}
	return mentions(path, methodName(rest))
}

// advice returns what to use instead of a function of package path.
func advice(path, name string) string {
	if s := instead[path+"."+name]; s != "" {
		return "use " + s
	}
	if path == "syscall" || path == "golang.org/x/sys/unix" {
		for _, op := range posix.Ops() {
			if op.Method() == name {
				return "use posix." + op.Interface() + "." + name
			}
		}
		for _, op := range posix.Ops() {
			for _, call := range op.Calls() {
				if call == strings.ToLower(name) {
					return "use posix." + op.Interface() + "." + op.Method()
				}
			}
		}
	}
	if s := table[path].instead; s != "" {
		return s
	}
	return "make the calls through posix.Core"
}
