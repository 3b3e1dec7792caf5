package execute

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
)

// TestCalm: the monitor's timers become less exact, and nobody else's.
func TestCalm(t *testing.T) {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	if len(threads) < 2 {
		t.Fatalf("%d threads: the runtime has no monitor", len(threads))
	}
	monitor := second(linux.New(), "/proc/self/task")
	// proc_timerslack_ns_operations (fs/proc/base.c): to read it takes as much as to change it, for another thread of one's own, too.
	if _, err := os.ReadFile(fmt.Sprintf("/proc/%s/timerslack_ns", monitor)); errors.Is(err, unix.EPERM) {
		t.Skipf("this process may not read or change the slack of another thread, which takes CAP_SYS_NICE: %v", err)
	}
	before := map[string]string{}
	for _, thread := range threads {
		before[thread.Name()] = slackOf(t, thread.Name())
	}
	calm(linux.New())
	t.Cleanup(func() {
		if err := os.WriteFile(fmt.Sprintf("/proc/%s/timerslack_ns", monitor), []byte(before[monitor]), 0); err != nil {
			t.Error(err)
		}
	})
	for name, was := range before {
		want := was
		if name == monitor {
			want = slack
		}
		if now := slackOf(t, name); now != want {
			t.Errorf("thread %s has a slack of %s, want %s", name, now, want)
		}
	}
}

func slackOf(t *testing.T, thread string) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%s/timerslack_ns", thread))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// listing is a kernel that has one directory.
type listing struct {
	posix.Files
	entries []byte
	err     error
}

func (listing) Openat2(posix.FD, string, posix.OpenHow) (posix.FD, error) { return 9, nil }
func (listing) Close(posix.FD) error                                      { return nil }
func (l listing) Getdents(_ posix.FD, buf []byte) (int, error)            { return copy(buf, l.entries), l.err }

func entry(name string) []byte {
	e := make([]byte, (19+len(name)+1+7)&^7)
	e[16] = byte(len(e))
	e[18] = unix.DT_DIR
	copy(e[19:], name)
	return e
}

func TestSecond(t *testing.T) {
	join := func(names ...string) (all []byte) {
		for _, n := range names {
			all = append(all, entry(n)...)
		}
		return all
	}
	for name, c := range map[string]struct {
		l    listing
		want string
	}{
		"two":          {listing{entries: join(".", "..", "17", "18", "19")}, "18"},
		"in any order": {listing{entries: join("17", ".", "18", "..")}, "18"},
		"one":          {listing{entries: join(".", "..", "17")}, ""},
		"none":         {listing{}, ""},
		"cut short":    {listing{entries: join("17", "18")[:40]}, ""},
		"an error":     {listing{entries: join("17", "18"), err: posix.Errno(unix.EIO)}, ""},
	} {
		if got := second(c.l, "/proc/self/task"); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
