package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/invoke"
	"github.com/bulkhead/bulkhead/core/logs"
	"github.com/bulkhead/bulkhead/posix"
)

// patience is how long the spawner waits for a reader of its output that does not read, such as a pager or a stopped terminal. Nobody but the
// spawner can stop the modules, so it must not wait for ever.
const patience = 200 * time.Millisecond

// piece is how much a pipe takes at once that has room for anything, in bytes. Source: pipe(7), PIPE_BUF.
const piece = 4096

var errNotRead = errors.New("nobody reads it")

// patient is a system whose writes take [patience] at most. Once a reader did not read it is not waited for again, until it does. It
// belongs to one [logs.Sink].
type patient struct {
	logs.Output
	stuck bool
}

// Write implements [posix.Files].
func (p *patient) Write(fd posix.FD, data []byte) (int, error) {
	begun := time.Now()
	for {
		left := max(patience-time.Since(begun), 0)
		if p.stuck {
			left = 0
		}
		n, err := p.Output.Ppoll([]posix.PollFD{{FD: fd, Events: unix.POLLOUT}}, &posix.Timespec{Nsec: int64(left)})
		switch {
		case errors.Is(err, posix.Errno(unix.EINTR)):
		case err != nil:
			return -1, err
		case n == 0:
			p.stuck = true
			return -1, errNotRead
		default:
			p.stuck = false
			return p.Output.Write(fd, data[:min(len(data), piece)])
		}
	}
}

// patientLog is where the spawner's own lines go. Those that nobody takes are dropped, and a line says how many once they are taken again.
type patientLog struct {
	sink *logs.Sink
	lost atomic.Uint64
	note slog.Handler
}

// newPatientLog makes one in a format of [newLogger]. It does not own the descriptor.
func newPatientLog(k logs.Output, fd posix.FD, format string, dates bool) (io.Writer, error) {
	l := &patientLog{}
	l.sink = logs.NewSink(&patient{Output: k}, fd, false, func(loss logs.Loss) { l.lost.Add(loss.Lines) })
	note, err := invoke.NewLogger(l.sink, format, "info", dates)
	if err != nil {
		return nil, err
	}
	l.note = note.Handler()
	return l, nil
}

// Write implements [io.Writer].
func (l *patientLog) Write(line []byte) (int, error) {
	n, err := l.sink.Write(line)
	if lost := l.lost.Swap(0); lost > 0 {
		r := slog.NewRecord(time.Now(), slog.LevelWarn, "messages were left out because the log was not being read", 0)
		r.AddAttrs(slog.Uint64("messages", lost))
		if err := l.note.Handle(context.Background(), r); err != nil {
			l.lost.Add(lost) // next time
		}
	}
	return n, err
}
