package invoke

import (
	"fmt"
	"io"
	"log/slog"
	"time"
)

// NewLogger makes the supervisor's own log. dates are for text that is kept.
func NewLogger(w io.Writer, format, level string, dates bool) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("log level %q: use debug, info, warn or error", level)
	}
	o := &slog.HandlerOptions{Level: l}
	switch format {
	case "json":
		return slog.New(slog.NewJSONHandler(w, o)), nil
	case "text":
		layout := time.TimeOnly
		if dates {
			layout = time.RFC3339
		}
		o.ReplaceAttr = func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.String(slog.TimeKey, a.Value.Time().Format(layout)) // without fractions: a person reads it
			}
			return a
		}
		return slog.New(slog.NewTextHandler(w, o)), nil
	}
	return nil, fmt.Errorf("log format %q: use text or json", format)
}
