package main

import (
	"bytes"
	"fmt"
	"strings"
)

var retryConst = map[string]string{"retry": "RetryFree", "never": "RetryNever", "caller": "RetryCaller"}

// emitOps writes the Op constants and their table.
func emitOps(b *bytes.Buffer, p *Package) {
	b.WriteString("package posix\n\n// The operations.\nconst (\n")
	for i, m := range p.Methods {
		if i == 0 {
			fmt.Fprintf(b, "\tOp%s Op = iota + 1 // [%s.%s]\n", m.Name, m.Interface, m.Name)
			continue
		}
		fmt.Fprintf(b, "\tOp%s // [%s.%s]\n", m.Name, m.Interface, m.Name)
	}
	b.WriteString("\n\t// OpCount is one more than the last operation: the length of an array that is indexed by Op.\n\tOpCount\n)\n\n")
	b.WriteString("var opTable = [OpCount]opInfo{\n")
	for _, m := range p.Methods {
		fmt.Fprintf(b, "\tOp%s: {%q, %q, %q, []string{%s}, %s, %q},\n",
			m.Name, m.Op(), m.Name, m.Interface, quoted(m.Calls), retryConst[m.Retry], m.RetryReason)
	}
	b.WriteString("}\n")
}

func quoted(list []string) string {
	var q []string
	for _, s := range list {
		q = append(q, fmt.Sprintf("%q", s))
	}
	return strings.Join(q, ", ")
}

// emitUnimplemented writes the base whose methods all answer ENOSYS.
func emitUnimplemented(b *bytes.Buffer, p *Package) {
	b.WriteString(`package posix

import "syscall"

// Unimplemented answers ENOSYS to everything, with -1 for descriptors and zero
// values otherwise; methods without an error return zero values. An
// implementation of a part of [Core] embeds it, so that a new method is
// refused and does not break it.
type Unimplemented struct{}

var _ Core = Unimplemented{}

const errUnimplemented = syscall.ENOSYS

`)
	for _, m := range p.Methods {
		fmt.Fprintf(b, "// %s implements [%s].\nfunc (Unimplemented) %s%s %s {\n\treturn %s\n}\n\n",
			m.Name, m.Interface, m.Name, m.ParamList(""), m.ResultList(""), strings.Join(failed(p, &m, "", "errUnimplemented"), ", "))
	}
}

// emitSucceeding writes what the tests of the decorators measure them against: an implementation that does nothing and always succeeds.
func emitSucceeding(b *bytes.Buffer, p *Package) {
	fmt.Fprintf(b, "package trial\n\nimport %q\n\n// Succeeding does nothing and succeeds, with -1 for descriptors and zero values otherwise.\ntype Succeeding struct{}\n\n", modulePosix)
	b.WriteString("var _ posix.Core = Succeeding{}\n\n")
	for _, m := range p.Methods {
		fmt.Fprintf(b, "// %s implements [posix.%s].\nfunc (Succeeding) %s%s %s {\n\treturn %s\n}\n\n",
			m.Name, m.Interface, m.Name, m.ParamList("posix"), m.ResultList("posix"), strings.Join(failed(p, &m, "posix", "nil"), ", "))
	}
}

// failed returns the results of a method that did nothing, as package pkg writes them, with err as the last if the method can fail.
func failed(p *Package, m *Method, pkg, err string) []string {
	var list []string
	for _, r := range m.Results {
		switch {
		case r.Type.Prefix != "":
			list = append(list, "nil")
		case r.Type.Name == "FD" && m.Err:
			list = append(list, "-1")
		case p.Kind(r.Type) == Struct:
			list = append(list, r.Type.In(pkg)+"{}")
		case p.Kind(r.Type) == String:
			list = append(list, `""`)
		default:
			list = append(list, "0")
		}
	}
	if m.Err {
		list = append(list, err)
	}
	return list
}
