package control

import (
	"sync"
	"time"
)

// limiter lets something be said once a second, and counts how often it was not.
type limiter struct {
	mu     sync.Mutex // guards what follows
	last   time.Time
	missed int
}

// allow tells whether it may be said now, and how many were missed since the last time.
func (l *limiter) allow(now time.Time) (missed int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.last.IsZero() && now.Sub(l.last) < time.Second {
		l.missed++
		return 0, false
	}
	missed, l.missed, l.last = l.missed, 0, now
	return missed, true
}
