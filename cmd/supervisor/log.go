package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"time"

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

// lineWriter passes the lines of modules on: to the stream that they were written to, behind the module's name, or as JSON.
type lineWriter struct {
	streams [2]*bufio.Writer
	json    bool
	width   int // of the longest name
	now     func() time.Time
}

func newLineWriter(stdout, stderr io.Writer, format string, modules []wire.Module) *lineWriter {
	w := &lineWriter{streams: [2]*bufio.Writer{bufio.NewWriter(stdout), bufio.NewWriter(stderr)}, json: format == "json", now: time.Now}
	for _, m := range modules {
		w.width = max(w.width, len(m.Name)+len(suffix(m.Replicas-1)))
	}
	return w
}

// suffix tells instances of a module apart; the first has none.
func suffix(instance int) string {
	if instance <= 0 {
		return ""
	}
	return fmt.Sprintf("-%d", instance)
}

// WriteLine implements [spawner.LineWriter].
func (w *lineWriter) WriteLine(module string, instance int, stream spawner.Stream, line []byte) error {
	out := w.streams[stream-1]
	if w.json {
		data, err := json.Marshal(struct {
			Time     time.Time `json:"time"`
			Module   string    `json:"module"`
			Instance int       `json:"instance"`
			Stream   string    `json:"stream"`
			Line     string    `json:"line"`
		}{w.now(), module, instance, [...]string{"stdout", "stderr"}[stream-1], string(line)})
		if err != nil {
			return err
		}
		_, _ = out.Write(append(data, '\n')) // the error stays in the writer and comes back from Flush
		return out.Flush()
	}
	fmt.Fprintf(out, "%-*s | %s\n", w.width, module+suffix(instance), bytes.TrimSuffix(line, []byte("\r")))
	return out.Flush()
}
