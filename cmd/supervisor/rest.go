package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/footprint"
	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/posix"
)

// shrink gives memory back that is not needed while nothing happens.
func shrink(m posix.Memory, log *slog.Logger) {
	if err := footprint.Shrink(m); err != nil {
		log.Warn("the process stays larger than it needs to be", "error", err)
	}
}

// follower is [core.Runtime.Events].
type follower func(ctx context.Context, after string) <-chan api.Event

// restAfterEvents calls rest whenever nothing has happened for a while after something has, until ctx is done.
func restAfterEvents(ctx context.Context, follow follower, rest func()) {
	timer := time.NewTimer(footprint.Rest) // the start has happened
	defer timer.Stop()
	last := ""
	for ctx.Err() == nil { // who falls behind is cut off, and follows again
		events := follow(ctx, last)
		for open := true; open; {
			var e api.Event
			select {
			case e, open = <-events:
				if e.ID != "" {
					last = e.ID
				}
				timer.Reset(footprint.Rest)
			case <-timer.C:
				rest()
			}
		}
	}
}
