package policy

import "strings"

// nodeKind is the shape of a node.
type nodeKind uint8

const (
	kindBroken nodeKind = iota // reported already; nothing is said about it again
	kindScalar
	kindMap
	kindList
)

// node is a value of the file with its place. Nodes are not changed after they are built: merging makes new ones.
type node struct {
	span
	kind    nodeKind
	text    string  // of a scalar
	reset   bool    // with the tag !reset: what profiles gave is forgotten
	tag     span    // where the tag stands
	quoted  bool    // of a scalar: written in quotes or as a block
	entries []entry // of a map, in the order of the file
	items   []*node // of a list
	owner   int     // 0 is the file itself and its modules, from 1 on the profiles
}

// entry is a key of a map with its value.
type entry struct {
	key   string
	at    span
	value *node
}

// entry returns the entry of a key, nil when there is none.
func (n *node) entry(key string) *entry {
	for i := range n.entries {
		if n.entries[i].key == key {
			return &n.entries[i]
		}
	}
	return nil
}

// own marks a node and everything in it as written in a profile.
func (n *node) own(owner int) {
	n.owner = owner
	for _, e := range n.entries {
		e.value.own(owner)
	}
	for _, i := range n.items {
		i.own(owner)
	}
}

// plainKind is what a scalar without quotes means in YAML's core schema.
type plainKind uint8

const (
	plainString plainKind = iota
	plainNull
	plainBool
	plainNumber
)

func (n *node) plainKind() plainKind {
	if n.quoted {
		return plainString
	}
	switch n.text {
	case "", "~", "null", "Null", "NULL":
		return plainNull
	case "true", "True", "TRUE", "false", "False", "FALSE":
		return plainBool
	}
	if looksNumeric(n.text) {
		return plainNumber
	}
	return plainString
}

// looksNumeric tells whether YAML readers take a plain scalar for a number.
func looksNumeric(s string) bool {
	s = strings.TrimLeft(s, "+-")
	switch s {
	case ".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN":
		return true
	}
	if rest, ok := strings.CutPrefix(s, "0x"); ok {
		return rest != "" && strings.Trim(rest, "0123456789abcdefABCDEF_") == ""
	}
	if rest, ok := strings.CutPrefix(s, "0o"); ok {
		return rest != "" && strings.Trim(rest, "01234567_") == ""
	}
	if rest, ok := strings.CutPrefix(s, "0b"); ok {
		return rest != "" && strings.Trim(rest, "01_") == ""
	}
	mantissa, exponent, scientific := strings.Cut(strings.ToLower(s), "e")
	if scientific && !digits(strings.TrimLeft(exponent, "+-")) {
		return false
	}
	whole, fraction, _ := strings.Cut(strings.ReplaceAll(mantissa, "_", ""), ".")
	return digits(whole+fraction) && whole+fraction != ""
}

// digits tells whether a string is decimal digits only, at least one.
func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// describe names a node for a message.
func (n *node) describe() string {
	switch n.kind {
	case kindMap:
		return "a map"
	case kindList:
		return "a list"
	}
	switch n.plainKind() {
	case plainNull:
		return "nothing"
	case plainBool:
		return n.text
	case plainNumber:
		return "the number " + n.text
	}
	return "a string"
}
