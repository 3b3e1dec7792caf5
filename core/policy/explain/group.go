package explain

import (
	"fmt"
	"io"
	"maps"
	"strings"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Group is what a group of system calls stands for.
type Group struct {
	Name   string   `json:"group"`
	Origin string   `json:"origin"` // where it was taken from
	Calls  []string `json:"calls"`  // those that the architecture has
}

// NewGroup explains a group. Origin says where the groups of the catalog were taken from. It is an error when there is no such group.
func NewGroup(name string, c policy.Catalog, origin string) (Group, error) {
	calls, known := c.Groups[name]
	if !known {
		meant := ""
		if nearest := policy.Nearest(name, maps.Keys(c.Groups)); nearest != "" {
			meant = fmt.Sprintf("; did you mean %q?", nearest)
		}
		return Group{}, fmt.Errorf("%q is no group that the tables know%s", name, meant)
	}
	for part := range strings.SplitSeq(origin, "; ") { // groups are systemd's
		if strings.HasPrefix(part, "systemd") {
			origin = part
		}
	}
	return Group{Name: name, Origin: origin, Calls: calls}, nil
}

// Text prints the group for a person.
func (g Group) Text(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%s: %d calls (%s)\n%s\n", g.Name, len(g.Calls), g.Origin, wrapped(g.Calls))
	return err
}

// wrapped writes words in lines of at most 100 columns.
func wrapped(words []string) string {
	var b strings.Builder
	column := 0
	for i, w := range words {
		switch {
		case i == 0:
			b.WriteString("  ")
			column = 2
		case column+2+len(w) > 100:
			b.WriteString(",\n  ")
			column = 2
		default:
			b.WriteString(", ")
			column += 2
		}
		b.WriteString(w)
		column += len(w)
	}
	return b.String()
}
