package plan

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/bulkhead/bulkhead/core/api"
)

// Text returns the plan as a person reads it: a line for each action with its first reason, further reasons below it, and what it
// comes to at the end.
func Text(p api.Plan) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, a := range p.Actions {
		name := a.Name
		if a.Replica != nil {
			name = fmt.Sprintf("%s[%d]", a.Name, *a.Replica)
		}
		reasons := a.Reasons
		if len(reasons) == 0 {
			reasons = []string{""}
		}
		for i, r := range reasons {
			switch {
			case i > 0:
				fmt.Fprintf(w, "\t\t\t%s\n", r)
			case a.Order != "":
				fmt.Fprintf(w, "%s\t%s\t%s\t%s (%s)\n", a.Verb, a.Kind, name, r, a.Order)
			default:
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", a.Verb, a.Kind, name, r)
			}
		}
	}
	_ = w.Flush() // a strings.Builder takes everything
	return b.String() + Summary(p) + "\n"
}

// Summary returns in one line what a plan comes to: "generation 4 -> 5: 1 module replaced, 2 kept; 1 listener kept".
func Summary(p api.Plan) string {
	parts := make([]string, 0, 2)
	for _, kind := range []string{"module", "listener"} {
		var counts []string
		for _, v := range []struct{ verb, done string }{{api.Open, "opened"}, {api.Start, "started"}, {api.Replace, "replaced"}, {api.Change, "changed in place"},
			{api.Stop, "stopped"}, {api.Close, "closed"}, {api.Keep, "kept"}} {
			n := 0
			for _, a := range p.Actions {
				if a.Kind == kind && a.Verb == v.verb && a.Replica == nil {
					n++
				}
			}
			switch {
			case n > 0 && len(counts) == 0:
				counts = append(counts, fmt.Sprintf("%s %s", plural(n, kind), v.done))
			case n > 0:
				counts = append(counts, fmt.Sprintf("%d %s", n, v.done))
			}
		}
		if len(counts) > 0 {
			parts = append(parts, strings.Join(counts, ", "))
		}
	}
	text := fmt.Sprintf("generation %d -> %d: ", p.From, p.To)
	switch {
	case len(parts) == 0:
		return text + "there is nothing"
	case !Changes(p):
		return text + "nothing changes; " + strings.Join(parts, "; ")
	}
	return text + strings.Join(parts, "; ")
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
