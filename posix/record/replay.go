package record

import (
	"bufio"
	"fmt"
	"io"
	"reflect"
	"sync"
	"syscall"

	"github.com/bulkhead/bulkhead/posix"
)

// Replayer is a posix.Core that answers from a recording: the n-th call is answered as the n-th one was. Its methods are generated.
type Replayer struct {
	entries []*entry

	mu   sync.Mutex // guards what follows
	at   int        // the next entry
	diff *Divergence
}

// Divergence is a call that is not the one that was recorded.
type Divergence struct {
	Line int    // of the recording, counted from 1; that of its end when there is nothing left
	Want string // the call that was recorded, or what is wrong with it
	Got  string // the call that was made
}

// Error says what was expected and what came.
func (e *Divergence) Error() string {
	at := differs([]byte(e.Want), []byte(e.Got))
	return fmt.Sprintf("recording line %d: the program calls %s, and %s was recorded", e.Line, clip(e.Got, at), clip(e.Want, at))
}

// Replay reads a recording, all of it. The errors of one that is refused are [*FormatError]s.
func Replay(r io.Reader) (*Replayer, error) {
	in := &reader{in: bufio.NewReaderSize(r, 64<<10)}
	if err := in.header(); err != nil {
		return nil, err
	}
	d := &Replayer{}
	for {
		e, err := in.call()
		if err != nil {
			return nil, err
		}
		if e == nil {
			return d, nil
		}
		d.entries = append(d.entries, e)
	}
}

// Name returns "replay".
func (d *Replayer) Name() string { return "replay" }

// Err returns the first [*Divergence], nil if there was none.
func (d *Replayer) Err() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.diff == nil {
		return nil
	}
	return d.diff
}

// Done returns nil when every call was made as it was recorded and none is left, else a [*Divergence].
func (d *Replayer) Done() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.diff != nil:
		return d.diff
	case d.at < len(d.entries):
		return &Divergence{Line: d.entries[d.at].line, Want: d.entries[d.at].text(), Got: "nothing more"}
	}
	return nil
}

// Mmap implements [posix.Memory]. The memory is Go's, of the recorded length and zeros, which is right for MAP_ANONYMOUS. What a mapped file
// had in it is not recorded, so a mapping of one is a divergence, unless it failed.
func (d *Replayer) Mmap(m posix.Mapping) ([]byte, error) {
	var memory []byte
	err := d.replay([]any{&memory}, posix.OpMmap, m)
	if err == nil && m.Flags&syscall.MAP_ANONYMOUS == 0 {
		return nil, d.diverge("the mapping of a file, whose contents are not in a recording")
	}
	return memory, err
}

// diverge makes the call that was answered last the first divergence, unless there was one.
func (d *Replayer) diverge(why string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.diff == nil {
		e := d.entries[d.at-1]
		d.diff = &Divergence{Line: e.line, Want: why, Got: e.text()}
	}
	return syscall.EPROTO
}

// replay answers a call. After the first one that differs from what was recorded every call fails with EPROTO.
func (d *Replayer) replay(results []any, op posix.Op, args ...any) error {
	in := valuesOf(args)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.diff != nil {
		return syscall.EPROTO
	}
	text := appendArgs(nil, op, in)
	if d.at == len(d.entries) {
		d.diff = &Divergence{Line: d.at + 2, Want: "nothing more", Got: op.String() + " " + string(text)}
		return syscall.EPROTO
	}
	e := d.entries[d.at]
	if e.op != op || string(e.args) != string(text) {
		d.diff = &Divergence{Line: e.line, Want: e.text(), Got: op.String() + " " + string(text)}
		return syscall.EPROTO
	}
	if err := e.deliver(results, in); err != nil {
		d.diff = &Divergence{Line: e.line, Want: fmt.Sprintf("what does not fit (%v)", err), Got: e.text()}
		return syscall.EPROTO
	}
	d.at++
	return e.err
}

// mustReplay answers a call that has no error to return. A made-up result would be believed, so it panics instead.
func (d *Replayer) mustReplay(results []any, op posix.Op, args ...any) {
	if d.replay(results, op, args...) != nil {
		panic(d.Err())
	}
}

// deliver sets what a call returns and fills in.
func (e *entry) deliver(results []any, args []reflect.Value) error {
	for i, v := range e.filled {
		if !v.IsValid() {
			continue
		}
		if err := fill(args[i], v); err != nil {
			return fmt.Errorf("%s: %w", shapes[e.op].params[i].name, err)
		}
	}
	for i, v := range e.results {
		to := reflect.ValueOf(results[i]).Elem()
		if to.Kind() == reflect.Slice && v.Int() > 0 { // Mmap
			n := int(v.Int())
			v = reflect.MakeSlice(to.Type(), n, n)
		}
		if to.Type() == v.Type() {
			to.Set(v)
		}
	}
	return nil
}
