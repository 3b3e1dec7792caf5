package trace

import (
	"bufio"
	"errors"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/bulkhead/bulkhead/core/policy/call"
)

// Bounds of what is read.
const (
	maxLine    = 1 << 20 // bytes
	maxPending = 1 << 16 // calls that are not finished
)

// Read yields the calls of a trace and what could not be read of it, one of the two at a time. A call in two pieces comes when its second
// piece does, so lines are not quite in order. An error of the reader is the last problem.
func Read(r io.Reader, arch call.Arch) iter.Seq2[*Line, *Problem] {
	return func(yield func(*Line, *Problem) bool) {
		t := reader{in: bufio.NewReaderSize(r, 1<<16), arch: arch, pending: map[int]*Line{}, foreign: map[int]string{}, yield: yield,
			first: true, begins: 1}
		if name := arch.Name(); name != "x86_64" && name != "aarch64" {
			t.problem(1, 1, "a trace of "+name+" cannot be read: strace does not tell there which call was made", "")
			return
		}
		for !t.done && t.line() {
		}
		t.flush()
	}
}

type reader struct {
	in      *bufio.Reader
	arch    call.Arch
	number  int // of the line that was read last
	begins  int // the line on which text begins
	text    string
	held    string // what was read of a line before strace's own words came between
	heldAt  int
	ended   bool // the line ends with a line feed
	first   bool // no call was seen
	done    bool // the caller wants no more
	pending map[int]*Line
	foreign map[int]string // the mode that a process runs in, when it is another
	yield   func(*Line, *Problem) bool
}

// line reads a line; it returns whether there may be another one.
func (t *reader) line() bool {
	raw, err := t.raw()
	if len(raw) == 0 && err != nil {
		if t.held != "" {
			t.text, t.begins, t.held = t.held, t.heldAt, ""
			t.take()
		}
		if !errors.Is(err, io.EOF) {
			t.number++
			t.begins, t.text = t.number, ""
			t.problem(1, 1, "the trace cannot be read any further: "+err.Error(), "")
		}
		return false
	}
	t.number++
	t.text, t.ended = strings.CutSuffix(string(raw), "\n")
	t.text = strings.TrimSuffix(t.text, "\r")
	t.begins = t.number
	if len(raw) > maxLine {
		t.text, t.held = t.text[:80], ""
		t.problem(1, 1, "the line is longer than 1 MiB", "")
		return err == nil
	}
	if t.held != "" {
		t.text, t.begins, t.held = t.held+t.text, t.heldAt, ""
	}
	if at := strings.LastIndex(t.text, "strace: Process "); at > 0 && strings.HasSuffix(t.text, " attached") && len(t.text) < maxLine && err == nil {
		t.held, t.heldAt = t.text[:at], t.begins // strace's own words came between; the call goes on in the next line
		return true
	}
	t.take()
	return err == nil
}

// raw returns the next line; of one that is too long, only so much that this can be seen.
func (t *reader) raw() (line []byte, err error) {
	for {
		var piece []byte
		piece, err = t.in.ReadSlice('\n')
		if len(line) <= maxLine {
			line = append(line, piece...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

func (t *reader) problem(column, width int, message, hint string) {
	t.give(nil, &Problem{Number: t.begins, Column: column, Width: max(1, width), Text: t.text, Message: message, Hint: hint})
}

func (t *reader) give(l *Line, p *Problem) {
	if !t.done {
		t.done = !t.yield(l, p)
	}
}

// take looks at a line.
func (t *reader) take() {
	p := cutPrefix(t.text)
	rest := strings.TrimRight(t.text[p.rest:], " \t")
	switch {
	case strings.HasPrefix(rest, "[ Process PID="):
		t.mode(rest)
	case noise(rest), summary(t.text):
	case strings.HasPrefix(rest, "<... "):
		t.resumed(p, rest)
	case t.foreign[p.pid] != "":
		t.problem(p.rest+1, len(rest), "the call is one of another architecture: "+t.foreign[p.pid], "")
	default:
		t.begin(p, rest)
	}
}

// mode notes that a process changed into a mode in which the numbers of the calls are others, or back.
// Source: strace's syscall.c, "[ Process PID=%d runs in %s mode. ]".
func (t *reader) mode(rest string) {
	text := strings.Trim(rest, "[] ")
	id, mode, _ := strings.Cut(strings.TrimPrefix(text, "Process PID="), " ")
	native := "64 bit"
	pid := number(id)
	if len(t.foreign) > maxPending {
		t.problem(1, 1, "more processes in another mode than can be followed", "")
		return
	}
	for _, key := range []int{pid, 0} { // without -f the lines have no number
		if delete(t.foreign, key); !strings.Contains(mode, native) {
			t.foreign[key] = text
		}
	}
}

func (t *reader) begin(p prefix, rest string) {
	c, err := call.ParseLoose(rest, t.arch)
	if err != nil {
		var e *call.Error
		if !errors.As(err, &e) {
			e = &call.Error{Width: 1, Message: err.Error()}
		}
		message := e.Message
		if !t.ended && e.Offset >= len(rest) {
			message = "the trace ends within the line"
		}
		t.problem(p.rest+1+e.Offset, e.Width, message, e.Hint)
		return
	}
	if old := t.pending[p.pid]; old != nil {
		delete(t.pending, p.pid)
		t.finish(old) // it was not resumed
	}
	l := &Line{Number: t.begins, Column: p.rest + 1 + c.Offset, PID: p.pid, Text: t.text, Call: c, First: t.first}
	t.first = false
	if c.Closed || !strings.HasSuffix(rest, "<unfinished ...>") {
		t.finish(l)
		if !c.Closed {
			message := "the call is not closed"
			if !t.ended {
				message = "the trace ends within the call"
			}
			t.problem(len(t.text)+1, 1, message+"; what is missing of its arguments may have any value", "")
		}
		return
	}
	if len(t.pending) >= maxPending {
		t.problem(p.rest+1, 1, "more calls are unfinished than can be followed", "")
		return
	}
	t.pending[p.pid] = l
}

// resumed joins the second piece of a call to the first.
func (t *reader) resumed(p prefix, rest string) {
	name, tail, ok := strings.Cut(rest[len("<... "):], " resumed>")
	if !ok {
		t.problem(p.rest+1, len(rest), `"resumed>" is missing`, "")
		return
	}
	l := t.pending[p.pid]
	pid := p.pid
	if l == nil || l.Call.Name != name { // strace leaves the number out when only one process is left
		pid, l = t.only(name)
	}
	if l == nil {
		t.problem(p.rest+1, len(rest), "the first piece of "+name+" is not in the trace", "")
		return
	}
	delete(t.pending, pid)
	text, _, _ := strings.Cut(l.Call.Text, "<unfinished ...>")
	if c, err := call.ParseLoose(text+strings.TrimPrefix(tail, " "), t.arch); err == nil {
		l.Call = c
	}
	t.finish(l)
}

func (t *reader) only(name string) (pid int, found *Line) {
	for id, l := range t.pending {
		if l.Call.Name == name && found != nil {
			return 0, nil
		}
		if l.Call.Name == name {
			pid, found = id, l
		}
	}
	return pid, found
}

func (t *reader) finish(l *Line) {
	distrust(&l.Call, t.arch)
	t.give(l, nil)
}

// flush yields the calls that never ended.
func (t *reader) flush() {
	rest := make([]*Line, 0, len(t.pending))
	for _, l := range t.pending {
		rest = append(rest, l)
	}
	slices.SortFunc(rest, func(a, b *Line) int { return a.Number - b.Number })
	for _, l := range rest {
		t.finish(l)
	}
}
