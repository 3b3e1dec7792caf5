package log

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Level is the level of the records: calls are of interest to those who look for a fault.
const Level = slog.LevelDebug

// Core logs the calls to the layer below. Its methods are generated.
type Core struct {
	next    posix.Core
	logger  *slog.Logger
	handler slog.Handler   // the logger's, asked without going through it
	level   *slog.LevelVar // nil without one
}

// New returns a layer on top of next that logs to logger.
func New(next posix.Core, logger *slog.Logger) *Core {
	return &Core{next: next, logger: logger, handler: logger.Handler()}
}

// NewLeveled returns a layer on top of next that logs to logger while level is not above [Level]. The logger is asked only then: an atomic
// load is a quarter of the cost of asking a handler.
func NewLeveled(next posix.Core, logger *slog.Logger, level *slog.LevelVar) *Core {
	d := New(next, logger)
	d.level = level
	return d
}

// Name returns "log".
func (d *Core) Name() string { return "log" }

// Unwrap returns the layer below.
func (d *Core) Unwrap() posix.Core { return d.next }

// Enabled tells whether a call would be logged now.
func (d *Core) Enabled() bool {
	if d.level != nil && d.level.Level() > Level {
		return false
	}
	return d.ask()
}

//go:noinline
func (d *Core) ask() bool { return d.handler.Enabled(context.Background(), Level) }

// log writes the record of a call.
func (d *Core) log(op posix.Op, start time.Time, err error, args, results []slog.Attr) {
	took := time.Since(start)
	attrs := make([]slog.Attr, 0, len(args)+len(results)+3)
	attrs = append(attrs, slog.String("op", op.String()))
	attrs = append(attrs, args...)
	if err == nil {
		attrs = append(attrs, results...)
	} else {
		attrs = append(attrs, slog.String("errno", errnoName(err)))
	}
	attrs = append(attrs, slog.Duration("duration", took))
	d.logger.LogAttrs(context.Background(), Level, "posix call", attrs...)
}

// errnoName returns the symbolic name of an errno, and the text of an error that has none.
func errnoName(err error) string {
	var errno posix.Errno
	if errors.As(err, &errno) {
		if name := unix.ErrnoName(errno); name != "" {
			return name
		}
	}
	return err.Error()
}
