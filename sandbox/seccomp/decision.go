package seccomp

import (
	"encoding/binary"

	"github.com/bulkhead/bulkhead/posix/bpf"
)

// Decision is a decision function: what is to be answered for each call there can be. It is not changed after it was made, and may be
// used by several goroutines.
//
// It is held in a form that is the same for all functions that answer alike, however they were written.
type Decision struct {
	graph *diagram
	root  ref
	open  []Arch // whose calls are not answered with kill_process alone; empty for the function of a program
}

// Want returns what is to be answered for a call.
func (d *Decision) Want(call bpf.Data) uint32 { return d.graph.run(d.root, call) }

// Arches returns the architectures that were opened, for a function that came of a policy. The slice is the caller's.
func (d *Decision) Arches() []Arch { return append([]Arch(nil), d.open...) }

// Always returns what is answered for a call whatever its arguments are; ok tells whether there is one such answer.
func (d *Decision) Always(a Arch, nr uint32) (answer uint32, ok bool) {
	f := d.graph.where(d.graph.where(d.root, archWord, a.Audit()), nrWord, nr)
	if !d.graph.isLeaf(f) {
		return 0, false
	}
	return d.graph.value(f), true
}

// Allowed returns how many calls of an architecture's table are allowed whatever their arguments are.
func (d *Decision) Allowed(a Arch) (n int) {
	for _, nr := range a.Calls() {
		if answer, ok := d.Always(a, nr); ok && answer == bpf.RetAllow {
			n++
		}
	}
	return n
}

// where returns what a function is when a word, the first that it depends on, has a value.
func (d *diagram) where(f ref, word, value uint32) ref {
	for d.nodes[f].level < 32*(word+1) {
		if n := d.nodes[f]; value>>(31-n.level%32)&1 == 0 {
			f = n.low
		} else {
			f = n.high
		}
	}
	return f
}

// Key returns a string that is the same for functions that answer alike, and for no others.
func (d *Decision) Key() string {
	number := map[ref]uint32{}
	var key []byte
	var visit func(ref) uint32
	visit = func(f ref) uint32 {
		if at, done := number[f]; done {
			return at
		}
		n := d.graph.nodes[f]
		low, high := uint32(n.low), uint32(n.high)
		if n.level != leafLevel {
			low, high = visit(n.low), visit(n.high)
		}
		for _, part := range []uint32{n.level, low, high} {
			key = binary.LittleEndian.AppendUint32(key, part)
		}
		number[f] = uint32(len(number))
		return number[f]
	}
	visit(d.root)
	return string(key)
}

// FromProgram returns the decision function of a program, such as one that was read from a file or from a process. The error says which
// instruction computes too much of a call.
func FromProgram(p bpf.Program) (*Decision, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	graph := newDiagram(maxWork)
	root, err := graph.execute(p)
	if err != nil {
		return nil, err
	}
	return (&Decision{graph: graph, root: root}).settle(nil)
}

// settle returns the function without what was only needed to make it.
func (d *Decision) settle(open []Arch) (*Decision, error) {
	if d.graph.exhausted() {
		return nil, ErrUndecided
	}
	small := newDiagram(maxWork)
	return &Decision{graph: small, root: small.take(d.graph, d.root), open: open}, nil
}
