package derive

import (
	"go/types"
	"slices"

	"golang.org/x/tools/go/callgraph"
	"golang.org/x/tools/go/ssa"
)

// contexts tells callers of a function apart where that matters most. A function that calls what it is given (sync.Once.Do, os.ignoringEINTR)
// calls all that anybody gives it, says a graph without contexts. Here, where the argument is known, the edge is the caller's.
type contexts struct {
	graph *callgraph.Graph
	calls map[parameter]bool            // whether a function calls its parameter, or gives it to one that does
	flows map[parameter][]*ssa.Function // what a parameter that is called can be, whoever gives it
	pools map[*ssa.Global][]*ssa.Function
}

func newContexts(g *callgraph.Graph) *contexts {
	return &contexts{g, map[parameter]bool{}, map[parameter][]*ssa.Function{}, map[*ssa.Global][]*ssa.Function{}}
}

// settled tells whether all who call a function are known, so that each has the edges for what it gives.
func (c *contexts) settled(of parameter) bool {
	n := c.graph.Nodes[of.f]
	return n != nil && of.i >= 0 && len(n.In) > 0 && !slices.ContainsFunc(n.In, func(e *callgraph.Edge) bool {
		return e.Site == nil || e.Site.Common().StaticCallee() != of.f
	})
}

const poolGet = "(*sync.Pool).Get"

// elsewhere tells whether the edges of a call are its callers'.
func (c *contexts) elsewhere(site ssa.CallInstruction) bool {
	if site == nil || site.Common().IsInvoke() || site.Common().StaticCallee() != nil {
		return false
	}
	if site.Parent().String() == poolGet {
		return true // of its New, the only function that it calls so
	}
	v, ok := site.Common().Value.(*ssa.Parameter)
	return ok && c.settled(parameter{site.Parent(), slices.Index(site.Parent().Params, v)})
}

// given returns the functions that f gives to others which call them, or to the runtime, which calls them some time (finalizers,
// clean-ups, timers).
func (c *contexts) given(f *ssa.Function) (out []*ssa.Function) {
	calls(f, func(site ssa.CallInstruction) {
		callee := site.Common().StaticCallee()
		if callee == nil {
			return
		}
		if callee.String() == poolGet {
			out = append(out, c.poolNew(callee, site.Common().Args[0])...)
			return
		}
		kept := callee.Blocks == nil || isRuntime(callee) || callee.String() == "time.AfterFunc"
		for i, arg := range site.Common().Args {
			if of := (parameter{callee, i}); kept || isFunc(arg.Type()) && c.settled(of) && c.called(of) {
				out = append(out, c.argument(of, f, arg, kept)...)
			}
		}
	})
	return out
}

// argument returns what a function that f gives can be.
func (c *contexts) argument(of parameter, f *ssa.Function, arg ssa.Value, kept bool) []*ssa.Function {
	if m, ok := arg.(*ssa.MakeInterface); ok {
		arg = m.X
	}
	switch v := arg.(type) {
	case *ssa.Function:
		return []*ssa.Function{v}
	case *ssa.MakeClosure:
		if fn, ok := v.Fn.(*ssa.Function); ok {
			return []*ssa.Function{fn}
		}
	case *ssa.Const: // nil
		return nil
	case *ssa.Parameter:
		if c.settled(parameter{f, slices.Index(f.Params, v)}) {
			return nil // it is for the callers of f
		}
	}
	if kept {
		return nil
	}
	return c.flow(of)
}

func isFunc(t types.Type) bool {
	_, ok := t.Underlying().(*types.Signature)
	return ok
}

// called tells whether a function calls its parameter, or gives it to one that does.
func (c *contexts) called(of parameter) (does bool) {
	if does, ok := c.calls[of]; ok || of.i >= len(of.f.Params) {
		return does
	}
	c.calls[of] = false
	c.uses(of, func(ssa.CallInstruction) { does = true }, func(next parameter) { does = does || c.called(next) })
	c.calls[of] = does
	return does
}

// flow returns what the graph says that a parameter can be where it is called.
func (c *contexts) flow(of parameter) (out []*ssa.Function) {
	if out, ok := c.flows[of]; ok || of.i >= len(of.f.Params) {
		return out
	}
	c.flows[of] = nil
	c.uses(of, func(site ssa.CallInstruction) { out = append(out, c.callees(site)...) },
		func(next parameter) { out = append(out, c.flow(next)...) })
	c.flows[of] = out
	return out
}

// uses hands over where a function calls its parameter, and whom it gives it to.
func (c *contexts) uses(of parameter, call func(ssa.CallInstruction), give func(parameter)) {
	v := of.f.Params[of.i]
	calls(of.f, func(site ssa.CallInstruction) {
		if site.Common().Value == v {
			call(site)
		}
		if callee := site.Common().StaticCallee(); callee != nil {
			for i, arg := range site.Common().Args {
				if arg == v {
					give(parameter{callee, i})
				}
			}
		}
	})
}

// callees returns what the graph says that a call enters.
func (c *contexts) callees(site ssa.CallInstruction) (out []*ssa.Function) {
	n := c.graph.Nodes[site.Parent()]
	if n == nil {
		return nil
	}
	for _, e := range n.Out {
		if e.Site == site {
			out = append(out, e.Callee.Func)
		}
	}
	return out
}

// poolNew returns what makes the values of a sync.Pool: of one in a variable, what the variable's package stored there; of any other,
// whatever can.
func (c *contexts) poolNew(get *ssa.Function, pool ssa.Value) (out []*ssa.Function) {
	if g, ok := pool.(*ssa.Global); ok {
		if _, done := c.pools[g]; !done {
			c.pools[g] = storedNew(g)
		}
		return c.pools[g]
	}
	calls(get, func(site ssa.CallInstruction) {
		if site.Common().StaticCallee() == nil && !site.Common().IsInvoke() {
			out = append(out, c.callees(site)...)
		}
	})
	return out
}

// storedNew looks for the function that a package stores in a field of its variable; a sync.Pool has one such field.
func storedNew(g *ssa.Global) (out []*ssa.Function) {
	for _, m := range g.Pkg.Members {
		f, ok := m.(*ssa.Function)
		if !ok {
			continue
		}
		for _, b := range f.Blocks {
			for _, i := range b.Instrs {
				s, ok := i.(*ssa.Store)
				if !ok || !isFunc(s.Val.Type()) {
					continue
				}
				if field, ok := s.Addr.(*ssa.FieldAddr); !ok || field.X != g {
					continue
				}
				switch v := s.Val.(type) {
				case *ssa.Function:
					out = append(out, v)
				case *ssa.MakeClosure:
					if fn, ok := v.Fn.(*ssa.Function); ok {
						out = append(out, fn)
					}
				}
			}
		}
	}
	return out
}
