package control

import (
	"testing"
	"time"
)

func TestLimiter(t *testing.T) {
	var l limiter
	start := time.Unix(1000, 0)
	for _, c := range []struct {
		after  time.Duration
		missed int
		ok     bool
	}{
		{0, 0, true}, {1, 0, false}, {time.Second - 1, 0, false}, {time.Second, 2, true}, {time.Second + 1, 0, false},
		{3 * time.Second, 1, true}, {5 * time.Second, 0, true},
	} {
		if missed, ok := l.allow(start.Add(c.after)); missed != c.missed || ok != c.ok {
			t.Errorf("after %v: %d, %v; want %d, %v", c.after, missed, ok, c.missed, c.ok)
		}
	}
}
