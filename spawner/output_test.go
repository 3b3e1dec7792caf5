package spawner

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/tests/leak"
)

// lines collects what modules write.
type lines struct {
	got []string
	err error
}

func (l *lines) WriteLine(module string, instance int, stream Stream, line []byte) error {
	l.got = append(l.got, fmt.Sprintf("%s[%d]%d %s", module, instance, stream, line))
	return l.err
}

// chunks is a pipe whose reads are written down: data, or an errno.
type chunks struct {
	posix.Files
	list   []any
	closed int
}

func (c *chunks) Read(_ posix.FD, p []byte) (int, error) {
	if len(c.list) == 0 {
		return 0, nil
	}
	next := c.list[0]
	switch next := next.(type) {
	case string:
		n := copy(p, next)
		if c.list = c.list[1:]; n < len(next) {
			c.list = append([]any{next[n:]}, c.list...)
		}
		return n, nil
	case posix.Errno:
		c.list = c.list[1:]
		return -1, next
	}
	panic("no such chunk")
}

func (c *chunks) Close(posix.FD) error { c.closed++; return nil }

func TestLines(t *testing.T) {
	full := strings.Repeat("x", maxLine)
	eagain := posix.Errno(unix.EAGAIN)
	tests := []struct {
		name string
		in   []any
		want []string
	}{
		{"nothing", nil, nil},
		{"one", []any{"a\n"}, []string{"a"}},
		{"several in one read", []any{"a\n\nb\n"}, []string{"a", "", "b"}},
		{"one in several reads", []any{"a", "b", "c\n"}, []string{"abc"}},
		{"the end of one and the beginning of another", []any{"a", "b\nc", "d\n"}, []string{"ab", "cd"}},
		{"no end at the end", []any{"a\nb"}, []string{"a", "b"}},
		{"a read of a line end", []any{"a", "\n", "\n"}, []string{"a", ""}},
		{"other line ends", []any{"a\r\nb\rc\r\n", "d\r", "\n"}, []string{"a", "b\rc", "d"}},
		{"only a carriage return", []any{"\r\n"}, []string{""}},
		{"binary", []any{"\x00\xff\xfe\n\x1b[2J"}, []string{"\x00\xff\xfe", "\x1b[2J"}},
		{"pauses", []any{"a", eagain, "b\n", eagain}, []string{"ab"}},
		{"the longest line", []any{full + "\n"}, []string{full}},
		{"the longest line, without end", []any{full}, []string{full}},
		{"a little longer", []any{full + "yz\n"}, []string{full, "yz"}},
		{"a little longer, in two reads", []any{full, "yz\n"}, []string{full, "yz"}},
		{"the longest line, its end later", []any{full, "\n"}, []string{full}},
		{"no end for long", []any{full + full, full + "\n"}, []string{full, full, full}},
		{"a carriage return where a line is broken", []any{full[1:] + "\ryz\n"}, []string{full[1:] + "\r", "yz"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			to, pipe := &lines{}, &chunks{list: slices.Clone(tt.in)}
			o := newOutput(pipe, 5, 2, "web", 3, to)
			for {
				done, err := o.read()
				if err != nil {
					t.Fatal(err)
				}
				if done {
					break
				}
			}
			if err := o.close(); err != nil || pipe.closed != 1 || o.fd != -1 {
				t.Errorf("close: %v, %d times, fd %d", err, pipe.closed, o.fd)
			}
			var want []string
			for _, l := range tt.want {
				want = append(want, "web[3]2 "+l)
			}
			if !slices.Equal(to.got, want) {
				t.Errorf("%.100q\nwant\n%.100q", to.got, want)
			}
		})
	}
}

// TestEndlessOutput: one call reads a bounded amount, whatever is there.
func TestEndlessOutput(t *testing.T) {
	to, pipe := &lines{}, &chunks{list: []any{strings.Repeat("0123456789\n", 200_000)}}
	o := newOutput(pipe, 5, 1, "web", 0, to)
	if done, err := o.read(); done || err != nil {
		t.Fatalf("%v, %v", done, err)
	}
	if most := uint64(8 * len(o.chunk)); o.taken > most {
		t.Errorf("one turn took %d bytes; at most %d", o.taken, most)
	}
	if err := o.drain(); err != nil {
		t.Fatal(err)
	}
	if len(to.got) != 200_000 || to.got[199_999] != "web[0]1 0123456789" {
		t.Errorf("%d lines after draining", len(to.got))
	}
}

func TestOutputErrors(t *testing.T) {
	o := newOutput(&chunks{list: []any{posix.Errno(unix.EIO)}}, 5, 1, "web", 0, &lines{})
	if _, err := o.read(); !errors.Is(err, unix.EIO) || !strings.Contains(err.Error(), "web") {
		t.Errorf("%v", err)
	}
	gone := errors.New("nobody reads it")
	o = newOutput(&chunks{list: []any{"a\nb\n"}}, 5, 1, "web", 0, &lines{err: gone})
	if _, err := o.read(); !errors.Is(err, gone) {
		t.Errorf("%v", err)
	}
	pipe := &chunks{list: []any{"a"}}
	o = newOutput(pipe, 5, 1, "web", 0, &lines{err: gone})
	if _, err := o.read(); err != nil {
		t.Errorf("half a line: %v", err)
	}
	if err := o.close(); !errors.Is(err, gone) || pipe.closed != 1 {
		t.Errorf("close: %v, %d times", err, pipe.closed)
	}
}

// TestDrainOfRealPipe: what an instance wrote before its end is read although others still have the pipe.
func TestDrainOfRealPipe(t *testing.T) {
	leak.Check(t)
	k := linux.New()
	r, w, err := k.Pipe2(unix.O_CLOEXEC | unix.O_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	to := &lines{}
	o := newOutput(k, r, 1, "web", 0, to)
	if _, err := k.Write(w, []byte("first\nsecond\nthi")); err != nil {
		t.Fatal(err)
	}
	if err := o.drain(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(o.close(), k.Close(w)); err != nil {
		t.Fatal(err)
	}
	if want := []string{"web[0]1 first", "web[0]1 second", "web[0]1 thi"}; !slices.Equal(to.got, want) {
		t.Errorf("%q", to.got)
	}
}

func FuzzLines(f *testing.F) {
	f.Add([]byte("a\nb\r\n\nc"), 1)
	f.Add(bytes.Repeat([]byte("x"), maxLine+2), 100)
	f.Fuzz(func(t *testing.T, data []byte, size int) {
		if size < 1 || size > len(data) {
			size = max(len(data), 1)
		}
		var list []any
		for chunk := range slices.Chunk(data, size) {
			list = append(list, string(chunk))
		}
		to := &collect{}
		o := newOutput(&chunks{list: list}, 5, 1, "web", 0, to)
		for done := false; !done; {
			var err error
			if done, err = o.read(); err != nil {
				t.Fatal(err)
			}
		}
		if err := o.close(); err != nil {
			t.Fatal(err)
		}
		// Nothing is lost but line ends.
		plain := func(p []byte) []byte {
			return bytes.ReplaceAll(bytes.ReplaceAll(p, []byte("\n"), nil), []byte("\r"), nil)
		}
		if got := bytes.Join(to.lines, nil); !bytes.Equal(plain(got), plain(data)) {
			t.Errorf("%q became %q", data, to.lines)
		}
		for _, l := range to.lines {
			if len(l) > maxLine || bytes.IndexByte(l, '\n') >= 0 {
				t.Errorf("a line of %d bytes: %.40q", len(l), l)
			}
		}
	})
}

type collect struct{ lines [][]byte }

func (c *collect) WriteLine(_ string, _ int, _ Stream, line []byte) error {
	c.lines = append(c.lines, bytes.Clone(line))
	return nil
}
