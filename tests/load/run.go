package load

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Run asks until the count or the time is over or ctx ends, waits for the answers to what was asked, and returns what became of it. The error
// is about the options only; failures are counted in the result. Nothing of it runs any more when it returns.
func Run(ctx context.Context, o Options) (*Result, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	start := time.Now() // before the deadline is reckoned, so that no run is shorter than it was to be
	if o.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.For)
		defer cancel()
	}
	var asked atomic.Int64
	more := func() bool { return ctx.Err() == nil && (o.Count == 0 || asked.Add(1) <= o.Count) }

	workers := make([]*worker, o.Workers)
	var group sync.WaitGroup
	for i := range workers {
		w := newWorker(o, i)
		workers[i] = w
		group.Go(func() {
			defer w.hangUp()
			for more() {
				if !w.ask() {
					pause(ctx, o.Pause)
				}
			}
		})
	}
	group.Wait()
	all := newResult()
	for _, w := range workers {
		all.merge(w.result)
	}
	all.Elapsed = time.Since(start)
	return all, nil
}

// Start runs it in the background. The function that it returns ends it and returns what Run does; it must be called, and may be called again.
func Start(ctx context.Context, o Options) func() (*Result, error) {
	ctx, cancel := context.WithCancel(ctx)
	var result *Result
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		result, err = Run(ctx, o)
	}()
	return func() (*Result, error) {
		cancel()
		<-done
		return result, err
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
