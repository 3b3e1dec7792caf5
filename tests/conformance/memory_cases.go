package conformance

import (
	"math"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

const page = 4096

// memfd makes one with a content.
func (t *T) memfd(flags int, content string) posix.FD {
	t.Helper()
	fd := t.FD(t.Core.MemfdCreate("case", flags|unix.MFD_CLOEXEC))
	if content != "" {
		_, err := t.Core.Pwrite(fd, []byte(content), 0)
		t.Must("write", err)
	}
	return fd
}

// mmap maps, and unmaps at the end.
func (t *T) mmap(m posix.Mapping) []byte {
	t.Helper()
	b, err := t.Core.Mmap(m)
	t.Must("mmap", err)
	t.Cleanup(func() { _ = t.Core.Munmap(b) })
	return b
}

func anonymous(length, prot int) posix.Mapping {
	return posix.Mapping{Length: length, Prot: prot, Flags: unix.MAP_PRIVATE | unix.MAP_ANONYMOUS, FD: -1}
}

const readWrite = unix.PROT_READ | unix.PROT_WRITE

func memoryCases() []Case {
	return []Case{
		{Op: posix.OpMemfdCreate, Name: "a file without a name", Run: func(t *T) {
			fd := t.memfd(unix.MFD_EXEC, "text")
			var st posix.Stat
			t.Must("fstat", t.Core.Fstat(fd, &st))
			t.Equal("mode", st.Mode, uint32(unix.S_IFREG|0o777))
			t.Equal("links", st.Nlink, uint64(0))
			t.Equal("size", st.Size, int64(4))
			t.Equal("user", st.UID, t.Core.Geteuid())
			got, err := t.Core.Fcntl(fd, unix.F_GETFD, 0)
			t.Errno("F_GETFD", err, 0)
			t.Equal("close-on-exec", got, unix.FD_CLOEXEC)
			got, err = t.Core.Fcntl(fd, unix.F_GET_SEALS, 0)
			t.Errno("F_GET_SEALS", err, 0)
			t.Equal("seals", got, unix.F_SEAL_SEAL)
			_, err = t.Core.Fcntl(fd, unix.F_ADD_SEALS, unix.F_SEAL_WRITE)
			t.Errno("seal", err, unix.EPERM)
		}},
		{Op: posix.OpMemfdCreate, Name: "hostile arguments", Run: func(t *T) {
			for _, c := range []struct {
				what  string
				name  string
				flags int
				want  posix.Errno
			}{
				{"an unknown flag", "x", 1 << 20, unix.EINVAL}, {"both kinds of exec", "x", unix.MFD_EXEC | unix.MFD_NOEXEC_SEAL, unix.EINVAL},
				{"249 bytes", strings.Repeat("n", 249), unix.MFD_EXEC, 0}, {"250 bytes", strings.Repeat("n", 250), 0, unix.EINVAL},
				{"no name", "", unix.MFD_EXEC, 0}, {"a slash", "a/b", unix.MFD_EXEC, 0}, {"a zero byte", "a\x00b", 0, unix.EINVAL},
			} {
				fd, err := t.Core.MemfdCreate(c.name, c.flags)
				t.Errno(c.what, err, c.want)
				if err == nil {
					_ = t.Core.Close(fd)
				}
			}
		}},
		{Op: posix.OpMemfdCreate, Name: "seals", Run: func(t *T) {
			fd := t.memfd(unix.MFD_ALLOW_SEALING|unix.MFD_EXEC, "0123")
			add := func(what string, seals int, want posix.Errno) {
				t.Helper()
				_, err := t.Core.Fcntl(fd, unix.F_ADD_SEALS, seals)
				t.Errno(what, err, want)
			}
			write := func(what string, text string, off int64, want posix.Errno) {
				t.Helper()
				_, err := t.Core.Pwrite(fd, []byte(text), off)
				t.Errno(what, err, want)
			}
			add("unknown", 1<<10, unix.EINVAL)
			add("grow", unix.F_SEAL_GROW, 0)
			write("within", "ab", 2, 0)
			write("across the end", "ab", 3, unix.EPERM)
			t.Errno("longer", t.Core.Ftruncate(fd, 5), unix.EPERM)
			t.Errno("the same", t.Core.Ftruncate(fd, 4), 0)
			t.Errno("shorter", t.Core.Ftruncate(fd, 3), 0)
			add("shrink", unix.F_SEAL_SHRINK, 0)
			t.Errno("shorter", t.Core.Ftruncate(fd, 2), unix.EPERM)
			add("write", unix.F_SEAL_WRITE, 0)
			write("within", "a", 0, unix.EPERM)
			write("nothing", "", 0, 0)
			add("seal", unix.F_SEAL_SEAL, 0)
			add("again", unix.F_SEAL_WRITE, unix.EPERM)
			got, err := t.Core.Fcntl(fd, unix.F_GET_SEALS, 0)
			t.Errno("F_GET_SEALS", err, 0)
			t.Equal("seals", got, unix.F_SEAL_SEAL|unix.F_SEAL_WRITE|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW)
		}},
		{Op: posix.OpMemfdCreate, Name: "seals need a descriptor for writing", Run: func(t *T) {
			fd := t.memfd(unix.MFD_ALLOW_SEALING|unix.MFD_EXEC, "x")
			again := t.FD(t.Core.Openat2(posix.AtFDCWD, selfFD(fd), rdonly()))
			_, err := t.Core.Fcntl(again, unix.F_ADD_SEALS, unix.F_SEAL_WRITE)
			t.Errno("F_ADD_SEALS", err, unix.EPERM)
			_, err = t.Core.Fcntl(again, unix.F_ADD_SEALS, 1<<10)
			t.Errno("unknown", err, unix.EPERM)
		}},
		{Op: posix.OpMemfdCreate, Name: "MFD_NOEXEC_SEAL", Run: func(t *T) {
			fd := t.memfd(unix.MFD_NOEXEC_SEAL, "x")
			var st posix.Stat
			t.Must("fstat", t.Core.Fstat(fd, &st))
			t.Equal("mode", st.Mode, uint32(unix.S_IFREG|0o666))
			got, err := t.Core.Fcntl(fd, unix.F_GET_SEALS, 0)
			t.Errno("F_GET_SEALS", err, 0)
			t.Equal("seals", got, unix.F_SEAL_EXEC)
			t.Errno("make it executable", t.Core.Fchmodat(posix.AtFDCWD, selfFD(fd), 0o777), unix.EPERM)
			t.Errno("change other bits", t.Core.Fchmodat(posix.AtFDCWD, selfFD(fd), 0o600), 0)
		}},
		{Op: posix.OpMmap, Name: "the beginning of an enormous file", Run: func(t *T) {
			fd := t.FD(t.Core.MemfdCreate("m", unix.MFD_CLOEXEC))
			t.Must("ftruncate", t.Core.Ftruncate(fd, 1<<62))
			b, err := t.Core.Mmap(posix.Mapping{Length: 4096, Prot: unix.PROT_READ | unix.PROT_WRITE, Flags: unix.MAP_SHARED, FD: fd})
			t.Must("mmap", err)
			b[0] = 'x'
			got := make([]byte, 1)
			_, err = t.Core.Pread(fd, got, 0)
			t.Errno("pread", err, 0)
			t.Equal("read", string(got), "x")
			t.Errno("munmap", t.Core.Munmap(b), 0)
		}},
		{Op: posix.OpMmap, Name: "new memory", Run: func(t *T) {
			b := t.mmap(anonymous(page+1, readWrite))
			t.Equal("length", len(b), page+1)
			t.Equal("zero", b[page], byte(0))
			b[page] = 7
			t.Equal("written", b[page], byte(7))
		}},
		{Op: posix.OpMmap, Name: "a file, shared", Run: func(t *T) {
			fd := t.File("f", "text")
			b := t.mmap(posix.Mapping{Length: page, Prot: readWrite, Flags: unix.MAP_SHARED, FD: fd})
			other := t.mmap(posix.Mapping{Length: page, Prot: unix.PROT_READ, Flags: unix.MAP_SHARED, FD: t.Open("f", unix.O_RDONLY)})
			t.Equal("content", string(b[:4]), "text")
			b[0] = 'T'
			t.Equal("file", t.Content("f"), "Text")
			_, err := t.Core.Pwrite(fd, []byte("X"), 3)
			t.Must("write", err)
			t.Equal("memory", string(b[:4]), "TexX")
			t.Equal("other memory", string(other[:4]), "TexX")
		}},
		{Op: posix.OpMmap, Name: "a file is accessed", Run: func(t *T) {
			fd := t.File("f", "text")
			for _, flags := range []int{unix.MAP_SHARED, unix.MAP_PRIVATE} {
				t.Must("utimensat", t.Core.Utimensat(posix.Utimes{Dir: t.Dir, Path: "f", Atime: posix.Timespec{Sec: 1}, Mtime: posix.Timespec{Sec: 2}}))
				c, err := t.Core.Mmap(posix.Mapping{Length: 4096, Prot: unix.PROT_WRITE, Flags: flags, FD: t.Open("f", unix.O_RDONLY|unix.O_NOATIME)})
				t.Equal("mapped", err == nil, flags == unix.MAP_PRIVATE)
				if err == nil {
					t.Must("munmap", t.Core.Munmap(c))
				}
				t.Equal("O_NOATIME", t.stat("f").Atime.Sec, int64(1))
				b, err := t.Core.Mmap(posix.Mapping{Length: 4096, Prot: unix.PROT_READ, Flags: flags, FD: fd})
				t.Must("mmap", err)
				t.Equal("accessed", t.stat("f").Atime.Sec > 2, true)
				t.Must("munmap", t.Core.Munmap(b))
			}
		}},
		{Op: posix.OpMmap, Name: "the beginning of a file of 4 EiB", Run: func(t *T) {
			fd := t.FD(t.Core.MemfdCreate("m", unix.MFD_CLOEXEC))
			_, err := t.Core.Pwrite(fd, []byte("end"), 1<<62)
			t.Must("pwrite", err)
			b, err := t.Core.Mmap(posix.Mapping{Length: 4096, Prot: unix.PROT_READ | unix.PROT_WRITE, Flags: unix.MAP_SHARED, FD: fd, Offset: 4096})
			t.Must("mmap", err)
			copy(b, "text")
			got := make([]byte, 4)
			_, err = t.Core.Pread(fd, got, 4096)
			t.Must("pread", err)
			t.Equal("read", string(got), "text")
			t.Must("munmap", t.Core.Munmap(b))
		}},
		{Op: posix.OpMmap, Name: "a file, private", Run: func(t *T) {
			t.File("f", "text")
			b := t.mmap(posix.Mapping{Length: page, Prot: readWrite, Flags: unix.MAP_PRIVATE, FD: t.Open("f", unix.O_RDONLY)})
			b[0] = 'T'
			t.Equal("file", t.Content("f"), "text")
			t.Equal("memory", string(b[:5]), "Text\x00")
		}},
		{Op: posix.OpMmap, Name: "errors", Run: func(t *T) {
			fd := t.File("f", "text")
			read, write := t.Open("f", unix.O_RDONLY), t.Open("f", unix.O_WRONLY)
			r, w, err := t.Core.Pipe2(unix.O_CLOEXEC)
			t.Pair(r, w, err)
			for _, c := range []struct {
				what string
				m    posix.Mapping
				want posix.Errno
			}{
				{"nothing", posix.Mapping{Length: 0, Flags: unix.MAP_SHARED, FD: fd}, unix.EINVAL},
				{"a negative length", posix.Mapping{Length: -1, Flags: unix.MAP_SHARED, FD: fd}, unix.EINVAL},
				{"at an address", posix.Mapping{Length: page, Flags: unix.MAP_SHARED | unix.MAP_FIXED, FD: fd}, unix.EINVAL},
				{"neither shared nor private", posix.Mapping{Length: page, FD: fd}, unix.EINVAL},
				{"neither, new memory", posix.Mapping{Length: page, Flags: unix.MAP_ANONYMOUS, FD: -1}, unix.EINVAL},
				{"within a page", posix.Mapping{Length: page, Flags: unix.MAP_SHARED, FD: fd, Offset: 7}, unix.EINVAL},
				{"within a page, not open", posix.Mapping{Length: page, Flags: unix.MAP_SHARED, FD: -1, Offset: 7}, unix.EINVAL},
				{"not open", posix.Mapping{Length: page, Flags: unix.MAP_SHARED, FD: -1}, unix.EBADF},
				{"O_PATH", posix.Mapping{Length: page, Flags: unix.MAP_SHARED, FD: t.Open("f", unix.O_PATH)}, unix.EBADF},
				{"to write what is open for reading", posix.Mapping{Length: page, Prot: unix.PROT_WRITE, Flags: unix.MAP_SHARED, FD: read}, unix.EACCES},
				{"what is open for writing", posix.Mapping{Length: page, Prot: unix.PROT_WRITE, Flags: unix.MAP_SHARED, FD: write}, unix.EACCES},
				{"a directory", posix.Mapping{Length: page, Prot: unix.PROT_READ, Flags: unix.MAP_SHARED, FD: t.Dir}, unix.ENODEV},
				{"a pipe", posix.Mapping{Length: page, Prot: unix.PROT_READ, Flags: unix.MAP_PRIVATE, FD: r}, unix.ENODEV},
				{"a huge length", posix.Mapping{Length: math.MaxInt64, Prot: unix.PROT_READ, Flags: unix.MAP_PRIVATE, FD: fd}, unix.ENOMEM},
				{"a huge length of new memory", anonymous(math.MaxInt64, readWrite), unix.ENOMEM},
			} {
				_, err := t.Core.Mmap(c.m)
				t.Errno(c.what, err, c.want)
			}
		}},
		{Op: posix.OpMmap, Name: "seals", Run: func(t *T) {
			fd := t.memfd(unix.MFD_ALLOW_SEALING|unix.MFD_EXEC, strings.Repeat("x", page))
			shared := posix.Mapping{Length: page, Prot: readWrite, Flags: unix.MAP_SHARED, FD: fd}
			b, err := t.Core.Mmap(shared)
			t.Must("mmap", err)
			_, err = t.Core.Fcntl(fd, unix.F_ADD_SEALS, unix.F_SEAL_WRITE)
			t.Errno("seal what is mapped", err, unix.EBUSY)
			t.Must("munmap", t.Core.Munmap(b))
			_, err = t.Core.Fcntl(fd, unix.F_ADD_SEALS, unix.F_SEAL_WRITE)
			t.Errno("seal", err, 0)
			_, err = t.Core.Mmap(shared)
			t.Errno("to write", err, unix.EPERM)
			shared.Prot = unix.PROT_READ
			b = t.mmap(shared)
			t.Errno("to write later", t.Core.Mprotect(b, readWrite), unix.EACCES)
			shared.Prot, shared.Flags = readWrite, unix.MAP_PRIVATE
			t.mmap(shared)[0] = 'y'
		}},
		{Op: posix.OpMmap, Name: "the file is closed", Run: func(t *T) {
			fd := t.File("f", "text")
			b := t.mmap(posix.Mapping{Length: page, Prot: readWrite, Flags: unix.MAP_SHARED, FD: fd})
			t.Must("close", t.Core.Close(fd))
			b[0] = 'T'
			t.Equal("file", t.Content("f"), "Text")
		}},
		{Op: posix.OpMunmap, Name: "what was mapped", Run: func(t *T) {
			b, err := t.Core.Mmap(anonymous(3*page, readWrite))
			t.Must("mmap", err)
			t.Errno("munmap", t.Core.Munmap(b), 0)
		}},
		{Op: posix.OpMunmap, Name: "nothing", Run: func(t *T) {
			t.Errno("nil", t.Core.Munmap(nil), unix.EINVAL)
			t.Errno("empty", t.Core.Munmap([]byte{}), unix.EINVAL)
		}},
		{Op: posix.OpMunmap, Name: "within a page", Run: func(t *T) {
			b := t.mmap(anonymous(2*page, readWrite))
			t.Errno("munmap", t.Core.Munmap(b[1:]), unix.EINVAL)
			b[2*page-1] = 1
		}},
		{Op: posix.OpMprotect, Name: "what was mapped", Run: func(t *T) {
			b := t.mmap(anonymous(2*page, unix.PROT_NONE))
			t.Errno("to read and write", t.Core.Mprotect(b, readWrite), 0)
			b[page] = 1
			t.Errno("half of it", t.Core.Mprotect(b[:page], unix.PROT_READ), 0)
			t.Errno("nothing of it", t.Core.Mprotect(b[:0], unix.PROT_READ), 0)
		}},
		{Op: posix.OpMprotect, Name: "a file that is open for reading", Run: func(t *T) {
			t.File("f", "text")
			fd := t.Open("f", unix.O_RDONLY)
			b := t.mmap(posix.Mapping{Length: page, Prot: unix.PROT_READ, Flags: unix.MAP_SHARED, FD: fd})
			t.Errno("shared", t.Core.Mprotect(b, readWrite), unix.EACCES)
			b = t.mmap(posix.Mapping{Length: page, Prot: unix.PROT_READ, Flags: unix.MAP_PRIVATE, FD: fd})
			t.Errno("private", t.Core.Mprotect(b, readWrite), 0)
		}},
		{Op: posix.OpMprotect, Name: "hostile arguments", Run: func(t *T) {
			b := t.mmap(anonymous(2*page, readWrite))
			t.Errno("within a page", t.Core.Mprotect(b[1:], unix.PROT_READ), unix.EINVAL)
			t.Errno("within a page, nothing", t.Core.Mprotect(b[1:1], unix.PROT_READ), unix.EINVAL)
			t.Errno("an unknown protection", t.Core.Mprotect(b, 1<<20), unix.EINVAL)
		}},
		{Op: posix.OpMadvise, Name: "MADV_DONTNEED", Run: func(t *T) {
			b := t.mmap(anonymous(2*page, readWrite))
			b[0], b[page] = 1, 2
			t.Errno("the first page", t.Core.Madvise(addressOf(b), page, unix.MADV_DONTNEED), 0)
			t.Equal("the first page", b[0], byte(0))
			t.Equal("the second page", b[page], byte(2))
			t.Errno("a part is a page", t.Core.Madvise(addressOf(b)+page, 1, unix.MADV_DONTNEED), 0)
			t.Equal("the second page", b[page], byte(0))
		}},
		{Op: posix.OpMadvise, Name: "a file", Run: func(t *T) {
			fd := t.File("f", "text")
			b := t.mmap(posix.Mapping{Length: page, Prot: readWrite, Flags: unix.MAP_PRIVATE, FD: fd})
			b[0] = 'T'
			t.Errno("private", t.Core.Madvise(addressOf(b), page, unix.MADV_DONTNEED), 0)
			t.Equal("read again", string(b[:4]), "text")
			t.Errno("free", t.Core.Madvise(addressOf(b), page, unix.MADV_FREE), unix.EINVAL)
			t.Errno("remove", t.Core.Madvise(addressOf(b), page, unix.MADV_REMOVE), unix.EACCES)
		}},
		{Op: posix.OpMadvise, Name: "hostile arguments", Run: func(t *T) {
			b := t.mmap(anonymous(page, readWrite))
			at := addressOf(b)
			t.Errno("within a page", t.Core.Madvise(at+1, page, unix.MADV_DONTNEED), unix.EINVAL)
			t.Errno("an unknown advice", t.Core.Madvise(at, page, 9999), unix.EINVAL)
			t.Errno("nothing", t.Core.Madvise(at, 0, unix.MADV_DONTNEED), 0)
			t.Errno("nothing, an unknown advice", t.Core.Madvise(at, 0, 9999), unix.EINVAL)
			t.Errno("around the end", t.Core.Madvise(at, math.MaxUint64, unix.MADV_DONTNEED), unix.EINVAL)
			t.Errno("nothing is mapped", t.Core.Madvise(page, page, unix.MADV_DONTNEED), unix.ENOMEM)
		}},
	}
}
