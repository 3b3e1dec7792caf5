package policy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// parserKeys returns the keys that the parser takes, by the map they stand in: what is given to decoder.fields.
func parserKeys(t *testing.T) map[string][]string {
	t.Helper()
	keys := map[string][]string{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if fun, ok := call.Fun.(*ast.SelectorExpr); !ok || fun.Sel.Name != "fields" {
				return true
			}
			where := word(t, call.Args[1])
			for _, a := range call.Args[3:] {
				if list, ok := a.(*ast.CallExpr); ok {
					if list.Fun.(*ast.Ident).Name != "moduleKeys" {
						t.Fatalf("%s: keys from an unknown list", where)
					}
					keys[where] = append(keys[where], moduleKeys()...)
					continue
				}
				keys[where] = append(keys[where], word(t, a))
			}
			return true
		})
	}
	return keys
}

func word(t *testing.T, e ast.Expr) string {
	t.Helper()
	lit, ok := e.(*ast.BasicLit)
	if !ok {
		t.Fatalf("%T given to fields is not a word", e)
	}
	s, err := strconv.Unquote(lit.Value)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestLanguageIsWhatTheParserTakes(t *testing.T) {
	taken := parserKeys(t)
	if len(taken) < 8 || len(taken["a module"]) < 20 {
		t.Fatalf("only %d maps were found", len(taken))
	}
	for where, keys := range taken {
		for _, key := range keys {
			if !slices.ContainsFunc(Language(), func(k Key) bool { return k.In == where && k.Name == key }) {
				t.Errorf("%s takes %q, which is not in Language", where, key)
			}
		}
	}
	seen := map[string]bool{}
	for _, k := range Language() {
		if !slices.Contains(taken[k.In], k.Name) {
			t.Errorf("Language has %q of %s, which the parser does not take", k.Name, k.In)
		}
		if k.Holds != "" && taken[k.Holds] == nil {
			t.Errorf("%s %s holds %q, which is no map of the parser's", k.In, k.Name, k.Holds)
		}
		if seen[k.In+"."+k.Name] {
			t.Errorf("%s has %s twice", k.In, k.Name)
		}
		seen[k.In+"."+k.Name] = true
	}
}

// TestVocabulary gives every word of the table to the parser, and one that is not in it.
func TestVocabulary(t *testing.T) {
	for _, c := range []struct {
		t    ValueType
		read func(d *decoder, n *node)
	}{
		{TypeCapabilities, func(d *decoder, n *node) { d.capabilities(listOf(n)) }},
		{TypeNamespaces, func(d *decoder, n *node) { d.namespaces(listOf(n)) }},
		{TypeArchitectures, func(d *decoder, n *node) { d.architectures(listOf(n)) }},
		{TypeSignal, func(d *decoder, n *node) { d.stopSignal(n) }},
		{TypeProtections, func(d *decoder, n *node) { d.partial = true; d.bestEffort(listOf(n), &Module{}) }},
		{TypeRlimits, func(d *decoder, n *node) { d.rlimits(mapOf(n, "unlimited")) }},
		{TypeResources, func(d *decoder, n *node) {
			m := mapOf(n, "max")
			switch v := m.entries[0].value; ResourceType(n.text) {
			case TypeTrue:
				v.text = "true"
			case TypeCPUs:
				*v = *listOf(&node{span: n.span, kind: kindScalar, text: "0-1"})
			case TypeRates:
				rates := mapOf(&node{span: n.span, kind: kindScalar, text: "rbps"}, "1M")
				*v = *mapOf(&node{span: n.span, kind: kindScalar, text: "/"}, "")
				v.entries[0].value = rates
			default:
				if strings.HasSuffix(n.text, ".weight") {
					v.text = "100"
				}
			}
			d.resources(m)
		}},
	} {
		words := Vocabulary(c.t)
		if len(words) == 0 {
			t.Errorf("%s has no words", c.t)
		}
		for _, w := range append(words, "nobody-knows-it") {
			d := &decoder{src: &source{file: "p", lines: []string{w}}}
			c.read(d, &node{span: d.src.span(1, 1, 1), kind: kindScalar, text: w})
			if refused := d.diags.HasErrors(); refused != (w == "nobody-knows-it") {
				t.Errorf("%s %s: %v", c.t, w, d.diags)
			}
		}
	}
}

func listOf(n *node) *node { return &node{span: n.span, kind: kindList, items: []*node{n}} }

func mapOf(n *node, value string) *node {
	return &node{span: n.span, kind: kindMap, entries: []entry{{n.text, n.span, &node{span: n.span, kind: kindScalar, text: value}}}}
}
