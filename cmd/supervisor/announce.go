package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"text/tabwriter"

	"github.com/bulkhead/bulkhead/sandbox"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// announce says what runs, what is enforced, and how to stop it: to a person as a table, otherwise as log records.
func announce(w io.Writer, log *slog.Logger, format string, plan wire.Plan) {
	if format == "json" {
		announceRecords(log, plan)
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, m := range plan.Modules {
		fmt.Fprintf(t, "module %s, enforced on this host:\n", m.Name)
		for _, e := range m.Enforcement {
			mark := ""
			if e.Level != sandbox.Enforced {
				mark = strings.ToUpper(e.Level.String()) + ": "
			}
			fmt.Fprintf(t, "  %s\t%s%s\n", e.Protection, mark, e.Detail)
		}
	}
	for _, l := range plan.Listeners {
		fmt.Fprintf(t, "listening: %s\t%s\n", l.Name, address(l))
	}
	fmt.Fprintln(t, "running; stop with Ctrl-C (SIGINT) or SIGTERM")
	_ = t.Flush() // a standard error that is gone is no reason to stop serving
}

func announceRecords(log *slog.Logger, plan wire.Plan) {
	for _, m := range plan.Modules {
		for _, e := range m.Enforcement {
			level := slog.LevelInfo
			if e.Level != sandbox.Enforced {
				level = slog.LevelWarn
			}
			log.Log(context.Background(), level, "enforcement", "module", m.Name, "protection", e.Protection, "level", e.Level.String(), "detail", e.Detail)
		}
	}
	for _, l := range plan.Listeners {
		log.Info("listening", "listener", l.Name, "address", address(l))
	}
	log.Info("running")
}

// address is how a client names a listener. What is spoken there is the module's business, so a URL is only given where a
// person is likely to open one in a browser.
func address(l policy.Listener) string {
	switch {
	case l.Network == "unix":
		return "unix:" + l.Path
	case strings.HasPrefix(l.Name, "http"):
		scheme, _, _ := strings.Cut(l.Name, "-")
		if scheme == "http" || scheme == "https" {
			return scheme + "://" + l.Addr.String() + "/"
		}
	}
	return l.Addr.String()
}
