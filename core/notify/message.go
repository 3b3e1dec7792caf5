package notify

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Bounds of a message.
const (
	// MaxDatagram is the length of the longest datagram, in bytes.
	MaxDatagram = 4096
	// maxStatus is how much of a status is kept, in bytes.
	maxStatus = 512
	// maxWatchdog is the longest watchdog interval.
	maxWatchdog = 24 * time.Hour
)

// Message is what a datagram says. Source: sd_notify(3).
type Message struct {
	Ready     bool
	Stopping  bool
	Reloading bool
	Watchdog  bool
	Status    *string       // printable, and at most 512 bytes; nil when there is none
	Errno     int           // 0 when there is none
	WatchdogT time.Duration // WATCHDOG_USEC=; 0 when there is none
	MainPID   bool          // there was a MAINPID=
}

// ErrMalformed is the error of a datagram that is not one of sd_notify(3).
var ErrMalformed = errors.New("malformed message")

// Parse reads a datagram: assignments, one on each line. Unknown ones are skipped; one that is known and has an impossible value makes all of it
// malformed.
func Parse(datagram []byte) (Message, error) {
	var m Message
	if len(datagram) > MaxDatagram {
		return m, fmt.Errorf("%w: longer than %d bytes", ErrMalformed, MaxDatagram)
	}
	if bytes.IndexByte(datagram, 0) >= 0 {
		return m, fmt.Errorf("%w: it has a zero byte", ErrMalformed)
	}
	for line := range strings.Lines(string(datagram)) {
		name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		if !ok {
			if name == "" {
				continue
			}
			return m, fmt.Errorf("%w: a line without \"=\"", ErrMalformed)
		}
		if err := m.set(name, value); err != nil {
			return m, err
		}
	}
	return m, nil
}

func (m *Message) set(name, value string) error {
	switch name {
	case "READY":
		m.Ready = m.Ready || value == "1"
	case "STOPPING":
		m.Stopping = m.Stopping || value == "1"
	case "RELOADING":
		m.Reloading = m.Reloading || value == "1"
	case "WATCHDOG":
		m.Watchdog = m.Watchdog || value == "1"
	case "STATUS":
		s := printable(value)
		m.Status = &s
	case "MAINPID":
		m.MainPID = true
	case "ERRNO":
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 || n > 4095 {
			return fmt.Errorf("%w: ERRNO=%.20q", ErrMalformed, value)
		}
		m.Errno = n
	case "WATCHDOG_USEC":
		n, err := strconv.ParseUint(value, 10, 64)
		if err != nil || n == 0 || n > uint64(maxWatchdog/time.Microsecond) {
			return fmt.Errorf("%w: WATCHDOG_USEC=%.20q; it is from 1 to a day", ErrMalformed, value)
		}
		m.WatchdogT = time.Duration(n) * time.Microsecond
	}
	return nil
}

// printable is a text that can be shown in a terminal: what cannot be printed is replaced, and it is not too long.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '\ufffd'
		}
		return r
	}, s)
	if len(s) <= maxStatus {
		return s
	}
	cut := maxStatus - len("…")
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
