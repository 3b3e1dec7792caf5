package policy

// TreeKind is the shape of a value in a policy's text.
type TreeKind uint8

const (
	TreeScalar TreeKind = iota
	TreeMap
	TreeList
)

// Tree is a value of a policy's text as YAML has it, before it means anything: for what handles policies as text, such as their
// formatter.
type Tree struct {
	Kind    TreeKind
	Text    string // of a scalar, without its quotes
	Quoted  bool   // of a scalar: in quotes or as a block
	Pos     Pos    // of a list written with dashes that of its first one, of a map without braces that of its first key
	Reset   bool   // with the tag !reset
	Entries []TreeEntry
	Items   []*Tree
}

// TreeEntry is a key of a map with its value.
type TreeEntry struct {
	Key   string
	Pos   Pos
	Value *Tree
}

// ReadTree reads the text of a policy as far as YAML goes. The tree is nil if and only if a finding is an error; Parse has the
// same findings about such a file, among others.
func ReadTree(file string, text []byte) (*Tree, Diagnostics) {
	d := &decoder{}
	var root *node
	if yaml, ok := readSource(file, text, d); ok {
		root = d.parseYAML(yaml)
	}
	ds := d.diags.sorted(file)
	if root == nil || ds.HasErrors() {
		return nil, ds
	}
	return root.tree(), ds
}

func (n *node) tree() *Tree {
	t := &Tree{Text: n.text, Quoted: n.quoted, Reset: n.reset, Pos: n.pos}
	switch n.kind {
	case kindMap:
		t.Kind = TreeMap
	case kindList:
		t.Kind = TreeList
	}
	for _, e := range n.entries {
		t.Entries = append(t.Entries, TreeEntry{e.key, e.at.pos, e.value.tree()})
	}
	for _, i := range n.items {
		t.Items = append(t.Items, i.tree())
	}
	return t
}

// Plain tells whether YAML readers take a text for a string when it stands without quotes, and not for a number, a boolean or nothing.
func Plain(text string) bool {
	n := node{text: text}
	return n.plainKind() == plainString
}
