package logs

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bulkhead/bulkhead/posix/linux"
)

func TestWriter(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	tests := []struct {
		name, format    string
		module          string
		replica         int
		stream          Stream
		text            string
		stdout, stderrs string
	}{
		{"text", "text", "web", 0, Stdout, "hello", "web     | hello\n", ""},
		{"text of the second", "text", "web", 1, Stderr, "hello", "", "web-1   | hello\n"},
		{"a long name", "text", "frontend", 12, Stdout, "", "frontend-12 | \n", ""},
		{"JSON", "json", "web", 1, Stdout, "say \"\xff\"", `{"time":"2026-01-02T03:04:05.000006Z","module":"web","instance":1,"stream":"stdout","line":"say \"\ufffd\""}` + "\n", ""},
		{"JSON of the error output", "json", "db", 0, Stderr, "", "", `{"time":"2026-01-02T03:04:05.000006Z","module":"db","instance":0,"stream":"stderr","line":""}` + "\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			out, errs := &answers{Kernel: linux.New()}, &answers{Kernel: linux.New()}
			never := func(l Loss) { t.Errorf("lost: %v", l) }
			w := NewWriter(NewSink(out, 1, false, never), NewSink(errs, 2, false, never), test.format)
			w.SetWidth(7)
			w.Add(Line{Source: Source{Module: test.module, Replica: test.replica}, Time: at, Stream: test.stream, Text: []byte(test.text)})
			if out.got.Len()+errs.got.Len() > 0 {
				t.Error("written before it was flushed")
			}
			w.Flush()
			w.Flush()
			if out.got.String() != test.stdout || errs.got.String() != test.stderrs {
				t.Errorf("%q, %q", out.got.String(), errs.got.String())
			}
		})
	}
}

// blocking is a log that nobody reads until it is opened.
type blocking struct {
	lockedBuffer
	open chan struct{}
	in   chan struct{}
}

func (b *blocking) Write(p []byte) (int, error) {
	b.in <- struct{}{}
	<-b.open
	return b.lockedBuffer.Write(p)
}

func TestQueueNeverBlocks(t *testing.T) {
	b := &blocking{open: make(chan struct{}), in: make(chan struct{}, 100)}
	q := NewQueue(b, func(n int) []byte { return fmt.Appendf(nil, "%d were dropped\n", n) })
	line := []byte(strings.Repeat("x", 1023) + "\n")
	if _, err := q.Write([]byte("first\n")); err != nil {
		t.Fatal(err)
	}
	<-b.in // it is being written
	const n = 1000
	for range n {
		if _, err := q.Write(line); err != nil {
			t.Fatal(err)
		}
	}
	close(b.open)
	for !strings.Contains(b.String(), "xxx") { // what waited has been written, so there is room again
		<-b.in
		for strings.Count(b.String(), "\n") <= 1 {
			time.Sleep(time.Millisecond)
		}
	}
	if _, err := q.Write([]byte("last\n")); err != nil {
		t.Fatal(err)
	}
	<-q.Close()
	if _, err := q.Write([]byte("too late\n")); err != nil {
		t.Fatal(err)
	}
	<-q.Close()
	kept := queueBytes / 1024
	want := "first\n" + strings.Repeat(string(line), kept) + fmt.Sprintf("%d were dropped\nlast\n", n-kept)
	if got := b.String(); got != want {
		t.Errorf("%d bytes, not %d; they end with %q", len(got), len(want), got[max(0, len(got)-60):])
	}
}
