package derive

import (
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/callgraph"
	"golang.org/x/tools/go/callgraph/cha"
	"golang.org/x/tools/go/callgraph/vta"
	"golang.org/x/tools/go/ssa"
)

type positioned interface{ Pos() token.Pos }

// functions is a set.
type functions = map[*ssa.Function]bool

// reach is what can run.
type reach struct {
	all     functions
	outside functions                       // what can run without the methods of posix/linux, whose calls their directives name
	from    map[*ssa.Function]*ssa.Function // where each was reached from first
}

// reachable returns the functions that can run: from main and every init for a program, from all that is exported for a
// library. Which function a call of a value or of an interface's method enters is decided by what can flow there
// (variable type analysis, twice: the second time among what the first one left).
func (p *Program) reachable() reach {
	roots := p.roots()
	graph := cha.CallGraph(p.prog)
	all, _ := p.forward(graph, roots, false)
	for range 2 {
		graph = vta.CallGraph(all, graph)
		all, _ = p.forward(graph, roots, false)
	}
	outside, from := p.forward(graph, roots, true)
	return reach{all, outside, from}
}

// roots are the functions that somebody else calls.
func (p *Program) roots() []*ssa.Function {
	out := []*ssa.Function{p.pkg.Func("init")}
	if p.Main {
		return append(out, p.pkg.Func("main"))
	}
	for _, m := range p.pkg.Members {
		switch m := m.(type) {
		case *ssa.Function:
			if token.IsExported(m.Name()) {
				out = append(out, m)
			}
		case *ssa.Type:
			out = append(out, p.methods(m.Type())...)
		}
	}
	return out
}

// methods returns the exported methods of a type of the package; those of a generic type only where it is instantiated.
func (p *Program) methods(t types.Type) (out []*ssa.Function) {
	named, ok := t.(*types.Named)
	if !ok || named.TypeParams().Len() > 0 || types.IsInterface(t) {
		return nil
	}
	set := p.prog.MethodSets.MethodSet(types.NewPointer(named))
	for sel := range set.Methods() {
		if sel.Obj().Exported() {
			if f := p.prog.MethodValue(sel); f != nil {
				out = append(out, f)
			}
		}
	}
	return out
}

// forward returns what can be reached from roots, and from where each function was reached first. It stays outside of the methods of
// posix/linux when asked to.
func (p *Program) forward(g *callgraph.Graph, roots []*ssa.Function, outside bool) (functions, map[*ssa.Function]*ssa.Function) {
	seen, from := functions{}, map[*ssa.Function]*ssa.Function{}
	through := newContexts(g)
	var queue []*ssa.Function
	visit := func(f, caller *ssa.Function) {
		if f == nil || seen[f] || outside && p.isOperation(f) {
			return
		}
		seen[f] = true
		from[f] = caller
		queue = append(queue, f)
	}
	for _, f := range roots {
		visit(f, nil)
	}
	for len(queue) > 0 { // breadth first, so that explanations are short
		f := queue[0]
		queue = queue[1:]
		if n := g.Nodes[f]; n != nil {
			out := slices.Clone(n.Out)
			slices.SortStableFunc(out, func(a, b *callgraph.Edge) int { return strings.Compare(a.Callee.Func.String(), b.Callee.Func.String()) })
			for _, e := range out {
				if !through.elsewhere(e.Site) {
					visit(e.Callee.Func, f)
				}
			}
		}
		visit(p.behind(f), f)
		for _, g := range through.given(f) {
			visit(g, f)
		}
	}
	return seen, from
}

// isOperation tells whether f is a method of posix/linux that implements one of posix.Core.
func (p *Program) isOperation(f *ssa.Function) bool {
	m, ok := f.Object().(*types.Func)
	if !ok || f.Pkg == nil || f.Pkg.Pkg.Path() != adapterPath || f.Signature.Recv() == nil {
		return false
	}
	_, ok = p.ops.of(m)
	return ok
}

// calls hands over every call in a function.
func calls(f *ssa.Function, each func(ssa.CallInstruction)) {
	for _, b := range f.Blocks {
		for _, i := range b.Instrs {
			if c, ok := i.(ssa.CallInstruction); ok {
				each(c)
			}
		}
	}
}
