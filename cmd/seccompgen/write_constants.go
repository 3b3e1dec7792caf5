package main

import (
	"bytes"
	"fmt"
	"go/format"
	"maps"
	"slices"
)

// writeConstants makes the table of the constants: the values of the first architecture, and for each other one the places where
// it has another value or none.
func writeConstants(all constants) ([]byte, error) {
	names := slices.Sorted(maps.Keys(all))
	if len(names) >= 1<<16 {
		return nil, fmt.Errorf("%d constants are too many for a place of 16 bits", len(names))
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, header, unixModule+" and "+inputsDir)
	writeStrings(&b, "constant", "constants", names)
	base := architectures[0].name
	fmt.Fprintf(&b, "// constantValues is their values on %s, in the order of constantNames.\nvar constantValues = [...]uint64{\n", base)
	for row := range slices.Chunk(names, 12) {
		for _, name := range row {
			fmt.Fprintf(&b, "%#x, ", all[name][base])
		}
		b.WriteString("\n")
	}
	b.WriteString("}\n\n")
	for i, a := range architectures {
		fmt.Fprintf(&b, "// %sConstants is the constants that are not on %s, or not with that value, by place.\nvar %sConstants = [...]ownConstant{\n",
			a.ident(), a.name, a.ident())
		for place, name := range names {
			v, has := all[name][a.name]
			if !has || i > 0 && v != all[name][base] {
				fmt.Fprintf(&b, "{%#x, %d, %t}, // %s\n", v, place, has, name)
			}
		}
		b.WriteString("}\n\n")
	}
	return format.Source(b.Bytes())
}
