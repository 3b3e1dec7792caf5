package systemd

import (
	"math"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// timeUnits are those of systemd.time(7), longest names first where one begins with another.
var timeUnits = [...]struct {
	names string
	unit  time.Duration
}{
	{"seconds second sec s", time.Second}, {"minutes minute min m", time.Minute}, {"msec ms", time.Millisecond},
	{"usec us µs", time.Microsecond}, {"nsec ns", time.Nanosecond}, {"hours hour hr h", time.Hour}, {"days day d", 24 * time.Hour},
	{"weeks week w", 7 * 24 * time.Hour},
}

// span reads a time such as "5min 20s"; a number without a unit has the unit of the directive. infinite tells whether there is none.
func duration(s string, preset time.Duration) (d time.Duration, infinite, ok bool) {
	s = strings.TrimSpace(s)
	if s == "infinity" {
		return 0, true, true
	}
	total := 0.0
	for s != "" {
		n := 0
		for n < len(s) && (s[n] >= '0' && s[n] <= '9' || s[n] == '.') {
			n++
		}
		number, err := strconv.ParseFloat(s[:n], 64)
		if err != nil {
			return 0, false, false
		}
		s = strings.TrimLeft(s[n:], " \t")
		m := 0
		for m < len(s) && (s[m] < '0' || s[m] > '9') && s[m] != ' ' {
			m++
		}
		unit := preset
		if m > 0 {
			if unit, ok = timeUnit(s[:m]); !ok {
				return 0, false, false
			}
		}
		s = strings.TrimLeft(s[m:], " \t")
		total += number * float64(unit)
		if total > float64(math.MaxInt64/2) {
			return 0, false, false
		}
		ok = true
	}
	return time.Duration(total), false, ok
}

func timeUnit(name string) (time.Duration, bool) {
	for _, u := range timeUnits {
		for _, n := range strings.Fields(u.names) {
			if n == name {
				return u.unit, true
			}
		}
	}
	return 0, false
}

// size reads bytes with a suffix to the base of 1024.
func size(s string) (v uint64, ok bool) {
	shift := 0
	if s != "" {
		if i := strings.IndexByte("BKMGTPE", s[len(s)-1]); i >= 0 {
			shift, s = 10*i, s[:len(s)-1]
		}
	}
	number, err := strconv.ParseUint(strings.TrimSpace(s), 10, 64)
	if err != nil || bits.Len64(number)+shift > 63 {
		return 0, false
	}
	return number << shift, true
}

// text writes a duration as a policy has it: whole units, no fractions below a millisecond.
func durationText(d time.Duration) string {
	switch {
	case d%time.Hour == 0 && d > 0:
		return strconv.FormatInt(int64(d/time.Hour), 10) + "h"
	case d%time.Minute == 0 && d > 0:
		return strconv.FormatInt(int64(d/time.Minute), 10) + "m"
	case d%time.Second == 0:
		return strconv.FormatInt(int64(d/time.Second), 10) + "s"
	case d%time.Millisecond == 0:
		return strconv.FormatInt(int64(d/time.Millisecond), 10) + "ms"
	}
	return d.String()
}
