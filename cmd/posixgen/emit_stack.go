package main

import (
	"bytes"
	"fmt"
)

// emitStack writes the layers together: an ordinary call goes past those that would only pass it on.
func emitStack(b *bytes.Buffer, p *Package) {
	decoratorStart(b, "stack")
	for _, m := range p.Methods {
		methodStart(b, &m)
		fmt.Fprintf(b, "\tif d.detour(posix.Op%s) || !d.open[posix.Op%s] && !d.rules.Allows%s(%s) {\n\t\treturn d.layers.%s(%s)\n\t}\n",
			m.Name, m.Name, m.Name, m.Args(), m.Name, m.Args())
		fmt.Fprintf(b, "\t%s := d.next.%s(%s)\n", m.Locals(), m.Name, m.Args())
		switch {
		case m.Name == "Openat2":
			fmt.Fprintf(b, "\tif err != nil%s && d.retry.RepeatOpenat2(how, err) {\n\t\t%s = d.retry.%s(%s)\n\t}\n", whole(p, &m), m.Locals(), m.Name, m.Args())
		case m.Err && m.Retry == "retry":
			fmt.Fprintf(b, "\tif err != nil%s && d.retry.Repeat(posix.Op%s, err) {\n\t\t%s = d.retry.%s(%s)\n\t}\n",
				whole(p, &m), m.Name, m.Locals(), m.Name, m.Args())
		}
		if m.Err {
			fmt.Fprintf(b, "\tif err != nil {\n\t\terr = d.failed(posix.Op%s, %s, %s, err)\n\t\treturn %s\n\t}\n",
				m.Name, subjectFD(p, &m), subjectPath(p, &m), m.Locals())
		}
		fmt.Fprintf(b, "\td.counts.Succeed(posix.Op%s)\n\treturn %s\n}\n\n", m.Name, m.Locals())
	}
}
