package event

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

// Trace is a W3C trace context: what belongs together, and which part of it. The zero value is none.
// Source: https://www.w3.org/TR/trace-context/, version 00.
type Trace struct {
	ID      [16]byte
	Span    [8]byte
	Sampled bool
}

// ErrTrace is the error of a text that is not a traceparent.
var ErrTrace = errors.New("not a traceparent")

// NewTrace returns a trace of its own. An error of random is a panic.
func NewTrace(random io.Reader) Trace {
	t := Trace{Sampled: true}
	for t.ID == [16]byte{} {
		fill(random, t.ID[:])
	}
	return t.Child(random)
}

// Child returns another part of the same trace.
func (t Trace) Child(random io.Reader) Trace {
	t.Span = [8]byte{}
	for t.Span == [8]byte{} {
		fill(random, t.Span[:])
	}
	return t
}

func fill(random io.Reader, p []byte) {
	if _, err := io.ReadFull(random, p); err != nil {
		panic(fmt.Sprintf("event: random bytes for a trace: %v", err))
	}
}

// String returns the traceparent, such as "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"; empty for none.
func (t Trace) String() string {
	if t.ID == [16]byte{} {
		return ""
	}
	flags := "00"
	if t.Sampled {
		flags = "01"
	}
	return "00-" + hex.EncodeToString(t.ID[:]) + "-" + hex.EncodeToString(t.Span[:]) + "-" + flags
}

// ParseTrace reads a traceparent. One of a later version is read as far as version 00 goes, as the standard wants it.
func ParseTrace(s string) (Trace, error) {
	var t Trace
	if len(s) < 55 || s[2] != '-' || s[35] != '-' || s[52] != '-' {
		return t, ErrTrace
	}
	var version, flags [1]byte
	for _, part := range []struct {
		to   []byte
		text string
	}{{version[:], s[:2]}, {t.ID[:], s[3:35]}, {t.Span[:], s[36:52]}, {flags[:], s[53:55]}} {
		for _, c := range part.text {
			if c >= 'A' && c <= 'F' {
				return Trace{}, ErrTrace
			}
		}
		if _, err := hex.Decode(part.to, []byte(part.text)); err != nil {
			return Trace{}, ErrTrace
		}
	}
	switch {
	case version[0] == 0xff, version[0] == 0 && len(s) != 55, len(s) > 55 && s[55] != '-',
		t.ID == [16]byte{}, t.Span == [8]byte{}:
		return Trace{}, ErrTrace
	}
	t.Sampled = flags[0]&1 != 0
	return t, nil
}
