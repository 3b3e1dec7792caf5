package format

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// codeLayout is the finding that a text cannot be laid out, as policy.Codes has it: the text is right, and we are not.
const codeLayout = "E117"

// Format returns the text of a policy in its canonical layout; what it returns it leaves as it is. A text that is not YAML as a policy has
// it is refused with the findings that policy.Parse has, and nil is returned; what is wrong with its values does not matter here.
func Format(file string, text []byte) ([]byte, policy.Diagnostics) {
	tree, findings := policy.ReadTree(file, text)
	if tree == nil {
		return nil, findings
	}
	doc := newDocument(tree, text)
	out := doc.render()
	again, _ := policy.ReadTree(file, out)
	if again == nil || !same(tree, again) {
		return nil, refused(file, tree, "the policy cannot be laid out in lines that are short enough")
	}
	if !slices.Equal(sortedComments(doc.comments), sortedComments(scan(again, out))) {
		return nil, refused(file, tree, "the comments cannot be kept where they are")
	}
	return out, findings
}

// Formatted tells whether a text is laid out as Format does it. A text that Format refuses is not.
func Formatted(file string, text []byte) bool {
	out, _ := Format(file, text)
	return out != nil && bytes.Equal(out, text)
}

func refused(file string, tree *policy.Tree, message string) policy.Diagnostics {
	at := tree.Pos
	at.File = file
	return policy.Diagnostics{{Code: codeLayout, Severity: policy.SeverityError, Message: message, Pos: at, Width: 1,
		Help: "the file is left as it is; this is a bug of ours, please report it with the file"}}
}

func sortedComments(list []comment) []string {
	texts := make([]string, len(list))
	for i, c := range list {
		texts[i] = c.text
	}
	slices.Sort(texts)
	return texts
}

// same tells whether two trees have the same values; the keys of a map may be in another order.
func same(a, b *policy.Tree) bool {
	if a.Kind != b.Kind || a.Reset != b.Reset || len(a.Entries) != len(b.Entries) || len(a.Items) != len(b.Items) {
		return false
	}
	if a.Kind == policy.TreeScalar {
		return sameScalar(a, b)
	}
	for i := range a.Items {
		if !same(a.Items[i], b.Items[i]) {
			return false
		}
	}
	x, y := byKey(a.Entries), byKey(b.Entries)
	for i := range x {
		if x[i].Key != y[i].Key || !same(x[i].Value, y[i].Value) {
			return false
		}
	}
	return true
}

// sameScalar tells whether two scalars mean the same: a string is one with quotes and without.
func sameScalar(a, b *policy.Tree) bool {
	stringA, stringB := a.Quoted || policy.Plain(a.Text), b.Quoted || policy.Plain(b.Text)
	if stringA != stringB {
		return false
	}
	return a.Text == b.Text || !stringA && null(a.Text) && null(b.Text)
}

// null tells whether a text without quotes is nothing.
func null(text string) bool {
	switch text {
	case "", "~", "null", "Null", "NULL":
		return true
	}
	return false
}

func byKey(entries []policy.TreeEntry) []policy.TreeEntry {
	return slices.SortedStableFunc(slices.Values(entries), func(a, b policy.TreeEntry) int { return cmp.Compare(a.Key, b.Key) })
}
