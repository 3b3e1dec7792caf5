package seccomp

import (
	"fmt"

	"github.com/bulkhead/bulkhead/posix/bpf"
)

// AllowList makes a filter that allows the named calls of the native architecture and answers denied for every other number;
// other architectures are answered with kill_process. It is for processes of our own that confine themselves: it needs no library.
func AllowList(names []string, denied uint32) (*Filter, error) {
	graph := newDiagram(maxWork)
	allow := make([]entry, 0, len(names))
	for _, name := range names {
		nr, known := Number(name)
		if !known {
			return nil, fmt.Errorf("make an allow list: %q is no system call of %s", name, Native())
		}
		allow = append(allow, entry{nr, graph.leaf(bpf.RetAllow)})
	}
	open := []Arch{Native()}
	d := Decision{graph: graph, root: graph.decide(open, map[Arch][]entry{Native(): allow}, denied), open: open}
	f, err := Emit(&d)
	if err != nil {
		return nil, fmt.Errorf("make an allow list: %w", err)
	}
	return f, nil
}

// Emit makes the filter of a decision function without libseccomp. Each word is loaded once on every way, and found with the fewest tests of
// ranges, single values and sets of bits; what leads to the same answers is shared.
func Emit(d *Decision) (*Filter, error) {
	p, err := emit(d)
	if err != nil {
		return nil, err
	}
	return Verify(p.Bytes(), d)
}

func emit(d *Decision) (bpf.Program, error) {
	graph := newDiagram(maxWork)
	s := steps{
		planner: planner{d: graph, made: map[ref]*tree{}},
		same:    map[step]int{}, of: map[ref]int{},
	}
	first := s.function(graph.take(d.graph, d.root))
	if graph.exhausted() {
		return nil, fmt.Errorf("emit a filter: %w", ErrUndecided)
	}
	if len(s.list) > bpf.MaxInstructions {
		return nil, fmt.Errorf("emit a filter: it has %d tests; %w", len(s.list), ErrTooLong)
	}
	if s.list[first].compare == 0 {
		return bpf.Program{{Code: bpf.RET | bpf.K, K: s.list[first].answer}}, nil
	}
	return arrange(s.list, first), nil
}
