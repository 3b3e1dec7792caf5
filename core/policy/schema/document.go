package schema

import (
	"encoding/json"
	"strings"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Document returns the value that a validator of schemas is given for a policy's text: maps, lists, strings, numbers and booleans, as
// a YAML reader makes them.
func Document(tree *policy.Tree) any {
	switch {
	case tree.Kind == policy.TreeMap:
		m := object{}
		for _, e := range tree.Entries {
			m[e.Key] = Document(e.Value)
		}
		return m
	case tree.Kind == policy.TreeList:
		l := []any{}
		for _, i := range tree.Items {
			l = append(l, Document(i))
		}
		return l
	case tree.Quoted || policy.Plain(tree.Text):
		return tree.Text
	}
	var v any
	d := json.NewDecoder(strings.NewReader(strings.ToLower(tree.Text)))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil
	}
	return v
}
