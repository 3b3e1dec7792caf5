package record

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bulkhead/bulkhead/posix"
)

var (
	// ErrFormat is what errors.Is finds in the error of a recording that is refused.
	ErrFormat = errors.New("not a recording")
	// ErrVersion is ErrFormat of a recording of another version, another platform, or other operations.
	ErrVersion = fmt.Errorf("%w of this version", ErrFormat)
	// ErrTruncated is ErrFormat of a recording whose end is missing.
	ErrTruncated = fmt.Errorf("%w with an end", ErrFormat)
)

// FormatError says where a recording is not one.
type FormatError struct {
	Line   int // counted from 1
	Column int // bytes from the beginning of the line, counted from 1
	Reason string
	class  error
}

// Error says where and why: "recording line 3, column 17: …".
func (e *FormatError) Error() string {
	return fmt.Sprintf("recording line %d, column %d: %s", e.Line, e.Column, e.Reason)
}

// Unwrap returns [ErrFormat], [ErrVersion] or [ErrTruncated].
func (e *FormatError) Unwrap() error { return e.class }

// entry is a recorded call.
type entry struct {
	line    int
	op      posix.Op
	args    []byte
	results []reflect.Value
	filled  []reflect.Value // one for each parameter; only those that are filled in are valid
	err     error
}

// text returns the call as messages show it.
func (e *entry) text() string { return e.op.String() + " " + string(e.args) }

// reader reads the lines of a recording.
type reader struct {
	in    *bufio.Reader
	line  int
	text  []byte // of the line, with its newline
	sum   uint32
	calls uint64
	ended bool
}

func (r *reader) refuse(column int, class error, format string, args ...any) error {
	return &FormatError{Line: r.line, Column: column, Reason: fmt.Sprintf(format, args...), class: class}
}

// next reads a line into text; io.EOF when there is none.
func (r *reader) next() error {
	r.line++
	r.text = r.text[:0]
	for {
		part, err := r.in.ReadSlice('\n')
		r.text = append(r.text, part...)
		switch {
		case len(r.text) > MaxLine:
			return r.refuse(MaxLine, ErrFormat, "the line is longer than %d bytes", MaxLine)
		case err == nil:
			return nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(r.text) == 0:
			return io.EOF
		case errors.Is(err, io.EOF):
			return r.refuse(len(r.text)+1, ErrTruncated, "the recording ends within the line")
		default:
			return fmt.Errorf("read recording: %w", err)
		}
	}
}

// same compares the line with what this package would have written, whose members are in b.
func (r *reader) same(b []byte) error {
	want, sum := seal(b, r.sum)
	if at := differs(r.text, want); at < len(b) {
		return r.refuse(at+1, ErrFormat, "%s where %s would be written", clip(string(r.text), at), clip(string(want), at))
	} else if at < max(len(want), len(r.text)) {
		return r.refuse(at+1, ErrFormat, "the checksum is wrong: this line was changed, or one before it is missing or changed")
	}
	r.sum = sum
	return nil
}

// differs returns the first place in which two texts differ, the length of both when they do not.
func differs(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// parse reads the members of the line into v, of which none may have another name.
func (r *reader) parse(v any) error {
	d := json.NewDecoder(bytes.NewReader(r.text))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	var syntax *json.SyntaxError
	var typ *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &syntax):
		return r.refuse(int(syntax.Offset), ErrFormat, "%v", syntax)
	case errors.As(err, &typ):
		return r.refuse(int(typ.Offset), ErrFormat, "%s is of the wrong kind: %s", cmp.Or(typ.Field, "the line"), typ.Value)
	}
	return r.refuse(1, ErrFormat, "%v", err)
}

// column returns where a member of the line begins, that of the line when it is missing.
func (r *reader) column(name string) int {
	return max(bytes.Index(r.text, []byte(`"`+name+`":`)), 0) + 1
}

// header reads the first line.
func (r *reader) header() error {
	if err := r.next(); err != nil {
		if err == io.EOF {
			return r.refuse(1, ErrTruncated, "the recording is empty")
		}
		return err
	}
	if !bytes.HasPrefix(r.text, []byte(headerStart)) {
		return r.refuse(1, ErrFormat, "the first line of a recording begins with %s", headerStart)
	}
	var h struct {
		Recording, Platform, Operations, CRC string
		Version                              int
	}
	if err := r.parse(&h); err != nil {
		return err
	}
	switch {
	case h.Version != Version:
		return r.refuse(r.column("version"), ErrVersion, "version %d, this is version %d", h.Version, Version)
	case h.Platform != platform():
		return r.refuse(r.column("platform"), ErrVersion, "it was recorded on %q, this is %s, where numbers mean something else", h.Platform, platform())
	case h.Operations != operations():
		return r.refuse(r.column("operations"), ErrVersion, "it was recorded by a program with other operations (%q, not %s): record it again",
			h.Operations, operations())
	}
	return r.same(appendHeader(nil))
}

// call reads the next line: a call, or nil for the last line of the recording.
func (r *reader) call() (*entry, error) {
	if err := r.next(); err != nil {
		if err == io.EOF {
			return nil, r.refuse(1, ErrTruncated, "the recording has no last line, {\"end\":%d …}: the program was killed, or did not call Finish", r.calls)
		}
		return nil, err
	}
	if bytes.HasPrefix(r.text, []byte(`{"end":`)) {
		return nil, r.end()
	}
	var raw struct {
		N             uint64
		Op            string
		Args, Results json.RawMessage
		Errno         *posix.Errno
		Error         any // text, or the bytes of one
		CRC           string
	}
	if err := r.parse(&raw); err != nil {
		return nil, err
	}
	if raw.N != r.calls+1 {
		return nil, r.refuse(1, ErrFormat, "call %d, where call %d is expected: lines are missing or in another order", raw.N, r.calls+1)
	}
	op, ok := posix.OpByName(raw.Op)
	if !ok {
		return nil, r.refuse(r.column("op"), ErrFormat, "there is no operation %q", raw.Op)
	}
	e := &entry{line: r.line, op: op, args: raw.Args}
	if raw.Errno != nil {
		e.err = *raw.Errno
	} else if s, ok := text(raw.Error); ok {
		e.err = errors.New(s)
	}
	args, err := e.decode(raw.Results)
	if err != nil {
		return nil, r.refuse(r.column("results"), ErrFormat, "%s: %v", op, err)
	}
	if err := r.same(appendResults(appendCall(nil, raw.N, op, e.args), op, args, e.results, e.err)); err != nil {
		return nil, err
	}
	r.calls++
	return e, nil
}

// end reads the last line, which is in text, and makes sure that nothing follows.
func (r *reader) end() error {
	var raw struct {
		End uint64
		CRC string
	}
	if err := r.parse(&raw); err != nil {
		return err
	}
	if raw.End != r.calls {
		return r.refuse(len(`{"end":`)+1, ErrFormat, "the recording ended with %d calls, and has %d", raw.End, r.calls)
	}
	if err := r.same(appendEnd(nil, raw.End)); err != nil {
		return err
	}
	if err := r.next(); err != io.EOF {
		if err != nil {
			return err
		}
		return r.refuse(1, ErrFormat, "something follows the last line of the recording")
	}
	return nil
}

// decode sets what a call returned and filled in, and returns what stands for its arguments where it is written again.
func (e *entry) decode(results json.RawMessage) (args []reflect.Value, err error) {
	parsed, err := parseJSON(results)
	if err != nil {
		return nil, err
	}
	object, ok := parsed.(map[string]any)
	if !ok {
		return nil, errors.New("there are no results")
	}
	m := method(e.op)
	for i, name := range shapes[e.op].results {
		typ, mapped := m.Out(i), m.Out(i).Kind() == reflect.Slice
		if mapped { // the memory is made when it is asked for
			typ = reflect.TypeFor[int]()
		}
		v := reflect.New(typ).Elem()
		if err := decode(v, object[name]); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if mapped && (v.Int() < 0 || v.Int() > maxMapped) {
			return nil, fmt.Errorf("%s: %d bytes of memory", name, v.Int())
		}
		e.results = append(e.results, v)
	}
	e.filled = make([]reflect.Value, m.NumIn())
	args = make([]reflect.Value, m.NumIn())
	for i, p := range shapes[e.op].params {
		if p.use != fills && p.use != updates {
			continue
		}
		v := reflect.New(m.In(i)).Elem()
		if err := decode(v, object[p.name]); err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
		e.filled[i], args[i] = v, v
	}
	return args, nil
}

// maxMapped is how much memory a recorded Mmap may stand for, in bytes.
const maxMapped = 1 << 30

// clip returns what is worth showing of a text whose place at is of interest.
func clip(s string, at int) string {
	const before, after = 24, 72
	from, to := max(at-before, 0), min(at+after, len(s))
	if from >= to {
		return "nothing"
	}
	out := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return utf8.RuneError
		}
		return r
	}, s[from:to])
	if from > 0 {
		out = "…" + out
	}
	if to < len(s) {
		out += "…"
	}
	return out
}
