package main

import (
	"bytes"
	"fmt"
)

// emitRetry writes the decorator that repeats. An operation that may not be repeated goes straight on.
func emitRetry(b *bytes.Buffer, p *Package) {
	decoratorStart(b, "retry")
	for _, m := range p.Methods {
		if m.Name == "Openat2" { // written by hand: EAGAIN is repeated, too, and O_EXCL is not
			continue
		}
		methodStart(b, &m)
		if m.Retry != "retry" || !m.Err {
			fmt.Fprintf(b, "\treturn d.next.%s(%s)\n}\n\n", m.Name, m.Args())
			continue
		}
		fmt.Fprintf(b, "\tfor n := 0; ; n++ {\n\t\t%s := d.next.%s(%s)\n", m.Locals(), m.Name, m.Args())
		again := fmt.Sprintf("n < Limit%s && d.Repeat(posix.Op%s, err)", whole(p, &m), m.Name)
		fmt.Fprintf(b, "\t\tif err != nil && %s {\n\t\t\tcontinue\n\t\t}\n\t\treturn %s\n\t}\n}\n\n", again, m.Locals())
	}
}

// whole returns the condition under which a method that failed has had no effect: it returned no descriptor, no number above 0, and no memory.
func whole(p *Package, m *Method) string {
	if len(m.Results) == 0 {
		return ""
	}
	switch t := m.Results[0].Type; {
	case t.Prefix != "":
		return " && r0 == nil"
	case t.Name == "FD":
		return " && r0 < 0"
	case p.Kind(t) == Int:
		return " && r0 <= 0"
	case p.Kind(t) == Uint:
		return " && r0 == 0"
	}
	return ""
}
