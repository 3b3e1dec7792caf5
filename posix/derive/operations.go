package derive

import (
	"fmt"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/ssa"

	"github.com/bulkhead/bulkhead/posix"
)

// operations knows the methods of posix.Core in the types of a loaded program. Another version of package posix than the one that this
// program was built with may have methods that are not known here; they are left out by newOperations with an error.
type operations struct {
	core    *types.Interface
	methods map[string]posix.Op // by name
}

func newOperations(pkg *types.Package) (operations, error) {
	obj := pkg.Scope().Lookup("Core")
	if obj == nil {
		return operations{}, fmt.Errorf("package %s of the program has no type Core", pkg.Path())
	}
	core, ok := obj.Type().Underlying().(*types.Interface)
	if !ok {
		return operations{}, fmt.Errorf("%s.Core of the program is no interface", pkg.Path())
	}
	ops := operations{core: core, methods: map[string]posix.Op{}}
	for _, op := range posix.Ops() {
		ops.methods[op.Method()] = op
	}
	for m := range core.Methods() {
		if _, ok := ops.methods[m.Name()]; !ok {
			return ops, fmt.Errorf("the program's posix.Core has the method %s, which this program does not know: build it of the same version", m.Name())
		}
	}
	return ops, nil
}

// of returns the operation that a method is, by its name and its signature.
func (o operations) of(m *types.Func) (posix.Op, bool) {
	op, ok := o.methods[m.Name()]
	if !ok {
		return 0, false
	}
	obj, _, _ := types.LookupFieldOrMethod(o.core, false, nil, m.Name())
	in, ok := obj.(*types.Func)
	return op, ok && types.Identical(in.Signature(), m.Signature())
}

// in returns the operations that are methods of an interface type, sorted.
func (o operations) in(t types.Type) []posix.Op {
	iface, ok := t.Underlying().(*types.Interface)
	if !ok {
		return nil
	}
	var out []posix.Op
	for m := range iface.Methods() {
		if op, ok := o.of(m); ok {
			out = append(out, op)
		}
	}
	slices.Sort(out)
	return out
}

// invoked returns the operation that a call makes: through an interface, or of an implementation whose type the caller knows.
func (o operations) invoked(call *ssa.CallCommon) (posix.Op, bool) {
	if call.IsInvoke() {
		return o.of(call.Method)
	}
	f := call.StaticCallee()
	if f == nil || f.Signature.Recv() == nil || f.Object() == nil {
		return 0, false
	}
	if !types.Implements(f.Signature.Recv().Type(), o.core) {
		return 0, false
	}
	m, ok := f.Object().(*types.Func)
	if !ok {
		return 0, false
	}
	return o.of(m)
}

// callNames reads the numbers of system calls from the constants of the packages that have them for the architecture of the program.
func callNames(prog *ssa.Program) map[uint64]string {
	names := map[uint64]string{}
	for _, path := range []string{"internal/runtime/syscall/linux", "syscall", "golang.org/x/sys/unix"} { // the most complete one last
		pkg := prog.ImportedPackage(path)
		if pkg == nil {
			continue
		}
		for name, m := range pkg.Members {
			c, ok := m.(*ssa.NamedConst)
			if call, is := strings.CutPrefix(name, "SYS_"); ok && is {
				names[c.Value.Uint64()] = strings.ToLower(call)
			}
		}
	}
	return names
}
