package main

import (
	"bytes"
	"cmp"
	"fmt"
	"go/format"
	"maps"
	"slices"
)

// prototypeSet numbers the different prototypes, parameters and types, in a fixed order.
type prototypeSet struct {
	names  []string
	types  []ctype
	params []param
	lists  [][]int // places in params
	at     map[string]int
}

func newPrototypeSet(described [][]facts) *prototypeSet {
	s := &prototypeSet{at: map[string]int{}}
	names, types, params, lists := map[string]bool{}, map[string]ctype{}, map[param]bool{}, map[string][]param{}
	for _, d := range slices.Concat(described...) {
		if d.why != "" {
			continue
		}
		lists[fmt.Sprint(d.params)] = d.params
		for _, p := range d.params {
			names[p.name], types[p.ctype.name], params[p] = true, p.ctype, true
		}
	}
	s.names = slices.Sorted(maps.Keys(names))
	for _, name := range slices.Sorted(maps.Keys(types)) {
		s.types = append(s.types, types[name])
	}
	s.params = slices.SortedFunc(maps.Keys(params), func(a, b param) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.ctype.name, b.ctype.name))
	})
	for _, key := range slices.Sorted(maps.Keys(lists)) {
		var places []int
		for _, p := range lists[key] {
			places = append(places, slices.Index(s.params, p))
		}
		s.lists = append(s.lists, places)
		s.at[key] = len(s.lists)
	}
	return s
}

// index is the prototype's place plus one.
func (s *prototypeSet) index(params []param) int { return s.at[fmt.Sprint(params)] }

func (s *prototypeSet) write() ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, header, inputsDir)
	writeStrings(&b, "param", "parameters", s.names)
	var names []string
	for _, t := range s.types {
		names = append(names, t.name)
	}
	writeStrings(&b, "type", "C types", names)
	b.WriteString("// typeTable is the C types, in the order of typeNames: bits on an architecture of 64, signed, pointer.\n")
	b.WriteString("var typeTable = [...]ctype{\n")
	for _, t := range s.types {
		fmt.Fprintf(&b, "{%d, %t, %t}, // %s\n", t.width, t.signed, t.pointer, t.name)
	}
	b.WriteString("}\n\n// paramTable is the different parameters: places in paramEnds and in typeTable.\nvar paramTable = [...]param{\n")
	for row := range slices.Chunk(s.params, 10) {
		for _, p := range row {
			fmt.Fprintf(&b, "{%d, %d}, ", slices.Index(s.names, p.name), slices.Index(names, p.ctype.name))
		}
		b.WriteString("\n")
	}
	b.WriteString("}\n\n// prototypeParams is the parameters of the different prototypes, one after the other.\nvar prototypeParams = [...]uint16{\n")
	var flat, ends []int
	for _, l := range s.lists {
		flat = append(flat, l...)
		ends = append(ends, len(flat))
	}
	writeNumbers(&b, flat)
	b.WriteString("}\n\n// prototypeEnds is where each prototype ends in prototypeParams.\nvar prototypeEnds = [...]uint16{\n")
	writeNumbers(&b, ends)
	b.WriteString("}\n")
	return format.Source(b.Bytes())
}
