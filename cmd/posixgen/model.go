package main

import (
	"strings"
	"unicode"
)

// Package is what the generator knows of package posix.
type Package struct {
	Methods []Method // in the order of Core
	Types   map[string]Type
}

// Method is a method of a narrow interface.
type Method struct {
	Interface   string
	Name        string
	Synopsis    string   // the first sentence of its documentation
	Manual      []string // the manual pages that its documentation gives as the source: "read(2)"
	Calls       []string
	Retry       string // one of retryWords
	RetryReason string
	Params      []Value
	Results     []Value // without the error
	Err         bool    // the last result is an error
}

// Value is a parameter, a result or a field.
type Value struct {
	Name string // may be empty for results
	Type Ref
	Use  Use // of parameters that are pointers or slices
}

// Use is what a call does with the memory that a parameter points to.
type Use string

const (
	Reads   Use = "reads"
	Fills   Use = "fills"   // what was there before does not matter
	Updates Use = "updates" // reads, then fills
	Maps    Use = "maps"    // it is about the memory's place, not about what is in it
)

var uses = []Use{Reads, Fills, Updates, Maps}

// Ref is a use of a type: T, *T or []T.
type Ref struct {
	Prefix string // "", "*" or "[]"
	Name   string
}

// Kind is what can be done with a type.
type Kind int

const (
	Opaque Kind = iota // nothing; only in fields
	Int
	Uint
	String
	Struct
)

// Type is a type declared in package posix.
type Type struct {
	Kind   Kind
	Fields []Value
}

// basic are the predeclared types that signatures may use.
var basic = map[string]Kind{
	"int": Int, "int8": Int, "int16": Int, "int32": Int, "int64": Int,
	"uint": Uint, "uint8": Uint, "uint16": Uint, "uint32": Uint, "uint64": Uint, "uintptr": Uint, "byte": Uint,
	"string": String,
}

// foreign are the types of the standard library that package posix has aliases of.
var foreign = map[string]Kind{"syscall.Errno": Uint, "syscall.Signal": Int}

// Kind returns what can be done with a plain use of a type; pointers and slices are opaque.
func (p *Package) Kind(r Ref) Kind {
	if r.Prefix != "" {
		return Opaque
	}
	if k, ok := basic[r.Name]; ok {
		return k
	}
	return p.Types[r.Name].Kind
}

// Op returns the operation's name.
func (m *Method) Op() string { return snake(m.Name) }

// In returns the type as another package writes it, or package posix itself when pkg is empty.
func (r Ref) In(pkg string) string {
	if _, ok := basic[r.Name]; ok || pkg == "" {
		return r.Prefix + r.Name
	}
	return r.Prefix + pkg + "." + r.Name
}

// ParamList returns "(dir posix.FD, path string)".
func (m *Method) ParamList(pkg string) string {
	var s []string
	for _, v := range m.Params {
		s = append(s, v.Name+" "+v.Type.In(pkg))
	}
	return "(" + strings.Join(s, ", ") + ")"
}

// ResultList returns "(posix.FD, error)", or a single type without parentheses.
func (m *Method) ResultList(pkg string) string {
	var s []string
	for _, v := range m.Results {
		s = append(s, v.Type.In(pkg))
	}
	if m.Err {
		s = append(s, "error")
	}
	if len(s) == 1 {
		return s[0]
	}
	return "(" + strings.Join(s, ", ") + ")"
}

// Args returns "dir, path".
func (m *Method) Args() string {
	var s []string
	for _, v := range m.Params {
		s = append(s, v.Name)
	}
	return strings.Join(s, ", ")
}

// Locals returns "r0, r1, err", the variables that generated code keeps results in.
func (m *Method) Locals() string {
	var s []string
	for i := range m.Results {
		s = append(s, resultName(i))
	}
	if m.Err {
		s = append(s, "err")
	}
	return strings.Join(s, ", ")
}

func resultName(i int) string { return "r" + string(rune('0'+i)) }

// reserved are the names that generated code uses itself, so no parameter may have them.
var reserved = map[string]bool{
	"d": true, "err": true, "start": true, "call": true, "posix": true, "slog": true, "time": true, "n": true,
	"r0": true, "r1": true, "r2": true, "r3": true,
}

// snake turns a Go name into a lower-case one with underscores: GetsockoptTCPInfo becomes getsockopt_tcp_info.
func snake(name string) string {
	rs := []rune(name)
	var b strings.Builder
	for i, r := range rs {
		if i > 0 && unicode.IsUpper(r) &&
			(!unicode.IsUpper(rs[i-1]) || i+1 < len(rs) && unicode.IsLower(rs[i+1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
