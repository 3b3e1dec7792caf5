package control

import (
	"context"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/core/machine"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// Manager is what the control API shows and commands. core.Runtime is one. All methods may be called at the same time.
type Manager interface {
	// Status returns what there is now. The value may be shared: nobody changes it.
	Status() api.Status
	// Do carries a command out and returns when it is done, or refused, or ctx is; the command goes on when ctx ends first.
	// No modules means all of them. An error says that the manager cannot take commands (it is ending), or is that of ctx.
	Do(ctx context.Context, verb machine.Verb, modules []string, dryRun bool) (api.Result, error)
	// Events sends the events that are remembered and come after an ID, all of them when it is empty, and then those that
	// happen. What is remembered is in the channel when it is returned, so that one who does not want to follow stops where there is nothing
	// to be received. It is closed when ctx is done, when the manager ends, or when the reader is too slow.
	Events(ctx context.Context, after string) <-chan api.Event
	// Logs sends the last lines of modules, of all of them when there are none, and then those that they write. The channel is as that of
	// Events: what is remembered is in it, and it is closed for the same reasons.
	Logs(ctx context.Context, modules []string, last int) <-chan api.LogLine
	// Stats asks the spawner for its counters. An error says that it did not answer, or is that of ctx.
	Stats(ctx context.Context) (wire.Stats, error)
}
