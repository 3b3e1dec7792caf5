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

var garbage []byte

func TestShrink(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	for _, often := range []string{"once", "again"} {
		const much = 64 << 20
		garbage = bytes.Repeat([]byte{1}, much)
		garbage = nil
		file, anonymous := resident(t)
		if err := Shrink(linux.New()); err != nil {
			t.Fatal(err)
		}
		lessFile, lessAnonymous := resident(t)
		t.Logf("%s: files %d KiB, then %d; the own %d, then %d", often, file>>10, lessFile>>10, anonymous>>10, lessAnonymous>>10)
		if lessFile > file || often == "once" && lessFile > file*2/3 {
			t.Errorf("%s: %d bytes of files were resident, still %d", often, file, lessFile)
		}
		if anonymous < much || lessAnonymous > anonymous-much/2 {
			t.Errorf("%s: %d bytes of its own were resident, still %d", often, anonymous, lessAnonymous)
		}
	}
}

func TestReleaseGoesOn(t *testing.T) {
	m := mocks.NewMemory(gomock.NewController(t))
	m.EXPECT().Madvise(uintptr(0x1000), uintptr(0x2000), unix.MADV_DONTNEED).Return(posix.Errno(unix.EAGAIN))
	m.EXPECT().Madvise(uintptr(0x8000), uintptr(0x1000), unix.MADV_DONTNEED).Return(nil)
	err := release(m, []linux.Segment{{Addr: 0x1000, Length: 0x2000}, {Addr: 0x8000, Length: 0x1000}})
	if !errors.Is(err, posix.Errno(unix.EAGAIN)) || !strings.Contains(err.Error(), "8192 bytes") {
		t.Errorf("error %v", err)
	}
	if err := release(m, nil); err != nil {
		t.Errorf("nothing: %v", err)
	}
}
