package policy

import (
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	lastSignal    = 64
	firstRealTime = 34 // what the C library leaves: signal(7)
)

// freezing are the signals that stop a process instead of ending it, see signal(7). The spawner sends none of them.
var freezing = [...]syscall.Signal{unix.SIGSTOP, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU}

// stopSignal reads the signal that asks a module to end.
func (d *decoder) stopSignal(n *node) Value[int] {
	s, ok := d.word(n, "a signal such as SIGTERM")
	if !ok {
		return Value[int]{}
	}
	number := signalNumber(s)
	switch {
	case number == 0 && digits(s):
		d.report(codeRange, n.span, "signal %s is not from 1 to %d", s, lastSignal)
	case number == 0:
		d.report(codeUnknownSignal, n.span, "unknown signal %q", s).hint(didYouMean(nearestSignal(s)))
	case slices.Contains(freezing[:], syscall.Signal(number)):
		d.report(codeRange, n.span, "%s ends nothing", unix.SignalName(syscall.Signal(number))).help("write SIGTERM, or what the program documents")
	default:
		return Value[int]{number, n.pos}
	}
	return Value[int]{}
}

// signalNumber knows SIGTERM, TERM, 15, SIGRTMIN+3 and RTMAX-1; of everything else it returns 0.
func signalNumber(s string) int {
	if digits(s) {
		v, err := strconv.Atoi(s)
		if err != nil || v > lastSignal {
			return 0
		}
		return v
	}
	name := strings.TrimPrefix(s, "SIG")
	if rest, ok := strings.CutPrefix(name, "RTMIN"); ok {
		return realTime(rest, "+", firstRealTime, 1)
	}
	if rest, ok := strings.CutPrefix(name, "RTMAX"); ok {
		return realTime(rest, "-", lastSignal, -1)
	}
	return int(unix.SignalNum("SIG" + name))
}

func realTime(offset, sign string, from, direction int) int {
	if offset == "" {
		return from
	}
	number, ok := strings.CutPrefix(offset, sign)
	v, err := strconv.Atoi(number)
	if !ok || err != nil || !digits(number) || v > lastSignal-firstRealTime {
		return 0
	}
	return from + direction*v
}

func nearestSignal(s string) string {
	upper := strings.ToUpper(s)
	if number := signalNumber(upper); number > 0 {
		return upper
	}
	return nearest(upper, func(yield func(string) bool) {
		for i := 1; i < firstRealTime; i++ {
			name := unix.SignalName(syscall.Signal(i))
			if name == "" {
				continue
			}
			if !yield(name) || !yield(strings.TrimPrefix(name, "SIG")) {
				return
			}
		}
	})
}

// signalNames returns the names of the signals that a module can be asked to end with, in order of their numbers.
func signalNames() []string {
	var names []string
	for i := 1; i < firstRealTime; i++ {
		if name := unix.SignalName(syscall.Signal(i)); name != "" && !slices.Contains(freezing[:], syscall.Signal(i)) {
			names = append(names, name)
		}
	}
	return names
}
