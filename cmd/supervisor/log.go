package main

import (
	"time"

	"github.com/bulkhead/bulkhead/core/logs"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/spawner"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

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
