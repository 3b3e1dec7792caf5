package conformance

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

func clockCases() []Case {
	return []Case{
		{Op: posix.OpClockGettime, Name: "no such clock", Run: func(t *T) {
			for _, clock := range []int{10, 12, 1 << 20} {
				_, err := t.Core.ClockGettime(clock)
				t.Errno("clock_gettime", err, unix.EINVAL)
			}
		}},
		{Op: posix.OpClockGettime, Name: "clocks that there are", Run: func(t *T) {
			for _, clock := range []int{unix.CLOCK_REALTIME, unix.CLOCK_MONOTONIC, unix.CLOCK_BOOTTIME, unix.CLOCK_MONOTONIC_RAW, unix.CLOCK_REALTIME_COARSE,
				unix.CLOCK_MONOTONIC_COARSE, unix.CLOCK_PROCESS_CPUTIME_ID, unix.CLOCK_THREAD_CPUTIME_ID, unix.CLOCK_TAI} {
				at, err := t.Core.ClockGettime(clock)
				t.Errno("clock_gettime", err, 0)
				t.Equal("nanoseconds are less than a second", at.Nsec >= 0 && at.Nsec < 1e9, true)
			}
		}},
		{Op: posix.OpClockGettime, Name: "sleeping takes time", Run: func(t *T) {
			before, _ := t.Core.ClockGettime(unix.CLOCK_MONOTONIC)
			t.Must("clock_nanosleep", t.Core.ClockNanosleep(unix.CLOCK_MONOTONIC, 0, posix.Timespec{Nsec: 2e6}, nil))
			after, _ := t.Core.ClockGettime(unix.CLOCK_MONOTONIC)
			t.Equal("it is later", (after.Sec-before.Sec)*1e9+after.Nsec-before.Nsec >= 2e6, true)
		}},
		{Op: posix.OpClockNanosleep, Name: "no valid time", Run: func(t *T) {
			for _, at := range []posix.Timespec{{Sec: -1}, {Nsec: -1}, {Nsec: 1e9}} {
				t.Errno("clock_nanosleep", t.Core.ClockNanosleep(unix.CLOCK_MONOTONIC, 0, at, nil), unix.EINVAL)
			}
		}},
		{Op: posix.OpClockNanosleep, Name: "clocks that cannot be slept on", Run: func(t *T) {
			for _, clock := range []int{unix.CLOCK_MONOTONIC_RAW, unix.CLOCK_REALTIME_COARSE, unix.CLOCK_MONOTONIC_COARSE} {
				t.Errno("clock_nanosleep", t.Core.ClockNanosleep(clock, 0, posix.Timespec{Nsec: -1}, nil), unix.EOPNOTSUPP)
			}
			t.Errno("clock_nanosleep", t.Core.ClockNanosleep(10, 0, posix.Timespec{}, nil), unix.EINVAL)
		}},
		{Op: posix.OpClockNanosleep, Name: "a time that has passed", Run: func(t *T) {
			for _, clock := range []int{unix.CLOCK_MONOTONIC, unix.CLOCK_REALTIME, unix.CLOCK_BOOTTIME} {
				t.Errno("clock_nanosleep", t.Core.ClockNanosleep(clock, unix.TIMER_ABSTIME, posix.Timespec{}, nil), 0)
			}
			left := posix.Timespec{Sec: 7}
			t.Errno("clock_nanosleep", t.Core.ClockNanosleep(unix.CLOCK_MONOTONIC, 0, posix.Timespec{Nsec: 1}, &left), 0)
			t.Equal("nothing is said of what is left", left, posix.Timespec{Sec: 7})
		}},
	}
}
