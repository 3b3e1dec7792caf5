package logs

import (
	"io"
	"sync"
)

// queueBytes is how much waits in a queue.
const queueBytes = 256 << 10

// Queue writes what it is given later, from a goroutine of its own, so that nobody waits for a reader that does not read. When too much
// waits, what comes is dropped, and a line says how much that was. It is for the supervisor's own messages, a line in each Write.
type Queue struct {
	to   io.Writer
	note func(dropped int) []byte

	mu      sync.Mutex // guards what follows
	waiting []byte
	dropped int
	closed  bool
	changed sync.Cond
	done    chan struct{}
}

// NewQueue starts a queue in front of a writer. note makes the line that says that something was dropped. Its owner closes it.
func NewQueue(to io.Writer, note func(dropped int) []byte) *Queue {
	q := &Queue{to: to, note: note, done: make(chan struct{})}
	q.changed.L = &q.mu
	go q.run()
	return q
}

// Write takes a copy of p, or drops it. It never blocks and has no error.
func (q *Queue) Write(p []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || len(q.waiting)+len(p) > queueBytes {
		q.dropped++
		return len(p), nil
	}
	if q.dropped > 0 {
		q.waiting = append(q.waiting, q.note(q.dropped)...)
		q.dropped = 0
	}
	q.waiting = append(q.waiting, p...)
	q.changed.Signal()
	return len(p), nil
}

func (q *Queue) run() {
	defer close(q.done)
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		for len(q.waiting) == 0 {
			if q.closed {
				return
			}
			q.changed.Wait()
		}
		data := q.waiting
		q.waiting = nil
		q.mu.Unlock()
		_, _ = q.to.Write(data) // a sink counts what is lost
		q.mu.Lock()
	}
}

// Close writes what waits. The channel is closed when that is done, which takes as long as the reader wants.
func (q *Queue) Close() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.changed.Signal()
	return q.done
}
