package core

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/core/machine"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// newLogger makes the log of the supervisor's own messages.
func newLogger(w io.Writer, o wire.Options) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(o.LogLevel)); err != nil {
		level = slog.LevelInfo // the spawner has checked it
	}
	options := &slog.HandlerOptions{Level: level}
	if o.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	layout := time.TimeOnly
	if o.LogDates {
		layout = time.RFC3339
	}
	options.ReplaceAttr = func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.String(slog.TimeKey, a.Value.Time().Format(layout)) // without fractions: a person reads it
		}
		return a
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// droppedNote makes the message that says that messages were dropped.
func droppedNote(format string) func(int) []byte {
	return func(n int) []byte {
		text := fmt.Sprintf("%d messages were left out because the log was not being read", n)
		if format != "json" {
			return fmt.Appendf(nil, "level=WARN msg=%q\n", text)
		}
		data, err := json.Marshal(map[string]string{"level": "WARN", "msg": text})
		if err != nil {
			panic("bug: a text as JSON: " + err.Error() + "; please report it")
		}
		return append(data, '\n')
	}
}

// emit makes an event known.
func (r *Runtime) emit(e api.Event) {
	r.ring.Publish(e)
	r.watch(e)
	if e.Kind == machine.KindStarted {
		announce(r.queue, r.log, r.options, r.generations.all[r.generations.current].Outline, r.listeners)
	}
	level := levelOf(e.Level)
	if !r.log.Enabled(context.Background(), level) {
		return
	}
	record := slog.NewRecord(e.Time, level, e.Text, 0)
	record.AddAttrs(slog.String("event", e.Kind))
	if e.Module != "" {
		record.AddAttrs(slog.String("module", e.Module))
	}
	if e.Replica != nil {
		record.AddAttrs(slog.Int("instance", *e.Replica))
	}
	if e.PID != 0 {
		record.AddAttrs(slog.Int("pid", e.PID))
	}
	if e.Listener != "" {
		record.AddAttrs(slog.String("listener", e.Listener))
	}
	_ = r.log.Handler().Handle(context.Background(), record) // a queue has no errors
}

func levelOf(level string) slog.Level {
	switch level {
	case "debug":
		return slog.LevelDebug
	case "warn":
		return slog.LevelWarn
	case "error":
		return slog.LevelError
	}
	return slog.LevelInfo
}
