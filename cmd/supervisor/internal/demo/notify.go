package demo

import (
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync/atomic"
	"time"
)

// notifier tells the supervisor how this process is doing: sd_notify(3).
type notifier struct {
	conn     net.Conn
	interval time.Duration // between signs of life; 0 when none are wanted
	silent   atomic.Bool   // it hangs, so it says nothing
}

// newNotifier reads WATCHDOG_USEC and WATCHDOG_PID: sd_watchdog_enabled(3).
func newNotifier(conn net.Conn, getenv func(string) string, pid int) (*notifier, error) {
	n := &notifier{conn: conn}
	usec := getenv("WATCHDOG_USEC")
	if p := getenv("WATCHDOG_PID"); usec == "" || p != "" && p != strconv.Itoa(pid) {
		return n, nil
	}
	v, err := strconv.ParseInt(usec, 10, 64)
	if err != nil || v <= 0 || v > int64(time.Hour/time.Microsecond) {
		return nil, fmt.Errorf("WATCHDOG_USEC is %q; it must be a number of microseconds, at most an hour", usec)
	}
	n.interval = time.Duration(v) * time.Microsecond / 2
	return n, nil
}

// say sends a message. That nobody hears it is no reason to stop serving.
func (n *notifier) say(message string) {
	if n != nil && !n.silent.Load() {
		_, _ = io.WriteString(n.conn, message)
	}
}

// run sends signs of life until ctx ends.
func (n *notifier) run(ctx context.Context) {
	if n == nil || n.interval == 0 {
		return
	}
	tick := time.NewTicker(n.interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			n.say("WATCHDOG=1")
		}
	}
}

// hush makes it silent.
func (n *notifier) hush() {
	if n != nil {
		n.silent.Store(true)
	}
}
