package kernel

import (
	"math"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// ClockGettime implements [posix.Clock]. Nothing that runs takes time, so the clocks of processor time stand at 0.
func (p *Process) ClockGettime(clock int) (posix.Timespec, error) {
	c, errno := p.enter(posix.OpClockGettime, uint64(clock), somewhere)
	var t posix.Timespec
	if errno == 0 {
		t, errno = p.k.clock(clock)
	}
	return t, c.leave(errno)
}

// clock reads a clock. Source: clock_gettime(2).
func (k *Kernel) clock(clock int) (posix.Timespec, posix.Errno) {
	switch clock {
	case unix.CLOCK_REALTIME, unix.CLOCK_REALTIME_COARSE, unix.CLOCK_TAI:
		return k.timestamp(), 0
	case unix.CLOCK_MONOTONIC, unix.CLOCK_MONOTONIC_COARSE, unix.CLOCK_MONOTONIC_RAW, unix.CLOCK_BOOTTIME:
		return posix.Timespec{Sec: int64(k.now / time.Second), Nsec: int64(k.now % time.Second)}, 0
	case unix.CLOCK_PROCESS_CPUTIME_ID, unix.CLOCK_THREAD_CPUTIME_ID:
		return posix.Timespec{}, 0
	}
	return posix.Timespec{}, einval
}

// ClockNanosleep implements [posix.Clock].
func (p *Process) ClockNanosleep(clock int, flags int, request posix.Timespec, remain *posix.Timespec) error {
	c, errno := p.enter(posix.OpClockNanosleep, uint64(clock), uint64(flags), somewhere, pointer(remain != nil))
	if errno == 0 {
		errno = p.nanosleep(clock, flags, request, remain)
	}
	return c.leave(errno)
}

func (p *Process) nanosleep(clock, flags int, request posix.Timespec, remain *posix.Timespec) posix.Errno {
	k := p.k
	base := time.Duration(0) // what an absolute time is counted from, on the monotonic clock
	switch clock {
	case unix.CLOCK_REALTIME, unix.CLOCK_TAI:
		base = -time.Duration(k.config.Boot.UnixNano())
	case unix.CLOCK_MONOTONIC, unix.CLOCK_BOOTTIME:
	case unix.CLOCK_PROCESS_CPUTIME_ID:
		base = math.MinInt64 // stands still: never
	case unix.CLOCK_MONOTONIC_RAW, unix.CLOCK_REALTIME_COARSE, unix.CLOCK_MONOTONIC_COARSE, unix.CLOCK_THREAD_CPUTIME_ID:
		return eopnotsupp
	default:
		return einval
	}
	if request.Sec < 0 || request.Nsec < 0 || request.Nsec >= int64(time.Second) {
		return einval
	}
	d := duration(request)
	relative := flags&unix.TIMER_ABSTIME == 0
	until := later(k.now, d)
	switch {
	case base == math.MinInt64:
		if until = never; d == 0 {
			return 0
		}
	case !relative:
		until = max(d+base, 0)
	}
	for k.wait(p, "clock_nanosleep", until, func() bool { return false }) == interrupted {
		p.calls--
		ran := p.sig.handled
		p.attend()
		p.calls++
		if p.dying() || p.sig.handled != ran {
			if relative && remain != nil && until != never {
				*remain = timespec(max(until-k.now, 0))
			}
			return eintr
		}
	}
	return 0
}
