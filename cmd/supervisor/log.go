package main

import (
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/bulkhead/bulkhead/core/logs"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/spawner"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// newLogger makes the supervisor's own log.
func newLogger(w io.Writer, format, level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("log level %q: use debug, info, warn or error", level)
	}
	o := &slog.HandlerOptions{Level: l}
	switch format {
	case "json":
		return slog.New(slog.NewJSONHandler(w, o)), nil
	case "text":
		o.ReplaceAttr = shortTime
		return slog.New(slog.NewTextHandler(w, o)), nil
	}
	return nil, fmt.Errorf("log format %q: use text or json", format)
}

// shortTime leaves the date and the fractions out of what a person reads.
func shortTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.String(slog.TimeKey, a.Value.Time().Format(time.TimeOnly))
	}
	return a
}

// lineWriter passes the lines of modules on when there is no manager left that could, in the same form.
type lineWriter struct{ to *logs.Writer }

func newLineWriter(k logs.Output, format string, modules []wire.Module) lineWriter {
	sink := func(fd posix.FD) *logs.Sink { return logs.NewSink(&patient{Output: k}, fd, true, func(logs.Loss) {}) }
	w := lineWriter{logs.NewWriter(sink(1), sink(2), format)}
	width := 0
	for _, m := range modules {
		width = max(width, len(logs.Name(m.Name, m.Replicas-1)))
	}
	w.to.SetWidth(width)
	return w
}

// WriteLine implements [spawner.LineWriter]. A log that cannot be written any more, or that nobody reads, is no reason not to stop in order.
func (w lineWriter) WriteLine(module string, instance int, stream spawner.Stream, line []byte) error {
	w.to.Add(logs.Line{Source: logs.Source{Module: module, Replica: instance}, Time: time.Now(), Stream: logs.Stream(stream), Text: line})
	w.to.Flush()
	return nil
}
