package main

import (
	"fmt"
	"go/ast"
	"go/doc"
	"regexp"
	"slices"
	"strings"
)

// directivePrefix starts the comments that are meant for the generator.
const directivePrefix = "//posix:"

var (
	callName   = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	retryWords = []string{"retry", "never", "caller"}
)

// readCore reads the interfaces that Core embeds, in its order.
func (s *source) readCore(dir string) {
	spec, ok := s.types["Core"]
	if !ok {
		s.errs = append(s.errs, fmt.Errorf("%s: no type Core", dir))
		return
	}
	core, ok := spec.Type.(*ast.InterfaceType)
	if !ok {
		s.errorf(spec, "Core is not an interface")
		return
	}
	embedded := map[string]bool{}
	for _, f := range core.Methods.List {
		if len(f.Names) > 0 {
			s.errorf(f, "method %s stands in Core itself: put it into a narrow interface", f.Names[0].Name)
			continue
		}
		id, ok := f.Type.(*ast.Ident)
		if !ok {
			s.errorf(f, "Core embeds something other than an interface of this package")
			continue
		}
		if embedded[id.Name] {
			s.errorf(f, "Core embeds %s twice", id.Name)
			continue
		}
		embedded[id.Name] = true
		s.readInterface(f, id.Name)
	}
	s.findForgotten(embedded)
}

// findForgotten reports interfaces whose methods have directives although Core does not embed them.
func (s *source) findForgotten(embedded map[string]bool) {
	var names []string
	for name := range s.types {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		it, ok := s.types[name].Type.(*ast.InterfaceType)
		if !ok || name == "Core" || embedded[name] {
			continue
		}
		for _, f := range it.Methods.List {
			if len(directives(f.Doc)) > 0 {
				s.errorf(s.types[name], "interface %s has directives, but Core does not embed it", name)
				break
			}
		}
	}
}

func (s *source) readInterface(at ast.Node, name string) {
	spec, ok := s.types[name]
	if !ok {
		s.errorf(at, "Core embeds %s, which is not declared", name)
		return
	}
	it, ok := spec.Type.(*ast.InterfaceType)
	if !ok {
		s.errorf(spec, "%s is embedded in Core and is not an interface", name)
		return
	}
	for _, f := range it.Methods.List {
		ft, ok := f.Type.(*ast.FuncType)
		if !ok || len(f.Names) != 1 {
			s.errorf(f, "interface %s embeds another: narrow interfaces have methods only", name)
			continue
		}
		s.readMethod(name, f, ft)
	}
}

func (s *source) readMethod(iface string, f *ast.Field, ft *ast.FuncType) {
	m := Method{Interface: iface, Name: f.Names[0].Name}
	if !f.Names[0].IsExported() {
		s.errorf(f, "method %s is not exported", m.Name)
	}
	if i := slices.IndexFunc(s.pkg.Methods, func(o Method) bool { return o.Op() == m.Op() }); i >= 0 {
		s.errorf(f, "method %s: %s.%s has the same operation name %s", m.Name, s.pkg.Methods[i].Interface, s.pkg.Methods[i].Name, m.Op())
	}
	s.readParams(&m, ft)
	m.Synopsis, m.Manual = documentation(f.Doc)
	s.readDirectives(&m, f)
	s.readResults(&m, ft)
	s.pkg.Methods = append(s.pkg.Methods, m)
}

var manualPage = regexp.MustCompile(`[a-zA-Z_][a-zA-Z0-9_.-]*\([1-9]\)`)

// documentation returns the first sentence of a comment, and the manual pages named after "Source:".
func documentation(group *ast.CommentGroup) (synopsis string, manual []string) {
	text := group.Text()
	if _, source, ok := strings.Cut(text, "Source:"); ok {
		manual = manualPage.FindAllString(source, -1)
	}
	return new(doc.Package).Synopsis(text), manual
}

// directives returns the comments of a group that are meant for the generator.
func directives(group *ast.CommentGroup) []*ast.Comment {
	var list []*ast.Comment
	if group != nil {
		for _, c := range group.List {
			if strings.HasPrefix(c.Text, directivePrefix) {
				list = append(list, c)
			}
		}
	}
	return list
}

func (s *source) readDirectives(m *Method, f *ast.Field) {
	seen := map[string]bool{}
	for _, c := range directives(f.Doc) {
		words := strings.Fields(strings.TrimPrefix(c.Text, directivePrefix))
		if len(words) == 0 {
			s.errorf(c, "method %s: empty directive", m.Name)
			continue
		}
		if seen[words[0]] {
			s.errorf(c, "method %s: directive %s%s is given twice", m.Name, directivePrefix, words[0])
			continue
		}
		seen[words[0]] = true
		switch args := words[1:]; words[0] {
		case "calls":
			s.readCalls(m, c, args)
		case "retry":
			s.readRetry(m, c, args)
		case string(Reads), string(Fills), string(Updates), string(Maps):
			s.readUse(m, c, Use(words[0]), args)
		default:
			s.errorf(c, "method %s: unknown directive %s%s", m.Name, directivePrefix, words[0])
		}
	}
	for _, want := range []string{"calls", "retry"} {
		if !seen[want] {
			s.errorf(f, "method %s has no %s%s directive", m.Name, directivePrefix, want)
		}
	}
	for _, v := range m.Params {
		if v.Type.Prefix != "" && v.Use == "" {
			s.errorf(f, "method %s: what happens to the memory of %s? Say it with one of %s%s", m.Name, v.Name, directivePrefix, joined(uses))
		}
	}
}

func (s *source) readCalls(m *Method, c *ast.Comment, args []string) {
	if len(args) == 0 {
		s.errorf(c, "method %s: %scalls names no system call", m.Name, directivePrefix)
	}
	for _, a := range args {
		switch {
		case !callName.MatchString(a):
			s.errorf(c, "method %s: %q is not the name of a system call", m.Name, a)
		case slices.Contains(m.Calls, a):
			s.errorf(c, "method %s: system call %s is named twice", m.Name, a)
		default:
			m.Calls = append(m.Calls, a)
		}
	}
}

func joined(uses []Use) string {
	var words []string
	for _, u := range uses {
		words = append(words, string(u))
	}
	return strings.Join(words, ", ")
}

func (s *source) readRetry(m *Method, c *ast.Comment, args []string) {
	switch {
	case len(args) == 0 || !slices.Contains(retryWords, args[0]):
		s.errorf(c, "method %s: %sretry wants one of %s, got %q", m.Name, directivePrefix, strings.Join(retryWords, ", "), strings.Join(args, " "))
	case len(args) < 2:
		s.errorf(c, "method %s: %sretry %s does not say why", m.Name, directivePrefix, args[0])
	default:
		m.Retry, m.RetryReason = args[0], strings.Join(args[1:], " ")
	}
}

// readUse notes what the call does with the memory of parameters.
func (s *source) readUse(m *Method, c *ast.Comment, use Use, names []string) {
	if len(names) == 0 {
		s.errorf(c, "method %s: %s%s names no parameter", m.Name, directivePrefix, use)
	}
	for _, name := range names {
		i := slices.IndexFunc(m.Params, func(v Value) bool { return v.Name == name })
		switch {
		case i < 0:
			s.errorf(c, "method %s: %s%s %s: there is no such parameter", m.Name, directivePrefix, use, name)
		case m.Params[i].Type.Prefix == "":
			s.errorf(c, "method %s: %s%s %s: it is neither a pointer nor a slice", m.Name, directivePrefix, use, name)
		case m.Params[i].Use != "":
			s.errorf(c, "method %s: %s%s %s: it is named twice", m.Name, directivePrefix, use, name)
		default:
			m.Params[i].Use = use
		}
	}
}

func (s *source) readParams(m *Method, ft *ast.FuncType) {
	if ft.TypeParams != nil {
		s.errorf(ft, "method %s has type parameters", m.Name)
	}
	for _, f := range ft.Params.List {
		ref, why := s.ref(f.Type)
		if why != "" {
			s.errorf(f, "method %s: signature not understood: parameter is %s", m.Name, why)
			continue
		}
		if len(f.Names) == 0 {
			s.errorf(f, "method %s: signature not understood: a parameter without a name", m.Name)
			continue
		}
		for _, n := range f.Names {
			if reserved[n.Name] || n.Name == "_" {
				s.errorf(n, "method %s: parameter cannot be named %s, which generated code uses", m.Name, n.Name)
			}
			m.Params = append(m.Params, Value{Name: n.Name, Type: ref})
		}
	}
}

func (s *source) readResults(m *Method, ft *ast.FuncType) {
	if ft.Results == nil {
		s.errorf(ft, "method %s: signature not understood: no result", m.Name)
		return
	}
	for i, f := range ft.Results.List {
		last := i == len(ft.Results.List)-1
		if id, ok := f.Type.(*ast.Ident); ok && id.Name == "error" {
			if !last || len(f.Names) > 1 {
				s.errorf(f, "method %s: signature not understood: error is not the only one and last", m.Name)
				continue
			}
			m.Err = true
			continue
		}
		ref, why := s.ref(f.Type)
		if why != "" {
			s.errorf(f, "method %s: signature not understood: result is %s", m.Name, why)
			continue
		}
		if len(f.Names) == 0 {
			m.Results = append(m.Results, Value{Type: ref})
		}
		for _, n := range f.Names {
			m.Results = append(m.Results, Value{Name: n.Name, Type: ref})
		}
	}
	if len(m.Results) > 4 {
		s.errorf(ft, "method %s: signature not understood: more than four results", m.Name)
	}
}
