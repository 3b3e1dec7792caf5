package logs

import (
	"bytes"
	"errors"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Output is what a sink needs of the system.
type Output interface {
	posix.Files
	posix.Polling
}

// Sink writes lines to a descriptor, which it does not own. What cannot be written is dropped and counted. It is safe for concurrent use.
type Sink struct {
	kernel Output
	fd     posix.FD
	report func(Loss)

	mu   sync.Mutex // guards what follows, and is held while it writes
	torn bool       // what was written last may have no end of line
	lost uint64     // lines, since it went wrong; not 0 when failing
	err  error      // of the last write, nil when it went well
}

// Loss is what became of lines that could not be written.
type Loss struct {
	Err   error  // why; nil when the log can be written again
	Lines uint64 // how many were lost, when it can be written again
}

// NewSink returns a sink. torn tells that the descriptor may have been left in the middle of a line by somebody else. report is called when
// the log cannot be written any more, and when it can again; it must not write to the sink.
func NewSink(k Output, fd posix.FD, torn bool, report func(Loss)) *Sink {
	return &Sink{kernel: k, fd: fd, torn: torn, report: report}
}

// Write writes complete lines. It blocks as long as the reader wants it to. The error says that some were lost, which was reported.
func (s *Sink) Write(lines []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	data := lines
	if s.torn {
		data = append([]byte("\n"), lines...)
	}
	written, err := s.write(data)
	if written > 0 {
		s.torn = data[written-1] != '\n'
	}
	if err != nil {
		first := s.err == nil
		s.err = err
		s.lost += uint64(bytes.Count(data[written:], []byte("\n")))
		if first {
			s.report(Loss{Err: err})
		}
		return 0, err
	}
	if s.err != nil {
		s.report(Loss{Lines: s.lost})
		s.err, s.lost = nil, 0
	}
	return len(lines), nil
}

// write writes all of data, or as much as can be.
func (s *Sink) write(data []byte) (n int, err error) {
	for n < len(data) {
		m, err := s.kernel.Write(s.fd, data[n:])
		switch {
		case errors.Is(err, posix.Errno(unix.EAGAIN)):
			// Whoever shares the description has made it non-blocking.
			_, err := s.kernel.Ppoll([]posix.PollFD{{FD: s.fd, Events: unix.POLLOUT}}, nil)
			if err != nil && !errors.Is(err, posix.Errno(unix.EINTR)) {
				return n, err
			}
		case err != nil:
			return n, err
		default:
			n += m
		}
	}
	return n, nil
}
