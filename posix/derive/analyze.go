package derive

import (
	"cmp"
	"errors"
	"fmt"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/ssa"

	"github.com/bulkhead/bulkhead/posix"
)

// ErrRecording is what errors.Is finds in the error of a recording that does not belong to the program.
var ErrRecording = errors.New("is a recording of another program")

// Analyze finds out what a program declares and what it can reach, and puts what was observed next to it; observed may be nil.
// Errors: ErrNoPosix, ErrRecording.
func (p *Program) Analyze(observed *Observation) (*Report, error) {
	baseline, err := Baseline(p.Arch)
	if err != nil {
		return nil, err
	}
	reach := p.reachable()
	a := analysis{p: p, ops: map[posix.Op]*Operation{}, takes: map[string]*Taker{}, notes: map[string]bool{}}
	for f := range reach.all {
		a.function(f)
	}
	if len(a.ops) == 0 {
		return nil, fmt.Errorf("%s %w: nothing that can run takes or calls an interface of it", p.Path, ErrNoPosix)
	}
	if observed != nil {
		if err := a.observe(observed); err != nil {
			return nil, err
		}
	}
	r := &Report{Package: p.Path, Arch: p.Arch, Observed: observed != nil}
	for _, op := range a.ops {
		r.Operations = append(r.Operations, *op)
	}
	slices.SortFunc(r.Operations, func(a, b Operation) int { return cmp.Compare(a.Name, b.Name) })
	for _, t := range a.takes {
		r.Takers = append(r.Takers, t.sum(a.ops))
	}
	slices.SortFunc(r.Takers, func(a, b Taker) int { return cmp.Compare(a.Type, b.Type) })
	r.Calls = rows(r.Operations)
	for _, c := range baseline {
		r.Runtime = append(r.Runtime, Alongside{Call: c.Name, By: string(c.Phase), For: c.For})
	}
	r.Libraries = p.libraries(reach, &a)
	for note := range a.notes {
		r.Notes = append(r.Notes, note)
	}
	slices.Sort(r.Notes)
	return r, nil
}

// analysis collects what functions declare and call.
type analysis struct {
	p     *Program
	ops   map[posix.Op]*Operation
	takes map[string]*Taker
	notes map[string]bool
}

func (a *analysis) op(op posix.Op) *Operation {
	if a.ops[op] == nil {
		a.ops[op] = &Operation{Name: op.String(), Interface: op.Interface(), Method: op.Method(), Calls: op.Calls()}
	}
	return a.ops[op]
}

// function notes what one function that can run takes and calls.
func (a *analysis) function(f *ssa.Function) {
	inside := owner(f)
	ours := a.p.ours(inside)
	if ours && f.Synthetic == "" {
		for _, param := range f.Params {
			a.declare(f, param.Type())
		}
		for _, v := range f.FreeVars {
			a.declare(f, v.Type())
		}
	}
	layer := a.isLayer(f)
	calls(f, func(c ssa.CallInstruction) {
		common := c.Common()
		op, ok := a.p.ops.invoked(common)
		if !ok {
			return
		}
		o := a.op(op)
		o.Reachable = true
		if at := a.p.place(c); ours && at != "" && (o.Where == "" || at < o.Where) {
			o.Where = at
		}
		if common.IsInvoke() && !layer {
			a.declare(f, common.Value.Type())
		}
		o.Declared = true // also by who has the implementation itself, and by a layer, which passes on what was called before
	})
}

// isLayer tells whether f is a part of a type that implements posix.Core: one that decorates it has all of its methods below, too.
func (a *analysis) isLayer(f *ssa.Function) bool {
	for f.Parent() != nil {
		f = f.Parent()
	}
	recv := f.Signature.Recv()
	return recv != nil && types.Implements(recv.Type(), a.p.ops.core)
}

// owner returns the package that a function was written in, also when it is generic or a closure.
func owner(f *ssa.Function) *types.Package {
	for f.Parent() != nil {
		f = f.Parent()
	}
	if f.Origin() != nil {
		f = f.Origin()
	}
	if f.Pkg != nil {
		return f.Pkg.Pkg
	}
	if obj := f.Object(); obj != nil {
		return obj.Pkg()
	}
	return nil
}

// declare notes the operations of an interface that a function has.
func (a *analysis) declare(f *ssa.Function, t types.Type) {
	if ptr, ok := t.Underlying().(*types.Pointer); ok { // of a closure
		t = ptr.Elem()
	}
	ops := a.p.ops.in(t)
	if len(ops) == 0 {
		return
	}
	for _, op := range ops {
		a.op(op).Declared = true
	}
	for f.Parent() != nil {
		f = f.Parent()
	}
	if !a.p.ours(owner(f)) {
		return
	}
	k := a.takes[t.String()]
	if k == nil {
		k = &Taker{Type: types.TypeString(t, a.p.qualifier), Operations: len(ops), ops: ops}
		a.takes[t.String()] = k
	}
	name := a.p.name(f)
	at, found := slices.BinarySearch(k.Functions, name)
	if found {
		return
	}
	k.Functions = slices.Insert(k.Functions, at, name)
	if at == 0 {
		k.Where = a.p.place(f)
	}
}

// name returns what a function is called in messages: without the module's path, and in the program's own package without the package's.
func (p *Program) name(f *ssa.Function) string {
	name := f.RelString(p.pkg.Pkg)
	if p.module != "" {
		name = strings.ReplaceAll(name, p.module+"/", "")
	}
	return name
}

// qualifier names packages by their last element, and the program's own not at all.
func (p *Program) qualifier(pkg *types.Package) string {
	if pkg == p.pkg.Pkg {
		return ""
	}
	return pkg.Name()
}

// observe marks what a recording has.
func (a *analysis) observe(o *Observation) error {
	if o.Arch != a.p.Arch {
		return fmt.Errorf("%s %w: it was made on %s, and this is for %s", o.Name, ErrRecording, o.Arch, a.p.Arch)
	}
	var strange []string
	for op := range o.Calls {
		if known := a.ops[op]; known == nil || !known.Reachable {
			strange = append(strange, op.String())
			continue
		}
		a.op(op).Observed = o.Calls[op]
	}
	if len(strange) > 0 {
		slices.Sort(strange)
		return fmt.Errorf("%s %w: it has %s, which nothing in %s can reach (through reflect or unsafe it would not be seen)",
			o.Name, ErrRecording, strings.Join(strange, ", "), a.p.Path)
	}
	return nil
}

// libraries returns the calls that are made besides posix.Core, one line for each.
func (p *Program) libraries(r reach, a *analysis) []Alongside {
	best := map[string]Alongside{}
	for _, t := range p.traps(r.outside) {
		path := p.trail(t.in, r.from)
		if t.call == "" {
			a.notes["a system call whose number is not a constant: "+path] = true
			continue
		}
		if old, ok := best[t.call]; !ok || shorter(path, old.For) {
			best[t.call] = Alongside{Call: t.call, By: p.who(t.in, r.from), For: path}
		}
	}
	foreign := map[string][]string{}
	for f := range r.outside {
		if name, ok := strings.CutPrefix(f.Name(), "_Cfunc_"); ok && f.Pkg != nil {
			foreign[f.Pkg.Pkg.Path()] = append(foreign[f.Pkg.Pkg.Path()], name)
		}
	}
	for path, names := range foreign {
		slices.Sort(names)
		a.notes[fmt.Sprintf("C code of package %s: %s", path, strings.Join(names, ", "))] = true
	}
	out := make([]Alongside, 0, len(best))
	for _, c := range best {
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b Alongside) int { return cmp.Compare(a.Call, b.Call) })
	return out
}

func shorter(a, b string) bool {
	if len(a) != len(b) {
		return len(a) < len(b)
	}
	return a < b
}

// trail returns how a function is reached, from the inside out.
func (p *Program) trail(f *ssa.Function, from map[*ssa.Function]*ssa.Function) string {
	var names []string
	for ; f != nil; f = from[f] {
		names = append(names, p.name(f))
	}
	return strings.Join(names, " ← ")
}

// who returns the first function on the way that is not the program's own: what the program calls. Of initializers, which call those of what they
// import, it is the last one.
func (p *Program) who(f *ssa.Function, from map[*ssa.Function]*ssa.Function) string {
	last := f
	for ; f != nil && !p.ours(owner(f)); f = from[f] {
		if last = f; f.Name() == "init" {
			break
		}
	}
	return p.name(last)
}
