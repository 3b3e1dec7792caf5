package load

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"strconv"
	"syscall"
)

// Kind is one way in which a request fails.
type Kind int

// The kinds of failures.
const (
	Refused   Kind = iota // nobody listens: ECONNREFUSED, or no such path of a unix socket
	Reset                 // the connection was reset or shut while a request was sent or an answer awaited: ECONNRESET, EPIPE
	EOF                   // the connection was closed before a byte of the answer
	Truncated             // it was closed within the answer, between two lines of its head or in its body
	Timeout               // no answer in time, connecting included
	Status                // the answer is not 200
	Body                  // the answer is not the body that was sent
	Malformed             // the answer is not HTTP, which is how a head looks, too, that was cut off within a line
	Other                 // no local port, no descriptor, no room in the queue of a unix socket and the like

	kinds
)

var kindNames = [kinds]string{"refused", "reset", "eof", "truncated", "timeout", "status", "body", "malformed", "other"}

// String returns the name, which is also the one in JSON.
func (k Kind) String() string {
	if k < 0 || k >= kinds {
		return "kind " + strconv.Itoa(int(k))
	}
	return kindNames[k]
}

// MarshalText returns the name.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// failure is an error with its kind.
type failure struct {
	kind Kind
	err  error
}

func (f *failure) Error() string { return f.kind.String() + ": " + f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// classify returns the kind of an error of the network. answered tells whether a byte of the answer had come.
func classify(err error, answered bool) Kind {
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.EAGAIN): // a unix socket's queue is full; Go would call it a timeout
		return Other
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return Timeout
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
		return Refused
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return Reset
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		if answered {
			return Truncated
		}
		return EOF
	}
	return Other
}
