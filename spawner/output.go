package spawner

import (
	"bytes"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Stream is the number of a standard stream: 1 is the output, 2 the error output.
type Stream int

// LineWriter takes the lines of modules. The line has no line end, and is only valid during the call.
type LineWriter interface {
	WriteLine(module string, instance int, stream Stream, line []byte) error
}

// maxLine is where a line that does not end is broken.
const maxLine = 16 << 10

// output is the reading end of a pipe that an instance writes to. It owns the descriptor.
type output struct {
	files    posix.Files
	fd       posix.FD // -1 when closed
	stream   Stream
	module   string
	instance int
	to       LineWriter
	buf      []byte // the beginning of a line that has not ended
	chunk    []byte
	taken    uint64 // bytes read so far
}

func newOutput(files posix.Files, fd posix.FD, stream Stream, module string, instance int, to LineWriter) *output {
	return &output{files: files, fd: fd, stream: stream, module: module, instance: instance, to: to, chunk: make([]byte, 32<<10)}
}

// read passes on the lines that are in the pipe now. done means that nobody can write to it any more.
func (o *output) read() (done bool, err error) {
	// A module that writes without end must not keep the loop from the others.
	for range 8 {
		n, err := o.files.Read(o.fd, o.chunk)
		switch {
		case errors.Is(err, posix.Errno(unix.EAGAIN)):
			return false, nil
		case err != nil:
			return false, fmt.Errorf("read the output of %s: %w", o.module, err)
		case n == 0:
			return true, nil
		}
		o.taken += uint64(n)
		if err := o.take(o.chunk[:n]); err != nil {
			return false, err
		}
	}
	return false, nil
}

// drain passes on all that is left in the pipe of an instance that has ended.
func (o *output) drain() error {
	for {
		before := o.taken
		done, err := o.read()
		if err != nil || done || o.taken == before {
			return err
		}
	}
}

// take splits data into lines.
func (o *output) take(data []byte) error {
	for len(data) > 0 {
		line, rest, ended := bytes.Cut(data, []byte("\n"))
		room := maxLine - len(o.buf)
		broken := len(line) > room
		if broken {
			line, rest = data[:room], data[room:]
		}
		data = rest
		if !ended && !broken {
			o.buf = append(o.buf, line...)
			return nil
		}
		if len(o.buf) > 0 {
			line = append(o.buf, line...)
			o.buf = o.buf[:0]
		}
		if !broken {
			line = bytes.TrimSuffix(line, []byte("\r"))
		}
		if err := o.to.WriteLine(o.module, o.instance, o.stream, line); err != nil {
			return err
		}
	}
	return nil
}

// close passes on a last line that did not end, and closes the pipe.
func (o *output) close() error {
	var err error
	if len(o.buf) > 0 {
		err = o.to.WriteLine(o.module, o.instance, o.stream, o.buf)
		o.buf = nil
	}
	err = errors.Join(err, o.files.Close(o.fd))
	o.fd = -1
	return err
}
