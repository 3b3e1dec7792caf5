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
		call := fmt.Sprintf("%s := d.next.%s(%s)\n", m.Locals(), m.Name, m.Args())
		fmt.Fprintf(b, "\tif start := d.begin(posix.Op%s); start != 0 {\n\t\t%s\t\td.end(posix.Op%s, start, %s)\n\t\treturn %s\n\t}\n",
			m.Name, call, m.Name, errExpr, m.Locals())
		fmt.Fprintf(b, "\t%s", call)
		if m.Err {
			fmt.Fprintf(b, "\tif err != nil {\n\t\td.Fail(posix.Op%s, err)\n\t\treturn %s\n\t}\n", m.Name, m.Locals())
		}
		fmt.Fprintf(b, "\td.Succeed(posix.Op%s)\n\treturn %s\n}\n\n", m.Name, m.Locals())
	}
}
