package main

import (
	"bytes"
	"fmt"
	"strings"
)

// emitLog writes the decorator that logs.
func emitLog(b *bytes.Buffer, p *Package) {
	decoratorStart(b, "log", "log/slog", "time")
	for _, m := range p.Methods {
		methodStart(b, &m)
		fmt.Fprintf(b, "\tif !d.Enabled() {\n\t\treturn d.next.%s(%s)\n\t}\n", m.Name, m.Args())
		fmt.Fprintf(b, "\tstart := time.Now()\n\t%s := d.next.%s(%s)\n", m.Locals(), m.Name, m.Args())
		errExpr := "nil"
		if m.Err {
			errExpr = "err"
		}
		fmt.Fprintf(b, "\td.log(posix.Op%s, start, %s, %s, %s)\n", m.Name, errExpr, attrSlice(argAttrs(p, &m)), attrSlice(resultAttrs(p, &m)))
		fmt.Fprintf(b, "\treturn %s\n}\n\n", m.Locals())
	}
}

func attrSlice(attrs []string) string {
	if len(attrs) == 0 {
		return "nil"
	}
	return "[]slog.Attr{\n" + strings.Join(attrs, ",\n") + ",\n}"
}

// attr returns the expression of one attribute, or "" for a value of no simple kind.
func attr(p *Package, key, expr string, t Ref) string {
	switch {
	case t.Prefix == "[]":
		return fmt.Sprintf("slog.Int(%q, len(%s))", key+"_len", expr)
	case t.Prefix != "":
		return ""
	case t.Name == "Sockaddr":
		return fmt.Sprintf("slog.String(%q, %s.String())", key, expr)
	}
	switch p.Kind(t) {
	case Int:
		return fmt.Sprintf("slog.Int64(%q, int64(%s))", key, expr)
	case Uint:
		return fmt.Sprintf("slog.Uint64(%q, uint64(%s))", key, expr)
	case String:
		return fmt.Sprintf("slog.String(%q, %s)", key, expr)
	}
	return ""
}

// argAttrs returns the attributes of the arguments: numbers, strings, addresses, the lengths of slices, and the fields
// of structs that are passed by value. Contents of buffers are never logged.
func argAttrs(p *Package, m *Method) []string {
	var list []string
	add := func(s string) {
		if s != "" {
			list = append(list, s)
		}
	}
	for _, v := range m.Params {
		if v.Type.Prefix == "" && v.Type.Name != "Sockaddr" && p.Kind(v.Type) == Struct {
			for _, f := range p.Types[v.Type.Name].Fields {
				key := snake(f.Name)
				if len(m.Params) > 1 {
					key = snake(v.Name) + "_" + key
				}
				add(attr(p, key, v.Name+"."+f.Name, f.Type))
			}
			continue
		}
		add(attr(p, snake(v.Name), v.Name, v.Type))
	}
	return list
}

// resultAttrs returns the attributes of the results, which keep their names if they have any.
func resultAttrs(p *Package, m *Method) []string {
	var list []string
	for i, v := range m.Results {
		if s := attr(p, resultKey(v), resultName(i), v.Type); s != "" {
			list = append(list, s)
		}
	}
	return list
}

// resultKey returns the name under which a result is shown.
func resultKey(v Value) string {
	switch {
	case v.Name != "":
		return snake(v.Name)
	case v.Type.Name == "Sockaddr":
		return "result_addr"
	}
	return "result"
}
