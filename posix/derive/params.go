package derive

import (
	"slices"

	"golang.org/x/tools/go/callgraph"
	"golang.org/x/tools/go/ssa"
)

// A function that calls what it is given (sync.Once.Do, os.ignoringEINTR) calls all of it, says a graph without contexts. So where every caller's
// argument is known, the caller has the edge and not the function in between.

// settled decides, for parameters that are functions, whether every caller's argument is known.
type settled struct {
	graph *callgraph.Graph
	known map[parameter]bool // true also while it is being decided, so that recursion does not count against it
	// called remembers what calls decided.
	called map[parameter]bool
}

func (s settled) is(of parameter) bool {
	if known, ok := s.known[of]; ok {
		return known
	}
	n := s.graph.Nodes[of.f]
	if n == nil || of.i < 0 {
		return false
	}
	s.known[of] = true
	for _, e := range n.In {
		if e.Site == nil || e.Site.Common().StaticCallee() != of.f || of.i >= len(e.Site.Common().Args) {
			s.known[of] = false
			break
		}
		switch arg := e.Site.Common().Args[of.i].(type) {
		case *ssa.Function, *ssa.MakeClosure, *ssa.Const:
		case *ssa.Parameter:
			if !s.is(parameter{e.Caller.Func, slices.Index(e.Caller.Func.Params, arg)}) {
				s.known[of] = false
			}
		default:
			s.known[of] = false
		}
	}
	return s.known[of]
}

// elsewhere tells whether a call enters what a settled parameter is: the one that gave it has the edge.
func (s settled) elsewhere(site ssa.CallInstruction) bool {
	if site == nil || site.Common().IsInvoke() {
		return false
	}
	v, ok := site.Common().Value.(*ssa.Parameter)
	return ok && s.is(parameter{site.Parent(), slices.Index(site.Parent().Params, v)})
}

// given returns the functions that f gives to others which call them: those that are settled, and those that the runtime has from then on
// and calls some time (finalizers, clean-ups, timers).
func (s settled) given(f *ssa.Function) (out []*ssa.Function) {
	calls(f, func(c ssa.CallInstruction) {
		callee := c.Common().StaticCallee()
		if callee == nil {
			return
		}
		kept := callee.Blocks == nil || isRuntime(callee) || callee.String() == "time.AfterFunc"
		for i, arg := range c.Common().Args {
			g := function(arg)
			if g == nil {
				continue
			}
			if at := (parameter{callee, i}); kept || s.is(at) && s.calls(at) {
				out = append(out, g)
			}
		}
	})
	return out
}

// function returns the function that a value is, nil when that cannot be seen.
func function(v ssa.Value) *ssa.Function {
	if m, ok := v.(*ssa.MakeInterface); ok {
		v = m.X
	}
	switch v := v.(type) {
	case *ssa.Function:
		return v
	case *ssa.MakeClosure:
		f, _ := v.Fn.(*ssa.Function)
		return f
	}
	return nil
}

// calls tells whether a function calls its parameter, or gives it to one that does.
func (s settled) calls(of parameter) (does bool) {
	if does, ok := s.called[of]; ok || of.i >= len(of.f.Params) {
		return does
	}
	s.called[of] = false
	v := of.f.Params[of.i]
	calls(of.f, func(c ssa.CallInstruction) {
		common := c.Common()
		if common.Value == v {
			does = true
		}
		if callee := common.StaticCallee(); callee != nil {
			for i, arg := range common.Args {
				does = does || arg == v && s.calls(parameter{callee, i})
			}
		}
	})
	s.called[of] = does
	return does
}
