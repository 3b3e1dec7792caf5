package main

import (
	"bytes"
	"fmt"
)

// emitMetrics writes the decorator that counts.
func emitMetrics(b *bytes.Buffer, p *Package) {
	decoratorStart(b, "metrics")
	for _, m := range p.Methods {
		methodStart(b, &m)
		errExpr := "nil"
		if m.Err {
			errExpr = "err"
		}
		fmt.Fprintf(b, "\tcall, start := d.begin(posix.Op%s)\n\t%s := d.next.%s(%s)\n\td.end(posix.Op%s, call, start, %s)\n\treturn %s\n}\n\n",
			m.Name, m.Locals(), m.Name, m.Args(), m.Name, errExpr, m.Locals())
	}
}
