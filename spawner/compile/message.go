package compile

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/spawner/source"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// Source is the text of a policy file.
type Source struct {
	Name string // as it is shown in messages
	Dir  string // absolute; relative paths start there
	Text []byte
}

// Request is what shall be compiled.
type Request struct {
	Sources   []Source
	Variables map[string]string
	Facts     host.Facts
	// Module compiles this one only; empty means all.
	Module string
	// Exec compiles a single module to be run in the foreground with the following instead of its own command.
	Exec        bool
	Command     []string
	Environment []string
	Terminal    bool
	// Descriptors are further descriptors that the command inherits, by their numbers there.
	Descriptors []int
	// Override is what the command line says about the module, as [policy.Override] has it; empty is nothing.
	Override []byte
	// Trial compiles for calls that are made in the place of the command: see sandbox.Request.
	Trial bool
	// CheckOnly stops after the policies themselves: nothing is asked about the host.
	CheckOnly bool
	// Include opens a file that a policy includes, by its absolute path, and holds it to the rule of trust. It is not sent, and is called
	// by another goroutine. Nil refuses every file.
	Include func(path string) (source.File, error)
}

// Kinds of questions.
const (
	askFile    = 'f'
	askHead    = 'h' // a file with how it begins
	askUser    = 'u'
	askGroup   = 'g'
	askInclude = 'p' // a policy that is included
	askDisk    = 'd'
	askWeights = 'w' // how disks are shared by the hierarchy that is mounted at Name
)

// question is what the compile process asks of the spawner.
type question struct {
	Kind byte
	Name string
}

// answer is what the spawner says.
type answer struct {
	Error string
	Help  string // what to do about the error
	Found bool
	File  sandbox.File
	Head  []byte
	User  sandbox.User
	GID   posix.GID
	Text  []byte // of an included file
	Dir   string // of an included file
	Disk  host.Disk
	// Weighing is how disks are shared.
	Weighing host.Weighing
}

// Kinds of frames from the compile process.
const (
	frameQuestion = 'q'
	framePlan     = 'p'
)

// channel is a stream of frames: a kind, a length, the bytes.
type channel struct {
	files posix.Files
	fd    posix.FD
}

func (c channel) send(kind byte, body []byte) error {
	if len(body) > wire.MaxMessage {
		return fmt.Errorf("a message of %d bytes; at most %d can be sent", len(body), wire.MaxMessage)
	}
	const small = 64 << 10 // is sent at once; a large body is not copied
	frame := make([]byte, 0, 5+min(len(body), small))
	frame = append(frame, kind)
	frame = binary.LittleEndian.AppendUint32(frame, uint32(len(body)))
	if len(body) <= small {
		return c.write(append(frame, body...))
	}
	if err := c.write(frame); err != nil {
		return err
	}
	return c.write(body)
}

func (c channel) write(p []byte) error {
	for len(p) > 0 {
		n, err := c.files.Write(c.fd, p)
		if err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

func (c channel) receive() (byte, []byte, error) {
	var header [5]byte
	if err := c.fill(header[:]); err != nil {
		return 0, nil, err
	}
	n := binary.LittleEndian.Uint32(header[1:])
	if n > wire.MaxMessage {
		return 0, nil, fmt.Errorf("%w: %d bytes are announced; at most %d are taken", wire.ErrMalformed, n, wire.MaxMessage)
	}
	body := make([]byte, n)
	return header[0], body, c.fill(body)
}

func (c channel) fill(p []byte) error {
	for len(p) > 0 {
		n, err := c.files.Read(c.fd, p)
		switch {
		case err != nil:
			return err
		case n == 0:
			return io.ErrUnexpectedEOF
		default:
			p = p[n:]
		}
	}
	return nil
}
