package logs

import (
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"
)

// Stream is the number of a standard stream: 1 is the output, 2 the error output.
type Stream uint8

// Standard streams.
const (
	Stdout Stream = 1
	Stderr Stream = 2
)

// String returns the name: "stdout" or "stderr".
func (s Stream) String() string {
	if s == Stdout {
		return "stdout"
	}
	return "stderr"
}

// Line is a line that an instance has written. Text is valid during a call only, and has no end of line.
type Line struct {
	Source
	Time   time.Time
	Stream Stream
	Text   []byte
}

// Writer passes the lines of modules on: to the stream that they were written to, behind the module's name, or as JSON. But for
// SetWidth it has one owner.
type Writer struct {
	sinks [2]*Sink
	json  bool
	width atomic.Int32 // of the longest name
	lines [2][]byte
}

// keep is how much memory stays with a writer after a flood, for each stream.
const keep = 128 << 10

// NewWriter returns a writer for a format, "text" or "json".
func NewWriter(stdout, stderr *Sink, format string) *Writer {
	return &Writer{sinks: [2]*Sink{stdout, stderr}, json: format == "json"}
}

// SetWidth sets how much room the names take in text.
func (w *Writer) SetWidth(n int) { w.width.Store(int32(n)) }

// Name is how an instance of a module is called in text: the first one as the module, the next ones "web-1", "web-2".
func Name(module string, replica int) string {
	if replica <= 0 {
		return module
	}
	return fmt.Sprintf("%s-%d", module, replica)
}

// Add puts a line behind those that wait for Flush.
func (w *Writer) Add(l Line) {
	to := &w.lines[l.Stream-1]
	if !w.json {
		name := Name(l.Module, l.Replica)
		*to = append(*to, name...)
		for n := len(name); n < int(w.width.Load()); n++ {
			*to = append(*to, ' ')
		}
		*to = append(*to, " | "...)
		*to = append(*to, l.Text...)
		*to = append(*to, '\n')
		return
	}
	data, err := json.Marshal(struct {
		Time     time.Time `json:"time"`
		Module   string    `json:"module"`
		Instance int       `json:"instance"`
		Stream   string    `json:"stream"`
		Line     string    `json:"line"`
	}{l.Time, l.Module, l.Replica, l.Stream.String(), string(l.Text)})
	if err != nil {
		panic(fmt.Sprintf("bug: a line of a log as JSON: %v; please report it", err)) // a year with five digits
	}
	*to = append(append(*to, data...), '\n')
}

// Flush writes the lines that were added. Those that cannot be written are the sinks' business: they count and report them.
func (w *Writer) Flush() {
	for i := range w.lines {
		if len(w.lines[i]) == 0 {
			continue
		}
		_, _ = w.sinks[i].Write(w.lines[i])
		if cap(w.lines[i]) > keep {
			w.lines[i] = nil
		}
		w.lines[i] = w.lines[i][:0]
	}
}
