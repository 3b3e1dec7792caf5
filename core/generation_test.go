package core

import (
	"slices"
	"testing"

	"github.com/bulkhead/bulkhead/core/link/linktest"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

func outline(id wire.GenerationID, names ...string) wire.Outline {
	o := wire.Outline{Generation: id}
	for _, name := range names {
		o.Modules = append(o.Modules, linktest.Module(name))
	}
	return o
}

// A generation is there while it is wanted or has instances, and its modules have names as long.
func TestGenerations(t *testing.T) {
	var g generations
	steps := []struct {
		name  string
		do    func()
		names []string
		width int
		all   int
	}{
		{"the first", func() { g.begin(outline(1, "web", "database"), nil) }, []string{"database", "web"}, 8, 1},
		{"its instance", func() { g.attach(wire.Instance{ID: 1, Generation: 1}) }, []string{"database", "web"}, 8, 1},
		{"one is prepared", func() { g.prepare(outline(2, "web", "a-long-one")) }, []string{"a-long-one", "database", "web"}, 10, 2},
		{"another one instead", func() { g.prepare(outline(3, "web", "cache")) }, []string{"cache", "database", "web"}, 8, 2},
		{"given up", func() { g.discard(); g.discard() }, []string{"database", "web"}, 8, 1},
		{"nothing to commit", func() { g.commit() }, []string{"database", "web"}, 8, 1},
		{"prepared", func() { g.prepare(outline(4, "web")) }, []string{"database", "web"}, 8, 2},
		{"an instance of nothing known", func() { g.attach(wire.Instance{ID: 2, Generation: 9}); g.release(2) }, []string{"database", "web"}, 8, 2},
		{"committed, with an old instance", func() { g.commit() }, []string{"database", "web"}, 8, 2},
		{"which ends", func() { g.release(1) }, []string{"web"}, 3, 1},
		{"found by a successor", func() { p := outline(6, "x"); g = generations{}; g.begin(outline(5, "web"), &p) }, []string{"web", "x"}, 3, 2},
	}
	for _, s := range steps {
		s.do()
		names, width := g.names()
		if !slices.Equal(names, s.names) || width != s.width || len(g.all) != s.all {
			t.Errorf("%s: %v, %d, %d generations", s.name, names, width, len(g.all))
		}
	}
	m := linktest.Module("web")
	m.Replicas = 12
	g.prepare(wire.Outline{Generation: 7, Modules: []wire.Module{m}})
	if _, width := g.names(); width != len("web-11") {
		t.Errorf("width %d", width)
	}
}
