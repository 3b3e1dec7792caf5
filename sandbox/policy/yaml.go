package policy

import (
	"cmp"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// syntaxError is what the YAML parser returns; its own type is in a package that we do not need otherwise.
type syntaxError interface {
	error
	GetMessage() string
	GetToken() *token.Token
}

// parseYAML turns text into a tree of nodes. It returns nil when the text is not YAML, after saying why.
func (d *decoder) parseYAML(text string) *node {
	return d.guarded(func() *node { return d.parseTokens(lexer.Tokenize(text)) })
}

// guarded runs the YAML library and turns its panics into findings.
func (d *decoder) guarded(parse func() *node) (root *node) {
	defer func() {
		if r := recover(); r != nil {
			d.report(codeParserBug, d.src.span(1, 1, 1), "the YAML parser cannot read this file: %v", r).
				help("this is a bug of ours or of the YAML library; please report it with the file")
			root = nil
		}
	}()
	return parse()
}

func (d *decoder) parseTokens(tokens token.Tokens) *node {
	if !d.checkTokens(tokens) {
		return nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		d.syntax(err)
		return nil
	}
	var body ast.Node
	for _, doc := range file.Docs {
		if doc.Body != nil {
			body = doc.Body
		}
	}
	if body == nil {
		d.report(codeEmpty, d.src.span(1, 1, 1), "the file is empty").help("a policy starts with version: 1")
		return nil
	}
	return d.convert(body)
}

// syntax reports an error of the YAML parser at its token.
func (d *decoder) syntax(err error) {
	var e syntaxError
	if errors.As(err, &e) && e.GetToken() != nil {
		message, help := syntaxWords(e.GetMessage())
		d.report(codeSyntax, d.place(e.GetToken()), "%s", message).help("%s", help)
		return
	}
	d.report(codeSyntax, d.src.span(1, 1, 1), "%v", err)
}

// syntaxWords says in our words what the YAML library complains of, and what to do about it, as far as its words tell.
func syntaxWords(message string) (what, help string) {
	for _, h := range [...]struct{ words, what, help string }{
		{"not allowed in this context", "this does not belong here", "look at the indentation: the keys of a map stand in one column"},
		{"non-map value is specified", "a key without a colon and a value", "write KEY: VALUE, with a space behind the colon"},
		{"must be specified", "", "a list that starts with [ ends with ], a map that starts with { with }; commas stand between"},
		{"double-quoted text", "a string in double quotes has no end", "it ends with the quote that it starts with; a quote in it is written \\\""},
		{"single-quoted text", "a string in single quotes has no end", "it ends with the quote that it starts with; a quote in it is written twice"},
		{"end character of", "", "a string in quotes ends with the quote that it starts with"},
		{"character corresponding to", "", "brackets come in pairs"},
	} {
		if strings.Contains(message, h.words) {
			return cmp.Or(h.what, message), h.help
		}
	}
	return message, ""
}

// place returns where a token stands. Positions that the scanner got wrong are moved to where the token's text is.
func (d *decoder) place(t *token.Token) span {
	if t.Position == nil {
		return d.src.span(1, 1, 1)
	}
	written := strings.Trim(t.Origin, " \r\n")
	first, _, _ := strings.Cut(written, "\n")
	at := d.src.span(t.Position.Line, t.Position.Column, max(1, utf8.RuneCountInString(strings.TrimRight(first, " \r"))))
	if first == "" || at.pos.Line != t.Position.Line {
		return at
	}
	if r, _ := utf8.DecodeRuneInString(first); strings.HasPrefix(d.src.rest(at.pos), string(r)) {
		return at
	}
	whole := d.src.span(t.Position.Line, 1, maxLine)
	if found := d.src.within(whole, first); found != whole {
		return found
	}
	return at
}

// convert turns a node of the YAML library into ours.
func (d *decoder) convert(n ast.Node) *node {
	switch n := n.(type) {
	case *ast.MappingNode:
		m := &node{span: d.place(n.GetToken()), kind: kindMap}
		if !n.IsFlowStyle && len(n.Values) > 0 {
			m.span = d.place(n.Values[0].Key.GetToken())
		}
		d.addEntries(m, n.Values)
		return m
	case *ast.MappingValueNode:
		m := &node{span: d.place(n.Key.GetToken()), kind: kindMap}
		d.addEntries(m, []*ast.MappingValueNode{n})
		return m
	case *ast.SequenceNode:
		l := &node{span: d.place(n.GetToken()), kind: kindList, items: make([]*node, 0, len(n.Values))}
		for _, v := range n.Values {
			l.items = append(l.items, d.convert(v))
		}
		return l
	case *ast.LiteralNode:
		s := &node{span: d.place(n.Start), kind: kindScalar, quoted: true}
		if n.Value != nil {
			s.text = n.Value.Value
		}
		return s
	case *ast.StringNode:
		t := n.GetToken()
		s := &node{span: d.place(t), kind: kindScalar, text: n.Value}
		if t.Type == token.DoubleQuoteType || t.Type == token.SingleQuoteType {
			s.quoted = true
			s.width = d.quoted(s.span)
		}
		return s
	case *ast.NullNode, *ast.BoolNode, *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		t := n.GetToken()
		s := &node{span: d.place(t), kind: kindScalar, text: t.Value}
		if t.Type == token.ImplicitNullType {
			s.text = ""
		}
		return s
	case *ast.TagNode: // others than !reset are reported with the tokens
		at := d.place(n.GetToken())
		if n.GetToken().Value != "!reset" {
			return &node{span: at}
		}
		value := &node{span: at, kind: kindScalar}
		if n.Value != nil {
			value = d.convert(n.Value)
		}
		value.reset, value.tag = true, at
		if value.kind == kindScalar && value.plainKind() == plainNull {
			value.span = at
		}
		return value
	case *ast.AnchorNode, *ast.AliasNode:
		return &node{span: d.place(n.GetToken())}
	case nil:
		return &node{span: d.src.span(1, 1, 1), kind: kindScalar}
	}
	at := d.place(n.GetToken())
	d.report(codeSyntax, at, "a %s has no place here", strings.ToLower(n.Type().String()))
	return &node{span: at}
}

// addEntries fills a map and reports the keys that are written twice.
func (d *decoder) addEntries(m *node, values []*ast.MappingValueNode) {
	first := make(map[string]Pos, len(values))
	m.entries = make([]entry, 0, len(values))
	for _, v := range values {
		k := d.convert(v.Key)
		if k.kind != kindScalar || k.plainKind() == plainNull {
			if k.kind != kindBroken {
				d.report(codeKey, k.span, "a key must be a word")
			}
			continue
		}
		if earlier, twice := first[k.text]; twice {
			d.report(codeDuplicateKey, k.span, "key %q is written twice", k.text).
				help("the first one is on line %d", earlier.Line)
			continue
		}
		first[k.text] = k.pos
		m.entries = append(m.entries, entry{k.text, k.span, d.convert(v.Value)})
	}
}
