package footprint

import (
	"bytes"
	"errors"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/mock/gomock"
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
)

// resident returns how many bytes of this process are in memory: of files, and of its own. Source: proc_pid_status(5).
func resident(t *testing.T) (file, anonymous int) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	number := func(key string) int {
		_, after, _ := strings.Cut(string(text), "\n"+key+":")
		kib, _, found := strings.Cut(strings.TrimSpace(after), " kB")
		n, err := strconv.Atoi(kib)
		if err != nil || !found {
			t.Fatalf("no %s in the status of the process: %v", key, err)
		}
		return n << 10
	}
	return number("RssFile"), number("RssAnon")
}

// touch has all of the program in memory.
func touch(t *testing.T) {
	t.Helper()
	segments, err := linux.ReadOnlySegments()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range segments {
		if err := linux.New().Madvise(s.Addr, s.Length, unix.MADV_POPULATE_READ); errors.Is(err, posix.Errno(unix.EINVAL)) {
			t.Skip("needs Linux 5.14, with MADV_POPULATE_READ")
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

var garbage []byte

func TestShrink(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	for _, often := range []string{"once", "again"} {
		const much = 64 << 20
		garbage = bytes.Repeat([]byte{1}, much)
		garbage = nil
		touch(t)
		file, anonymous := resident(t)
		if err := Shrink(linux.New()); err != nil {
			t.Fatal(err)
		}
		lessFile, lessAnonymous := resident(t)
		t.Logf("%s: files %d KiB, then %d; the own %d, then %d", often, file>>10, lessFile>>10, anonymous>>10, lessAnonymous>>10)
		if lessFile > file*4/5 {
			t.Errorf("%s: %d bytes of files were resident, still %d", often, file, lessFile)
		}
		if anonymous < much || lessAnonymous > anonymous-much/2 {
			t.Errorf("%s: %d bytes of its own were resident, still %d", often, anonymous, lessAnonymous)
		}
	}
}

func TestRelease(t *testing.T) {
	const (
		none  = posix.Errno(unix.EINVAL) // no large blocks
		again = posix.Errno(unix.EAGAIN)
		no    = posix.Errno(unix.ENOMEM)
	)
	type call struct {
		addr, length uintptr
		advice       int
		answer       error
	}
	small := func(addr, length uintptr, answer error) call { return call{addr, length, unix.MADV_NOHUGEPAGE, answer} }
	give := func(addr, length uintptr, answer error) call { return call{addr, length, unix.MADV_DONTNEED, answer} }
	short, long := linux.Segment{Addr: 0x1000, Length: 0x2000}, linux.Segment{Addr: 0x400000, Length: 4*piece + 0x1000}
	for _, tt := range []struct {
		name     string
		segments []linux.Segment
		calls    []call
		errs     []error
		says     string
	}{
		{name: "nothing"},
		{name: "every second piece", segments: []linux.Segment{short, long}, calls: []call{
			small(0x1000, 0x2000, nil), give(0x1000, 0x2000, nil),
			small(0x400000, piece, nil), small(0x400000+2*piece, piece, nil), small(0x400000+4*piece, 0x1000, nil), give(0x400000, 4*piece+0x1000, nil)}},
		{name: "no large blocks", segments: []linux.Segment{long}, calls: []call{small(0x400000, piece, none), give(0x400000, 4*piece+0x1000, nil)}},
		{name: "a range that is none", segments: []linux.Segment{short}, calls: []call{small(0x1000, 0x2000, none), give(0x1000, 0x2000, none)},
			errs: []error{none}, says: "give back 8192 bytes"},
		{name: "it goes on", segments: []linux.Segment{long, short}, calls: []call{small(0x400000, piece, no), give(0x400000, 4*piece+0x1000, nil),
			small(0x1000, 0x2000, nil), give(0x1000, 0x2000, again)}, errs: []error{no, again}, says: "give back 1052672 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := mocks.NewMemory(gomock.NewController(t))
			var expected []any
			for _, c := range tt.calls {
				expected = append(expected, m.EXPECT().Madvise(c.addr, c.length, c.advice).Return(c.answer).Call)
			}
			gomock.InOrder(expected...)
			err := release(m, tt.segments)
			if (err != nil) != (tt.errs != nil) || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %v", err)
			}
			for _, want := range tt.errs {
				if !errors.Is(err, want) {
					t.Errorf("error %v, want one of %v", err, want)
				}
			}
		})
	}
}
