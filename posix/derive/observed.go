package derive

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/bulkhead/bulkhead/posix"
)

// Observation is what a recording says about a run of a program.
type Observation struct {
	Name  string // of the file
	Arch  string // GOARCH of the machine
	Calls map[posix.Op]int
	Ended bool // the recording is complete
}

// maxLine is how long a line of a recording may be; package record has the same limit.
const maxLine = 32 << 20

// line is a line of a recording as far as it matters here.
type line struct {
	Recording string `json:"recording"`
	Version   int    `json:"version"`
	Platform  string `json:"platform"`
	N         uint64 `json:"n"`
	Op        string `json:"op"`
	End       *int   `json:"end"`
}

// ReadRecording reads which operations a recording of package posix/record has. name is for messages. One that ends early, as when the
// program was killed, is good for this; so arguments, results and checksums are not looked at. Errors name the line.
func ReadRecording(name string, r io.Reader) (*Observation, error) {
	in := bufio.NewScanner(r)
	in.Buffer(nil, maxLine)
	o := &Observation{Name: name, Calls: map[posix.Op]int{}}
	number := 0
	for in.Scan() {
		number++
		if err := o.line(number, in.Bytes()); err != nil {
			if errors.Is(err, errCut) && !in.Scan() && in.Err() == nil {
				break // the last one
			}
			return nil, fmt.Errorf("%s:%d: %w", name, number, err)
		}
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("%s:%d: %w", name, number+1, err)
	}
	if number == 0 {
		return nil, fmt.Errorf("%s: not a recording: it is empty", name)
	}
	return o, nil
}

// errCut is a line that is no JSON, as the last one of a program that was killed while it wrote.
var errCut = errors.New("not a line of a recording")

func (o *Observation) line(number int, text []byte) error {
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		if number == 1 {
			return fmt.Errorf("not a recording: %w", err)
		}
		return fmt.Errorf("%w: %w", errCut, err)
	}
	switch {
	case number == 1:
		if l.Recording != "posix" || l.Version != 1 {
			return fmt.Errorf("not a recording of posix calls, version 1: package posix/record makes them")
		}
		os, arch, _ := strings.Cut(l.Platform, "/")
		if os != "linux" || arch == "" {
			return fmt.Errorf("a recording made on %q: only those made on Linux are understood", l.Platform)
		}
		o.Arch = arch
	case o.Ended:
		return errors.New("a line after the end")
	case l.End != nil:
		o.Ended = true
	default:
		op, ok := posix.OpByName(l.Op)
		if !ok {
			return fmt.Errorf("operation %q is not known: the recording is of another version", l.Op)
		}
		o.Calls[op]++
	}
	return nil
}
