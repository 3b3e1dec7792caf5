package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/bulkhead/bulkhead/spawner/wire"
)

// printPlan says what would be started, for --dry-run.
func printPlan(out io.Writer, plan wire.Plan) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, l := range plan.Listeners {
		address := l.Path
		if l.Network == "tcp" {
			address = l.Addr.String()
		}
		fmt.Fprintf(w, "open\tlistener %s\t%s %s\n", l.Name, l.Network, address)
	}
	for _, m := range plan.Modules {
		fmt.Fprintf(w, "start\tmodule %s\t%d instances, listeners: %s\n", m.Name, max(m.Replicas, 1), strings.Join(m.Listeners, ", "))
		for _, e := range m.Enforcement {
			fmt.Fprintf(w, "\t  %s\t%s: %s\n", e.Protection, e.Level, e.Detail)
		}
	}
	return w.Flush()
}
