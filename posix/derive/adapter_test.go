package derive

import (
	"go/types"
	"slices"
	"testing"

	"golang.org/x/tools/go/callgraph/cha"
	"golang.org/x/tools/go/callgraph/vta"
	"golang.org/x/tools/go/ssa"
)

// TestAdapterMakesWhatDirectivesSay follows each method of posix/linux down to the kernel: what is allowed for an operation is
// what its directive says, so that must be what it does.
func TestAdapterMakesWhatDirectivesSay(t *testing.T) {
	t.Parallel()
	p, err := Load("../linux", Options{Arch: "amd64", Tags: []string{"netgo", "osusergo"}})
	if err != nil {
		t.Fatal(err)
	}
	graph := cha.CallGraph(p.prog)
	all, _ := p.forward(graph, p.roots(), false)
	graph = vta.CallGraph(all, graph)
	kernel := types.NewPointer(p.pkg.Type("Kernel").Type())
	followed := 0
	for _, op := range p.ops.methods {
		sel := p.prog.MethodSets.MethodSet(kernel).Lookup(p.pkg.Pkg, op.Method())
		if sel == nil {
			t.Errorf("posix/linux has no method %s", op.Method())
			continue
		}
		reach, _ := p.forward(graph, []*ssa.Function{p.prog.MethodValue(sel)}, false)
		var made []string
		for _, trap := range p.traps(reach) {
			if trap.call == "" {
				t.Errorf("%s: the number of a call is not a constant in %s", op, trap.in)
			}
			made = append(made, trap.call)
		}
		made = append(made, inAssembly[op.Method()]...)
		slices.Sort(made)
		made = slices.Compact(made)
		said := slices.Sorted(slices.Values(op.Calls()))
		followed++
		if !slices.Equal(made, said) {
			t.Errorf("%s makes %v, and its directive says %v", op, made, said)
		}
	}
	if followed < 50 {
		t.Errorf("only %d operations were followed", followed)
	}
}

// inAssembly are calls that are not made by a function in Go.
var inAssembly = map[string][]string{"Clone3": {"clone3", "rt_sigprocmask"}}
