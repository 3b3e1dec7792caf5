package main

import (
	"bytes"
	"fmt"
	"strings"
)

// emitRecord writes the decorator that records.
func emitRecord(b *bytes.Buffer, p *Package) {
	decoratorStart(b, "record")
	for _, m := range p.Methods {
		methodStart(b, &m)
		errExpr := "nil"
		if m.Err {
			errExpr = "err"
		}
		results := ""
		for i := range m.Results {
			results += ", " + resultName(i)
		}
		fmt.Fprintf(b, "\tcall := d.begin(%s)\n\t%s := d.next.%s(%s)\n\td.end(call, %s%s)\n\treturn %s\n}\n\n",
			opAndArgs(&m), m.Locals(), m.Name, m.Args(), errExpr, results, m.Locals())
	}
}

// emitReplay writes the implementation that answers from a recording.
func emitReplay(b *bytes.Buffer, p *Package) {
	fmt.Fprintf(b, "package record\n\nimport %q\n\nvar _ posix.Core = (*Replayer)(nil)\n\n", modulePosix)
	for _, m := range p.Methods {
		if m.Name == "Mmap" { // written by hand: only memory that begins as zeros can be made again
			continue
		}
		fmt.Fprintf(b, "// %s implements [posix.%s].\nfunc (d *Replayer) %s%s %s {\n", m.Name, m.Interface, m.Name, m.ParamList("posix"), m.ResultList("posix"))
		var pointers []string
		for i, r := range m.Results {
			pointers = append(pointers, "&"+resultName(i))
			if r.Type == (Ref{"", "FD"}) {
				fmt.Fprintf(b, "\t%s := posix.NoFD\n", resultName(i))
				continue
			}
			fmt.Fprintf(b, "\tvar %s %s\n", resultName(i), r.Type.In("posix"))
		}
		call := fmt.Sprintf("([]any{%s}, %s)", strings.Join(pointers, ", "), opAndArgs(&m))
		if m.Err {
			fmt.Fprintf(b, "\terr := d.replay%s\n", call)
		} else {
			fmt.Fprintf(b, "\td.mustReplay%s\n", call)
		}
		fmt.Fprintf(b, "\treturn %s\n}\n\n", m.Locals())
	}
}

// opAndArgs returns "posix.OpRead, fd, p".
func opAndArgs(m *Method) string {
	return strings.TrimSuffix("posix.Op"+m.Name+", "+m.Args(), ", ")
}

// emitShapes writes what recordings call parameters and results, and what calls do with memory.
func emitShapes(b *bytes.Buffer, p *Package) {
	fmt.Fprintf(b, "package record\n\nimport %q\n\nvar shapes = [posix.OpCount]shape{\n", modulePosix)
	for _, m := range p.Methods {
		var params, results []string
		for _, v := range m.Params {
			use := "values"
			if v.Use != "" {
				use = string(v.Use)
			}
			params = append(params, fmt.Sprintf("{%q, %s}", snake(v.Name), use))
		}
		for _, v := range m.Results {
			results = append(results, fmt.Sprintf("%q", resultKey(v)))
		}
		fmt.Fprintf(b, "\tposix.Op%s: {[]param{%s}, []string{%s}},\n", m.Name, strings.Join(params, ", "), strings.Join(results, ", "))
	}
	b.WriteString("}\n")
}
