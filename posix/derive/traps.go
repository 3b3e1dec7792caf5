package derive

import (
	"go/constant"
	"go/token"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/go/ssa"
)

// doors are the functions in assembly that enter the kernel. The number of the call is their first argument.
var doors = map[string]bool{
	"internal/runtime/syscall/linux.Syscall6": true,
	"syscall.rawVforkSyscall":                 true,
	"syscall.runtime_doAllThreadsSyscall":     true,
	"golang.org/x/sys/unix.Syscall":           true,
	"golang.org/x/sys/unix.Syscall6":          true,
	"golang.org/x/sys/unix.SyscallNoError":    true,
	"golang.org/x/sys/unix.RawSyscall":        true,
	"golang.org/x/sys/unix.RawSyscall6":       true,
	"golang.org/x/sys/unix.RawSyscallNoError": true,
}

// trap is a place that makes a system call.
type trap struct {
	call string // empty when the number is not a constant
	in   *ssa.Function
}

// traps returns the system calls that functions make by themselves, each with the functions that do.
func (p *Program) traps(reach map[*ssa.Function]bool) []trap {
	t := tracer{p: p, callers: map[*ssa.Function][]*ssa.CallCommon{}, in: map[*ssa.CallCommon]*ssa.Function{}, seen: map[parameter]bool{}}
	var entered []*ssa.Function
	for f := range reach {
		if isRuntime(f) {
			continue
		}
		calls(f, func(c ssa.CallInstruction) {
			if callee := c.Common().StaticCallee(); callee != nil {
				t.callers[callee] = append(t.callers[callee], c.Common())
				t.in[c.Common()] = f
			}
		})
		if doors[f.String()] {
			entered = append(entered, f)
		}
	}
	for f := range t.callers {
		if doors[f.String()] && !slices.Contains(entered, f) {
			entered = append(entered, f)
		}
	}
	for _, f := range entered {
		t.follow(parameter{f, 0})
	}
	return t.found
}

// isRuntime tells whether a function is a part of the runtime, whose calls are the baseline.
func isRuntime(f *ssa.Function) bool {
	if f.Pkg == nil {
		return false
	}
	path := f.Pkg.Pkg.Path()
	return path == "runtime" || strings.HasPrefix(path, "runtime/internal/") || strings.HasPrefix(path, "internal/runtime/")
}

type parameter struct {
	f *ssa.Function
	i int
}

// tracer follows the number of a system call back to constants.
type tracer struct {
	p       *Program
	callers map[*ssa.Function][]*ssa.CallCommon
	in      map[*ssa.CallCommon]*ssa.Function
	seen    map[parameter]bool
	found   []trap
}

// follow looks at what the callers of a function give it for one parameter.
func (t *tracer) follow(of parameter) {
	if t.seen[of] {
		return
	}
	t.seen[of] = true
	for _, c := range t.callers[of.f] {
		if of.i < len(c.Args) {
			t.value(c.Args[of.i], t.in[c], map[ssa.Value]bool{})
		}
	}
}

// value notes which system calls a number, in f, can stand for.
func (t *tracer) value(v ssa.Value, f *ssa.Function, seen map[ssa.Value]bool) {
	if seen[v] {
		return
	}
	seen[v] = true
	switch v := v.(type) {
	case *ssa.Const:
		if v.Value != nil && v.Value.Kind() == constant.Int {
			t.note(v.Uint64(), f)
			return
		}
	case *ssa.Convert:
		t.value(v.X, f, seen)
		return
	case *ssa.ChangeType:
		t.value(v.X, f, seen)
		return
	case *ssa.Phi:
		for _, e := range v.Edges {
			t.value(e, f, seen)
		}
		return
	case *ssa.Parameter:
		t.follow(parameter{f, slices.Index(f.Params, v)})
		return
	case *ssa.UnOp:
		if g, ok := v.X.(*ssa.Global); ok && v.Op == token.MUL && t.stored(g, f, seen) {
			return
		}
	}
	t.found = append(t.found, trap{in: f})
}

// stored looks at what the package of a variable stores in it.
func (t *tracer) stored(g *ssa.Global, f *ssa.Function, seen map[ssa.Value]bool) (any bool) {
	for _, m := range g.Pkg.Members {
		fn, ok := m.(*ssa.Function)
		if !ok {
			continue
		}
		for _, b := range fn.Blocks {
			for _, i := range b.Instrs {
				if s, ok := i.(*ssa.Store); ok && s.Addr == g {
					any = true
					t.value(s.Val, f, seen)
				}
			}
		}
	}
	return any
}

func (t *tracer) note(nr uint64, f *ssa.Function) {
	name, ok := t.p.names[nr]
	if !ok {
		name = "syscall_" + strconv.FormatUint(nr, 10)
	}
	t.found = append(t.found, trap{call: name, in: f})
}
