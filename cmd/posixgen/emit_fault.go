package main

import (
	"bytes"
	"fmt"
	"strings"
)

// emitFault writes the decorator that fails. What cannot fail goes straight on.
func emitFault(b *bytes.Buffer, p *Package) {
	decoratorStart(b, "fault")
	for _, m := range p.Methods {
		if m.Name == "Close" { // written by hand: a Close that fails closes all the same
			continue
		}
		methodStart(b, &m)
		if m.Err {
			fmt.Fprintf(b, "\tif d.Armed() {\n\t\tif err := d.fail(posix.Op%s, %s, %s); err != nil {\n\t\t\treturn %s\n\t\t}\n\t}\n",
				m.Name, subjectFD(p, &m), subjectPath(p, &m), strings.Join(failed(p, &m, "posix", "err"), ", "))
		}
		fmt.Fprintf(b, "\treturn d.next.%s(%s)\n}\n\n", m.Name, m.Args())
	}
}
