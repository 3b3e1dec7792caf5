package core

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"text/tabwriter"

	"github.com/bulkhead/bulkhead/spawner/wire"
)

// manyModules is from how many modules on only what is not fully enforced is listed.
const manyModules = 16

// enforced is the level of a protection that is there as the policy says.
const enforced = "enforced"

// announce says what runs, what is enforced, where to reach it and how to stop it: to a person as a table, otherwise as records.
func announce(w io.Writer, log *slog.Logger, o wire.Options, outline wire.Outline, listeners []wire.Listener) {
	if o.LogFormat == "json" {
		announceRecords(log, o, outline, listeners)
		return
	}
	var b bytes.Buffer
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, m := range outline.Modules {
		announceModule(t, m, len(outline.Modules) >= manyModules)
	}
	for _, l := range listeners {
		fmt.Fprintf(t, "listening: %s\t%s\n", l.Name, address(l))
	}
	if o.Metrics != "" {
		fmt.Fprintf(t, "metrics:\thttp://%s/metrics\n", o.Metrics)
	}
	fmt.Fprintf(t, "control:\t%s\n", o.Control)
	fmt.Fprintln(t, "running; stop with Ctrl-C (SIGINT) or SIGTERM")
	_ = t.Flush()             // a buffer has no errors
	_, _ = w.Write(b.Bytes()) // and neither has the queue
}

func announceModule(w io.Writer, m wire.Module, brief bool) {
	lacking := 0
	for _, e := range m.Enforcement {
		if e.Level.String() != enforced {
			lacking++
		}
	}
	switch {
	case brief && lacking == 0:
		fmt.Fprintf(w, "module %s: all of its %d protections are enforced on this host\n", m.Name, len(m.Enforcement))
		return
	case brief:
		fmt.Fprintf(w, "module %s: of its %d protections, not fully enforced on this host:\n", m.Name, len(m.Enforcement))
	default:
		fmt.Fprintf(w, "module %s, enforced on this host:\n", m.Name)
	}
	for _, e := range m.Enforcement {
		mark := ""
		if level := e.Level.String(); level != enforced {
			mark = strings.ToUpper(level) + ": "
		} else if brief {
			continue
		}
		fmt.Fprintf(w, "  %s\t%s%s\n", e.Protection, mark, e.Detail)
	}
}

func announceRecords(log *slog.Logger, o wire.Options, outline wire.Outline, listeners []wire.Listener) {
	for _, m := range outline.Modules {
		for _, e := range m.Enforcement {
			level := slog.LevelInfo
			if e.Level.String() != enforced {
				level = slog.LevelWarn
			}
			log.Log(context.Background(), level, "enforcement", "module", m.Name, "protection", e.Protection, "state", e.Level.String(), "detail", e.Detail)
		}
	}
	for _, l := range listeners {
		log.Info("listening", "listener", l.Name, "address", address(l))
	}
	log.Info("running", "control", o.Control, "metrics", o.Metrics)
}

// address is how a client names a listener. What is spoken there is the module's business, so a URL is only given where a person is likely to
// open one in a browser.
func address(l wire.Listener) string {
	switch {
	case l.Network == "unix":
		return "unix:" + l.Address
	case l.Network == "udp":
		return "udp:" + l.Address
	case strings.HasPrefix(l.Name, "http"):
		scheme, _, _ := strings.Cut(l.Name, "-")
		if scheme == "http" || scheme == "https" {
			return scheme + "://" + l.Address + "/"
		}
	}
	return l.Address
}
