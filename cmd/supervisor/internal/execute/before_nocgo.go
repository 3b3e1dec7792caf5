//go:build !cgo

package execute

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// exact gives the calling thread the slack of its timers back, which processes that it makes inherit: that with which the process was made, as
// entry.c has made sure. Where nothing was changed this changes nothing. Source: PR_SET_TIMERSLACK(2const).
func exact(k posix.Hardening) error {
	if _, err := k.Prctl(posix.PrctlArgs{Op: unix.PR_SET_TIMERSLACK}); err != nil {
		return fmt.Errorf("set the slack of timers back: %w", err)
	}
	return nil
}
