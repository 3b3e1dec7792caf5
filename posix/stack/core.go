package stack

import (
	"log/slog"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/errs"
	"github.com/bulkhead/bulkhead/posix/fault"
	"github.com/bulkhead/bulkhead/posix/log"
	"github.com/bulkhead/bulkhead/posix/metrics"
	"github.com/bulkhead/bulkhead/posix/restrict"
	"github.com/bulkhead/bulkhead/posix/retry"
)

// Options say what the layers do. The zero value logs nothing and restricts nothing.
type Options struct {
	Logger *slog.Logger    // where calls are logged; nil: nowhere
	Level  *slog.LevelVar  // calls are logged while it is at log.Level or below; nil: whenever the logger's handler is enabled for that
	Rules  *restrict.Rules // what is allowed; nil: there is no layer restrict, and everything is
}

// Core is the standard layers on top of an implementation. Its methods are generated.
type Core struct {
	layers posix.Core  // the outermost of the layers
	next   posix.Core  // past all of them
	retry  *retry.Core // on next
	log    *log.Core
	counts *metrics.Core
	rules  *restrict.Core // nil: none
	faults *fault.Core
	open   [posix.OpCount]bool // the operations that need not be asked about
}

// New returns the standard layers on top of next, which makes the calls, or records those that it passes on.
func New(next posix.Core, o Options) *Core {
	d := &Core{next: next, faults: fault.New(next)}
	repeating := retry.New(d.faults)
	d.retry = repeating.Onto(next)
	below := posix.Core(repeating)
	if o.Rules != nil {
		d.rules = restrict.New(below, *o.Rules)
		below = d.rules
	}
	for op := range posix.OpCount {
		d.open[op] = d.rules == nil || d.rules.Open(op)
	}
	d.counts = metrics.New(below)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Level == nil {
		d.log = log.New(d.counts, o.Logger)
	} else {
		d.log = log.NewLeveled(d.counts, o.Logger, o.Level)
	}
	d.layers = errs.New(d.log)
	return d
}

// Name returns "stack".
func (d *Core) Name() string { return "stack" }

// Unwrap returns the outermost of the layers.
func (d *Core) Unwrap() posix.Core { return d.layers }

// Counts returns the layer that counts.
func (d *Core) Counts() *metrics.Core { return d.counts }

// Faults returns the layer that makes calls fail. Without rules it is passed by.
func (d *Core) Faults() *fault.Core { return d.faults }

// Repeated returns how many calls of an operation were made again, as [retry.Core.Repeated] does.
func (d *Core) Repeated(op posix.Op) uint64 { return d.retry.Repeated(op) }

// detour tells whether a call must go through the layers, because one of them has something to do before it is made.
func (d *Core) detour(op posix.Op) bool {
	return d.counts.Due(op) || d.faults.Armed() || d.log.Enabled()
}

// failed does what metrics and errs do with an error.
//
//go:noinline
func (d *Core) failed(op posix.Op, fd posix.FD, path string, err error) error {
	d.counts.Fail(op, err)
	return errs.Wrap(op, fd, path, err)
}
