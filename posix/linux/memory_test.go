package linux

import (
	"os"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

func TestMemfdCreate(t *testing.T) {
	k := New()
	fd, err := k.MemfdCreate("bulkhead", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	closing(t, fd, err)
	_, err = k.Write(fd, []byte("text"))
	must(t, "Write", err)
	_, err = k.Fcntl(fd, unix.F_ADD_SEALS, unix.F_SEAL_WRITE|unix.F_SEAL_SHRINK)
	check(t, "seal", err, 0)
	seals, err := k.Fcntl(fd, unix.F_GET_SEALS, 0)
	if seals != unix.F_SEAL_WRITE|unix.F_SEAL_SHRINK || err != nil {
		t.Errorf("seals %#x, %v", seals, err)
	}
	_, err = k.Write(fd, []byte("more"))
	check(t, "write to a sealed file", err, unix.EPERM)
	check(t, "shrink a sealed file", k.Ftruncate(fd, 0), unix.EPERM)

	for _, tt := range []struct {
		name, file string
		flags      int
		want       posix.Errno
	}{
		{"longest name", strings.Repeat("x", 249), unix.MFD_CLOEXEC, 0},
		{"longer", strings.Repeat("x", 250), unix.MFD_CLOEXEC, unix.EINVAL},
		{"zero byte", "a\x00b", unix.MFD_CLOEXEC, unix.EINVAL},
		{"unknown flags", "x", 1 << 30, unix.EINVAL},
	} {
		fd, err := k.MemfdCreate(tt.file, tt.flags)
		check(t, tt.name, err, tt.want)
		if err == nil {
			check(t, tt.name, k.Close(fd), 0)
		} else if fd != -1 {
			t.Errorf("%s: descriptor %d with an error, want -1", tt.name, fd)
		}
	}
}

func TestClockGettime(t *testing.T) {
	k := New()
	before := time.Now()
	wall, err := k.ClockGettime(unix.CLOCK_REALTIME)
	must(t, "ClockGettime", err)
	after := time.Now()
	if got := time.Unix(wall.Sec, wall.Nsec); got.Before(before.Truncate(0)) || got.After(after.Truncate(0)) {
		t.Errorf("%v is not between %v and %v", got, before, after)
	}
	a, err := k.ClockGettime(unix.CLOCK_MONOTONIC)
	must(t, "ClockGettime", err)
	b, err := k.ClockGettime(unix.CLOCK_MONOTONIC)
	must(t, "ClockGettime", err)
	if b.Sec < a.Sec || b.Sec == a.Sec && b.Nsec < a.Nsec || a == (posix.Timespec{}) {
		t.Errorf("the clock went from %+v to %+v", a, b)
	}
	_, err = k.ClockGettime(99)
	check(t, "no such clock", err, unix.EINVAL)
}

func TestMadvise(t *testing.T) {
	k := New()
	page := os.Getpagesize()
	memory, err := unix.Mmap(-1, 0, 2*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	must(t, "map memory", err)
	addr := uintptr(unsafe.Pointer(&memory[0]))
	memory[0], memory[page] = 1, 2
	check(t, "give up a page", k.Madvise(addr, 1, unix.MADV_DONTNEED), 0)
	if memory[0] != 0 || memory[page] != 2 {
		t.Errorf("the pages begin with %d and %d, want 0 and 2", memory[0], memory[page])
	}
	check(t, "nothing", k.Madvise(addr, 0, unix.MADV_DONTNEED), 0)
	check(t, "within a page", k.Madvise(addr+1, 1, unix.MADV_DONTNEED), unix.EINVAL)
	check(t, "unknown advice", k.Madvise(addr, 1, -1), unix.EINVAL)
	must(t, "unmap", unix.Munmap(memory))
	check(t, "nothing there", k.Madvise(0, uintptr(page), unix.MADV_DONTNEED), unix.ENOMEM)
}
