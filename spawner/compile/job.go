package compile

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/spawner/launch"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// ErrCancelled is a compilation whose owner did not wait for its end.
var ErrCancelled = errors.New("the compilation was cancelled")

// Job is a compilation that goes on while its owner does something else. It has a process, which [Job.Finish] gives back.
type Job struct {
	kernel  Parent
	process launch.Process
	timer   *time.Timer

	ended func()

	mu      sync.Mutex // guards what follows
	settled bool       // there is a result, or nobody wants one any more
	plan    wire.Plan
	record  Record
	err     error
}

// Begin is [RunRecorded] without the wait: it launches the process, on the thread that the launcher belongs to, and returns. ended is
// called once, by another goroutine, when there is a result or [Timeout] has passed. The caller calls [Job.Finish], then or before.
func Begin(k Parent, l *launch.Launcher, req Request, ended func()) (*Job, error) {
	return tool{executable, Timeout}.begin(k, l, req, ended)
}

func (t tool) begin(k Parent, l *launch.Launcher, req Request, done func()) (*Job, error) {
	ours, theirs, err := k.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make a socket pair for the confined process: %w", err)
	}
	j := &Job{kernel: k, ended: done, err: ErrCancelled}
	j.process, err = t.start(k, l, req.Facts, Role, theirs)
	if err = errors.Join(err, k.Close(theirs)); err != nil {
		return nil, errors.Join(err, k.Close(ours))
	}
	var at atomic.Pointer[string]
	j.timer = time.AfterFunc(t.timeout, func() { j.settle(wire.Plan{}, Record{}, t.stuck(&at)) })
	// It ends at the latest when the process does, unless the file system that it looks at hangs.
	go func() {
		plan, record, err := compiled(channel{k, ours}, lookup{k, req.Include, &at}, EncodeRequest(req))
		j.settle(plan, record, errors.Join(err, k.Close(ours)))
	}()
	return j, nil
}

// settle takes the first result.
func (j *Job) settle(plan wire.Plan, record Record, err error) {
	j.mu.Lock()
	first := !j.settled
	if first {
		j.settled, j.plan, j.record, j.err = true, plan, record, err
	}
	j.mu.Unlock()
	if first {
		j.ended()
	}
}

// Finish ends and reaps the process, for which it never waits long, and returns the result: [ErrCancelled] when there is none yet, and then
// there will be none. It is called once.
func (j *Job) Finish() (wire.Plan, Record, error) {
	j.timer.Stop()
	j.mu.Lock()
	j.settled = true
	plan, record, err := j.plan, j.record, j.err
	j.mu.Unlock()
	status, finishErr := finish(j.kernel, j.process)
	if errors.Is(err, ErrCancelled) {
		return wire.Plan{}, Record{}, errors.Join(err, finishErr)
	}
	if err != nil {
		return wire.Plan{}, Record{}, errors.Join(fmt.Errorf("compile the policy: %w%s", err, status), finishErr)
	}
	return plan, record, finishErr
}
