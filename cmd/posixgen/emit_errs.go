package main

import (
	"bytes"
	"fmt"
	"strings"
)

// decoratorStart writes what every decorator's generated file begins with.
func decoratorStart(b *bytes.Buffer, pkg string, imports ...string) {
	fmt.Fprintf(b, "package %s\n\nimport (\n", pkg)
	for _, i := range imports {
		fmt.Fprintf(b, "\t%q\n", i)
	}
	if len(imports) > 0 {
		b.WriteString("\n")
	}
	fmt.Fprintf(b, "\t%q\n)\n\nvar _ posix.Core = (*Core)(nil)\n\n", modulePosix)
}

// methodStart writes a decorator's method up to its opening brace.
func methodStart(b *bytes.Buffer, m *Method) {
	fmt.Fprintf(b, "// %s implements [posix.%s].\nfunc (d *Core) %s%s %s {\n", m.Name, m.Interface, m.Name, m.ParamList("posix"), m.ResultList("posix"))
}

// emitErrs writes the decorator that makes *posix.Error.
func emitErrs(b *bytes.Buffer, p *Package) {
	decoratorStart(b, "errs")
	for _, m := range p.Methods {
		methodStart(b, &m)
		if !m.Err {
			fmt.Fprintf(b, "\treturn d.next.%s(%s)\n}\n\n", m.Name, m.Args())
			continue
		}
		fmt.Fprintf(b, "\t%s := d.next.%s(%s)\n", m.Locals(), m.Name, m.Args())
		fmt.Fprintf(b, "\tif err != nil {\n\t\terr = Wrap(posix.Op%s, %s, %s, err)\n\t}\n", m.Name, subjectFD(p, &m), subjectPath(p, &m))
		fmt.Fprintf(b, "\treturn %s\n}\n\n", m.Locals())
	}
}

// subjectFD returns the expression for the descriptor that an operation is about: the parameter named fd, else the first one,
// else the first in a struct that is passed by value.
func subjectFD(p *Package, m *Method) string {
	first := ""
	for _, v := range m.Params {
		if v.Type != (Ref{"", "FD"}) {
			continue
		}
		if v.Name == "fd" {
			return v.Name
		}
		if first == "" {
			first = v.Name
		}
	}
	if first != "" {
		return first
	}
	for _, v := range m.Params {
		if p.Kind(v.Type) != Struct {
			continue
		}
		for _, f := range p.Types[v.Type.Name].Fields {
			if f.Type == (Ref{"", "FD"}) {
				return v.Name + "." + f.Name
			}
		}
	}
	return "posix.NoFD"
}

// subjectPath returns the expression for the path, name or address that an operation is about. In order: the parameter
// named path; the fields of a struct passed by value (Path, or the pair of those that end in Path, or else the first
// string); an address; the first string parameter.
func subjectPath(p *Package, m *Method) string {
	str := Ref{"", "string"}
	for _, v := range m.Params {
		if v.Type == str && v.Name == "path" {
			return v.Name
		}
	}
	for _, v := range m.Params {
		if v.Type == (Ref{"", "Sockaddr"}) {
			return v.Name + ".String()"
		}
		if p.Kind(v.Type) != Struct {
			continue
		}
		var paths, others []string
		for _, f := range p.Types[v.Type.Name].Fields {
			switch {
			case f.Type != str:
			case strings.HasSuffix(f.Name, "Path"):
				paths = append(paths, f.Name)
			default:
				others = append(others, v.Name+"."+f.Name)
			}
		}
		switch {
		case len(paths) == 1:
			return v.Name + "." + paths[0]
		case len(paths) == 2:
			fields := p.Types[v.Type.Name].Fields
			return fmt.Sprintf("posix.FromTo(%s, %s.%s, %s, %s.%s)",
				dirOf(fields, v.Name, paths[0]), v.Name, paths[0], dirOf(fields, v.Name, paths[1]), v.Name, paths[1])
		case len(others) > 0:
			return others[0]
		}
	}
	for _, v := range m.Params {
		if v.Type == str {
			return v.Name
		}
	}
	return `""`
}

// dirOf returns the expression for the directory that a path in a struct is relative to: OldDir for OldPath.
func dirOf(fields []Value, expr, path string) string {
	dir := strings.TrimSuffix(path, "Path") + "Dir"
	for _, f := range fields {
		if f.Name == dir && f.Type == (Ref{"", "FD"}) {
			return expr + "." + dir
		}
	}
	return "posix.NoFD"
}
