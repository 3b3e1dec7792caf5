package record

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"sync"

	"github.com/bulkhead/bulkhead/posix"
)

// ErrFinished is the error of a recording that [Core.Finish] has ended.
var ErrFinished = errors.New("the recording is finished")

// Core records the calls to the layer below. Its methods are generated.
type Core struct {
	next posix.Core

	mu  sync.Mutex // guards what follows, and orders the calls
	w   io.Writer
	n   uint64 // calls that were recorded
	sum uint32
	err error // nothing is written any more
}

// New returns a layer on top of next that writes to w, each line with one Write; the first line is written here. The caller closes w, after
// [Core.Finish]. w must not make its calls through the Core that it records: that would not end.
func New(next posix.Core, w io.Writer) (*Core, error) {
	d := &Core{next: next, w: w}
	if err := d.write(appendHeader(nil)); err != nil {
		return nil, err
	}
	return d, nil
}

// Name returns "record".
func (d *Core) Name() string { return "record" }

// Unwrap returns the layer below.
func (d *Core) Unwrap() posix.Core { return d.next }

// Finish writes the last line, without which a recording is refused, and returns the first error of all that was written. Calls that end later
// are not recorded.
func (d *Core) Finish() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err == nil {
		if err := d.write(appendEnd(nil, d.n)); err == nil {
			d.err = ErrFinished
			return nil
		}
	}
	return d.err
}

// Err returns why nothing is written any more, nil while calls are recorded, and [ErrFinished] after Finish. The calls themselves do not fail
// when they cannot be recorded.
func (d *Core) Err() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}

// write writes a line whose members are in b.
func (d *Core) write(b []byte) error {
	b, sum := seal(b, d.sum)
	if _, err := d.w.Write(b); err != nil {
		d.err = fmt.Errorf("write recording: %w", err)
		return d.err
	}
	d.sum = sum
	return nil
}

// call is a call that has begun.
type call struct {
	op   posix.Op
	args []reflect.Value
	text []byte // of the arguments, before the call could change what they point to; nil when nothing is recorded
}

func (d *Core) begin(op posix.Op, args ...any) call {
	if d.Err() != nil {
		return call{}
	}
	c := call{op: op, args: valuesOf(args)}
	c.text = appendArgs(nil, op, c.args)
	return c
}

// end records a call. Its number is that of its end: what is done by several goroutines is in the order in which it ended.
func (d *Core) end(c call, err error, results ...any) {
	if c.text == nil {
		return
	}
	rest := appendResults(nil, c.op, c.args, valuesOf(results), err)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return
	}
	line := append(appendCall(nil, d.n+1, c.op, c.text), rest...)
	if len(line)+checksumSize > MaxLine {
		d.err = fmt.Errorf("record call %d, %s: its line has %d bytes, and %d is the most", d.n+1, c.op, len(line)+checksumSize, MaxLine)
		return
	}
	if d.write(line) == nil {
		d.n++
	}
}

func valuesOf(list []any) []reflect.Value {
	vs := make([]reflect.Value, len(list))
	for i, v := range list {
		vs[i] = reflect.ValueOf(v)
	}
	return vs
}
