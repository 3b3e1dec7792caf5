package kernel_test

import (
	"encoding/binary"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
)

// FuzzFiles makes calls about files with arguments that nobody should give. Whatever they are, the kernel must answer with an errno, and must not
// lose count: when everything has been closed and removed, no space is used.
func FuzzFiles(f *testing.F) {
	f.Add([]byte("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17"))
	seed := make([]byte, 0, 1024)
	for i := range 1024 {
		seed = append(seed, byte(i*i>>3+7*i))
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, program []byte) {
		k := kernel.New(kernel.Config{MaxFiles: 64})
		fine(t, k.Mkdir("/tmp", 0o1777))
		p := k.Init()
		h := &hostile{t: t, p: p, program: program}
		for range 300 {
			if len(h.program) == 0 {
				break
			}
			h.call()
		}
		h.tidy()
	})
}

// hostile takes calls and arguments from the fuzzer's bytes.
type hostile struct {
	t       *testing.T
	p       *kernel.Process
	program []byte
	maps    [][]byte
}

func (h *hostile) byte() byte {
	if len(h.program) == 0 {
		return 0
	}
	b := h.program[0]
	h.program = h.program[1:]
	return b
}

func (h *hostile) int() int64 {
	switch b := h.byte(); {
	case b < 160:
		return int64(b % 16)
	case b < 200:
		return -int64(b % 16)
	case b < 240:
		return []int64{1 << 12, 1<<12 + 1, 1 << 30, 1 << 31, 1<<31 - 1, 1 << 40, 1<<63 - 1, -1 << 63}[b%8]
	}
	var raw [8]byte
	for i := range raw {
		raw[i] = h.byte()
	}
	return int64(binary.LittleEndian.Uint64(raw[:]))
}

func (h *hostile) fd() posix.FD {
	switch b := h.byte(); {
	case b < 200:
		return posix.FD(b % 12)
	case b < 230:
		return posix.AtFDCWD
	}
	return posix.FD(h.int())
}

func (h *hostile) path() string {
	names := []string{
		"a", "b", "c", "d", ".", "..", "", "/", "/tmp", "/proc/self/fd/3", "/proc/self", "/dev/null", "a\x00b", strings.Repeat("n", 255), strings.Repeat("n", 256),
		strings.Repeat("x/", 2048), "/proc/1/status", "/dev/zero",
	}
	b := h.byte()
	path := names[int(b)%len(names)]
	if b&0x80 != 0 {
		path += "/" + names[int(h.byte())%len(names)]
	}
	if b&0x40 != 0 {
		path += "/"
	}
	if b&0x20 == 0 && !strings.HasPrefix(path, "/") && path != "" {
		path = "/tmp/" + path
	}
	return path
}

func (h *hostile) flags() int {
	return int([]int64{0, 1, 2, 3, unix.O_CREAT | 2, unix.O_CREAT | unix.O_EXCL | 2, unix.O_PATH, unix.O_DIRECTORY, unix.O_TMPFILE | 2, unix.O_TRUNC | 2, unix.O_APPEND | 1, unix.O_NOFOLLOW, h.int()}[h.byte()%13])
}

func (h *hostile) call() {
	p, buf := h.p, make([]byte, 100)
	switch h.byte() % 27 {
	case 0, 1, 2:
		_, _ = p.Openat2(h.fd(), h.path(), posix.OpenHow{Flags: uint64(h.flags()) | unix.O_NONBLOCK&uint64(h.int()), Mode: uint64(h.int()), Resolve: uint64(h.int()) & 0x3f})
	case 3:
		_, _ = p.Openat2(posix.AtFDCWD, h.path(), posix.OpenHow{Flags: unix.O_CREAT | unix.O_RDWR, Mode: 0o600})
	case 4:
		_ = p.Close(h.fd())
	case 5:
		_, _ = p.Read(h.fd(), buf[:h.byte()%100])
	case 6:
		_, _ = p.Write(h.fd(), buf[:h.byte()%100])
	case 7:
		_, _ = p.Pread(h.fd(), buf, h.int())
	case 8:
		_, _ = p.Pwrite(h.fd(), buf, h.int())
	case 9:
		_, _ = p.Lseek(h.fd(), h.int(), int(h.int()))
	case 10:
		_ = p.Fstatat(h.fd(), h.path(), &posix.Stat{}, int(h.int()))
	case 11:
		_, _ = p.Readlinkat(h.fd(), h.path(), buf[:h.byte()%100])
	case 12:
		_ = p.Mkdirat(h.fd(), h.path(), uint32(h.int()))
	case 13:
		_ = p.Symlinkat(h.path(), h.fd(), h.path())
	case 14:
		_ = p.Unlinkat(h.fd(), h.path(), int(h.int())&0x200)
	case 15, 16:
		_ = p.Renameat2(posix.Rename{OldDir: h.fd(), OldPath: h.path(), NewDir: h.fd(), NewPath: h.path(), Flags: uint32(h.int()) & 7})
	case 17:
		_ = p.Linkat(posix.Link{OldDir: h.fd(), OldPath: h.path(), NewDir: h.fd(), NewPath: h.path(), Flags: int(h.int()) & 0x1400})
	case 18:
		_ = p.Fchmodat(h.fd(), h.path(), uint32(h.int()))
	case 19:
		_ = p.Fchownat(posix.Chown{Dir: h.fd(), Path: h.path(), UID: posix.UID(h.int()), GID: posix.GID(h.int()), Flags: int(h.int()) & 0x1100})
	case 20:
		_, _ = p.Getdents(h.fd(), buf[:h.byte()%100])
	case 21:
		_ = p.Ftruncate(h.fd(), h.int())
	case 22:
		_, _ = p.Fcntl(h.fd(), int([]int64{0, 1, 2, 3, 4, 1030, 1031, 1032, 1033, 1034, h.int()}[h.byte()%11]), int(h.int()))
	case 23:
		_ = p.Dup3(h.fd(), h.fd(), int(h.int()))
	case 24:
		_ = p.Flock(h.fd(), int(h.int())|unix.LOCK_NB)
		_ = p.Faccessat2(h.fd(), h.path(), int(h.int()), int(h.int()))
	case 25:
		_, _ = p.MemfdCreate(h.path(), int(h.int()))
		_ = p.Utimensat(posix.Utimes{Dir: h.fd(), Path: h.path(), Atime: posix.Timespec{Nsec: h.int()}, Flags: int(h.int())})
	case 26:
		b, err := p.Mmap(posix.Mapping{Length: int(h.byte()) * 100, Prot: int(h.int()), Flags: int(h.int()), FD: h.fd(), Offset: h.int()})
		if err == nil {
			h.maps = append(h.maps, b)
			_ = p.Madvise(uintptr(h.int()), uintptr(h.int()), int(h.int()))
			_ = p.Mprotect(b, int(h.int()))
		}
	}
}

// tidy closes and removes everything, and finds out what is left.
func (h *hostile) tidy() {
	p := h.p
	for _, b := range h.maps {
		_ = p.Munmap(b)
	}
	for fd := range posix.FD(1024) {
		_ = p.Close(fd)
	}
	fd, err := p.Openat2(posix.AtFDCWD, "/", posix.OpenHow{Flags: unix.O_RDONLY})
	if err != nil {
		h.t.Fatal(err)
	}
	h.remove(fd, ".")
	var st posix.Statfs
	if err := p.Fstatfs(fd, &st); err != nil {
		h.t.Fatal(err)
	}
	if used := st.Blocks - st.Bfree; used != 0 {
		h.t.Errorf("%d blocks are in use after everything has been closed and removed", used)
	}
}

// remove removes what is in a directory.
func (h *hostile) remove(at posix.FD, name string) {
	p := h.p
	fd, err := p.Openat2(at, name, posix.OpenHow{Flags: unix.O_RDONLY | unix.O_DIRECTORY})
	if err != nil {
		h.t.Fatal(err)
	}
	buf := make([]byte, 4096)
	for {
		n, err := p.Getdents(fd, buf)
		if err != nil {
			h.t.Fatal(err)
		}
		if n == 0 {
			break
		}
		for at := 0; at < n; {
			size := int(binary.NativeEndian.Uint16(buf[at+16:]))
			entry := buf[at+19 : at+size]
			name := string(entry[:strings.IndexByte(string(entry), 0)])
			at += size
			if name == "." || name == ".." || name == "proc" || name == "dev" {
				continue
			}
			if buf[at-size+18] == unix.DT_DIR {
				h.remove(fd, name)
			}
			_ = p.Unlinkat(fd, name, int(uint32(buf[at-size+18])>>2&1)*unix.AT_REMOVEDIR)
		}
	}
	_ = p.Close(fd)
}
