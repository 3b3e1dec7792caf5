package core

import (
	"slices"

	"github.com/bulkhead/bulkhead/core/logs"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// Generation is what belongs to one configuration. It is there while the configuration is in force or being brought in, and as long as one
// of its instances has output that was not read. Its owner is the goroutine that owns the machine.
type Generation struct {
	ID      wire.GenerationID
	Outline wire.Outline

	wanted    bool // in force, or prepared
	instances map[wire.InstanceID]bool
}

// generations are those there are.
type generations struct {
	all      map[wire.GenerationID]*Generation
	current  wire.GenerationID
	prepared wire.GenerationID // 0 is none
}

func (g *generations) add(o wire.Outline) {
	if g.all == nil {
		g.all = map[wire.GenerationID]*Generation{}
	}
	g.all[o.Generation] = &Generation{ID: o.Generation, Outline: o, wanted: true, instances: map[wire.InstanceID]bool{}}
}

// begin notes the configuration in force, and one that was being brought in.
func (g *generations) begin(current wire.Outline, prepared *wire.Outline) {
	g.add(current)
	g.current = current.Generation
	if prepared != nil {
		g.prepare(*prepared)
	}
}

// prepare notes a configuration that is being brought in. The one before it that was is given up.
func (g *generations) prepare(o wire.Outline) {
	g.discard()
	g.add(o)
	g.prepared = o.Generation
}

// commit notes that the prepared one is in force.
func (g *generations) commit() {
	if g.prepared == 0 {
		return
	}
	old := g.current
	g.current, g.prepared = g.prepared, 0
	g.drop(old)
}

// discard notes that the prepared one was given up.
func (g *generations) discard() {
	old := g.prepared
	g.prepared = 0
	g.drop(old)
}

func (g *generations) drop(id wire.GenerationID) {
	if gen := g.all[id]; gen != nil {
		gen.wanted = false
		g.settle(gen)
	}
}

// attach notes an instance, and release its end.
func (g *generations) attach(i wire.Instance) {
	if gen := g.all[i.Generation]; gen != nil {
		gen.instances[i.ID] = true
	}
}

func (g *generations) release(id wire.InstanceID) {
	for _, gen := range g.all {
		if gen.instances[id] {
			delete(gen.instances, id)
			g.settle(gen)
			return
		}
	}
}

// settle forgets a generation of which nothing is left.
func (g *generations) settle(gen *Generation) {
	if !gen.wanted && len(gen.instances) == 0 {
		delete(g.all, gen.ID)
	}
}

// names are those of all modules of all generations, sorted, and width is the length of the longest name of an instance.
func (g *generations) names() (names []string, width int) {
	for _, gen := range g.all {
		for _, m := range gen.Outline.Modules {
			names = append(names, m.Name)
			width = max(width, len(logs.Name(m.Name, m.Replicas-1)))
		}
	}
	slices.Sort(names)
	return slices.Compact(names), width
}
