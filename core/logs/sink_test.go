package logs

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
)

// answers has a write take as many bytes as it says, or an error; what it has no answer for is taken whole.
type answers struct {
	*linux.Kernel
	takes []any // int or posix.Errno
	got   bytes.Buffer
	polls int
}

func (a *answers) Write(_ posix.FD, p []byte) (int, error) {
	if len(a.takes) == 0 {
		return a.got.Write(p)
	}
	take := a.takes[0]
	a.takes = a.takes[1:]
	if errno, ok := take.(posix.Errno); ok {
		return -1, errno
	}
	return a.got.Write(p[:min(take.(int), len(p))])
}

func (a *answers) Ppoll([]posix.PollFD, *posix.Timespec) (int, error) { a.polls++; return 1, nil }

func TestSink(t *testing.T) {
	tests := []struct {
		name   string
		torn   bool
		takes  []any
		writes []string
		want   string
		losses []Loss
		polls  int
	}{
		{name: "plain", writes: []string{"a\n", "b\n"}, want: "a\nb\n"},
		{name: "a successor", torn: true, writes: []string{"a\n", "b\n"}, want: "\na\nb\n"},
		{name: "in pieces", takes: []any{1, posix.Errno(unix.EAGAIN), 2}, writes: []string{"abcde\n"}, want: "abcde\n", polls: 1},
		{name: "a full disk", takes: []any{posix.Errno(unix.ENOSPC), posix.Errno(unix.ENOSPC)}, writes: []string{"a\nb\n", "c\n", "d\n", "e\n"}, want: "d\ne\n",
			losses: []Loss{{Err: posix.Errno(unix.ENOSPC)}, {Lines: 3}}},
		{name: "a disk that gets full in the middle of a line", takes: []any{4, posix.Errno(unix.ENOSPC)}, writes: []string{"aa\nbb\ncc\n", "d\n"}, want: "aa\nb\nd\n",
			losses: []Loss{{Err: posix.Errno(unix.ENOSPC)}, {Lines: 2}}},
		{name: "a disk that gets full after a line", takes: []any{3, posix.Errno(unix.ENOSPC)}, writes: []string{"aa\nbb\n", "d\n"}, want: "aa\nd\n",
			losses: []Loss{{Err: posix.Errno(unix.ENOSPC)}, {Lines: 1}}},
		{name: "twice", takes: []any{posix.Errno(unix.EIO), 2, posix.Errno(unix.ENOSPC), 2}, writes: []string{"a\n", "b\n", "c\n", "d\n"}, want: "b\nd\n",
			losses: []Loss{{Err: posix.Errno(unix.EIO)}, {Lines: 1}, {Err: posix.Errno(unix.ENOSPC)}, {Lines: 1}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := &answers{Kernel: linux.New(), takes: test.takes}
			var losses []Loss
			s := NewSink(a, 1, test.torn, func(l Loss) { losses = append(losses, l) })
			for _, w := range test.writes {
				_, _ = s.Write([]byte(w))
			}
			if got := a.got.String(); got != test.want {
				t.Errorf("%q", got)
			}
			if len(losses) != len(test.losses) || a.polls != test.polls {
				t.Fatalf("losses %v; %d waits", losses, a.polls)
			}
			for i, l := range losses {
				if l.Lines != test.losses[i].Lines || !errors.Is(l.Err, test.losses[i].Err) {
					t.Errorf("loss %d is %v", i, l)
				}
			}
		})
	}
}

// The kernel's own answers: a reader that has gone does not end the process with SIGPIPE, and a disk can be full.
func TestSinkOnTheKernel(t *testing.T) {
	k := linux.New()
	r, w, err := k.Pipe2(unix.O_CLOEXEC | unix.O_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = k.Close(w) }()
	var losses []Loss
	report := func(l Loss) { losses = append(losses, l) }
	if err := k.Close(r); err != nil {
		t.Fatal(err)
	}
	if _, err := NewSink(k, w, false, report).Write([]byte("a\n")); !errors.Is(err, posix.Errno(unix.EPIPE)) {
		t.Errorf("a pipe that nobody can read: %v", err)
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = full.Close() }()
	if _, err := NewSink(k, posix.FD(full.Fd()), false, report).Write([]byte("a\n")); !errors.Is(err, posix.Errno(unix.ENOSPC)) {
		t.Errorf("a full disk: %v", err)
	}
	if len(losses) != 2 {
		t.Errorf("losses: %v", losses)
	}
}

// A reader that is slow gets everything, and the writer waits without being in its way.
func TestSinkWaitsForTheReader(t *testing.T) {
	k := linux.New()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Fcntl(posix.FD(w.Fd()), unix.F_SETFL, unix.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	want := strings.Repeat("0123456789abcde\n", 32<<10)
	done := make(chan error, 1)
	go func() {
		_, err := NewSink(k, posix.FD(w.Fd()), false, func(l Loss) { t.Errorf("lost: %v", l) }).Write([]byte(want))
		done <- errors.Join(err, w.Close())
	}()
	got, err := io.ReadAll(r)
	if err := errors.Join(err, <-done, r.Close()); err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%d bytes of %d", len(got), len(want))
	}
}
