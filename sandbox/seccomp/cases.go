package seccomp

// Case is arguments of a call and what is answered for them.
type Case struct {
	Region
	Answer uint32
}

// Cases returns what is answered for a call of an architecture: cases that do not overlap and that together are all arguments. With more
// of them than the limit it returns none.
func (d *Decision) Cases(a Arch, nr uint32, limit int) []Case {
	graph := d.graph
	var out []Case
	var visit func(f ref, where Region) bool
	visit = func(f ref, where Region) bool {
		if graph.isLeaf(f) {
			out = append(out, Case{where, graph.value(f)})
			return len(out) <= limit
		}
		n := graph.nodes[f]
		return visit(n.low, where.with(n.level, false)) && visit(n.high, where.with(n.level, true))
	}
	if !visit(graph.where(graph.where(d.root, archWord, a.Audit()), nrWord, nr), Region{}) {
		return nil
	}
	return out
}
