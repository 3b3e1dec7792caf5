package linux

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

func TestOpenat2(t *testing.T) {
	k, dir := New(), tempDir(t)
	tempFile(t, dir, "file", "text")
	long := strings.Repeat("./", 200) + "file" // more than the stack buffer holds
	must(t, "Symlinkat", k.Symlinkat("file", dir, "link"))
	must(t, "Symlinkat", k.Symlinkat("/etc", dir, "out"))
	for _, tt := range []struct {
		name, path string
		how        posix.OpenHow
		want       posix.Errno
	}{
		{"a file", "file", posix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC}, 0},
		{"a long path", long, posix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC}, 0},
		{"through a link", "link", posix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC}, 0},
		{"the link not followed", "link", posix.OpenHow{Flags: unix.O_RDONLY | unix.O_NOFOLLOW}, unix.ELOOP},
		{"no link allowed", "link", posix.OpenHow{Resolve: unix.RESOLVE_NO_SYMLINKS}, unix.ELOOP},
		{"out of the directory", "out/passwd", posix.OpenHow{Resolve: unix.RESOLVE_BENEATH}, unix.EXDEV},
		{"up", "../x", posix.OpenHow{Resolve: unix.RESOLVE_BENEATH}, unix.EXDEV},
		{"missing", "none", posix.OpenHow{}, unix.ENOENT},
		{"empty", "", posix.OpenHow{}, unix.ENOENT},
		{"below a file", "file/x", posix.OpenHow{}, unix.ENOTDIR},
		{"exists already", "file", posix.OpenHow{Flags: unix.O_CREAT | unix.O_EXCL, Mode: 0o600}, unix.EEXIST},
		{"a zero byte in the path", "fi\x00le", posix.OpenHow{}, unix.EINVAL},
		{"mode without creation", "file", posix.OpenHow{Mode: 0o600}, unix.EINVAL},
		{"an unknown flag", "file", posix.OpenHow{Flags: 1 << 40}, unix.EINVAL},
		{"a component too long", strings.Repeat("x", 256), posix.OpenHow{}, unix.ENAMETOOLONG},
		{"a path too long", strings.Repeat("./", 2048), posix.OpenHow{}, unix.ENAMETOOLONG},
	} {
		fd, err := k.Openat2(dir, tt.path, tt.how)
		check(t, tt.name, err, tt.want)
		if err == nil {
			check(t, tt.name, k.Close(fd), 0)
		} else if fd != -1 {
			t.Errorf("%s: descriptor %d with an error, want -1", tt.name, fd)
		}
	}
	_, err := k.Openat2(-1, "file", posix.OpenHow{})
	check(t, "relative to nothing", err, unix.EBADF)
}

// A path of each length around the size of the stack buffer must arrive whole.
func TestPathLengths(t *testing.T) {
	k, dir := New(), tempDir(t)
	for n := pathStack - 3; n <= pathStack+3; n++ {
		path := strings.Repeat("./", (n-1)/2) + strings.Repeat("f", 1+(n-1)%2)
		if len(path) != n {
			t.Fatalf("built a path of %d bytes, want %d", len(path), n)
		}
		fd, err := k.Openat2(dir, path, posix.OpenHow{Flags: unix.O_CREAT | unix.O_EXCL | unix.O_WRONLY, Mode: 0o600})
		must(t, "Openat2", err)
		must(t, "Close", k.Close(fd))
		check(t, "unlink by the short name", k.Unlinkat(dir, strings.TrimLeft(path, "./"), 0), 0)
	}
}

func TestReadWrite(t *testing.T) {
	k, dir := New(), tempDir(t)
	fd := tempFile(t, dir, "file", "0123456789")
	buf := make([]byte, 4)
	for _, tt := range []struct {
		off  int64
		want string
		err  posix.Errno
	}{{0, "0123", 0}, {8, "89", 0}, {10, "", 0}, {99, "", 0}, {-1, "", unix.EINVAL}} {
		n, err := k.Pread(fd, buf, tt.off)
		check(t, "Pread", err, tt.err)
		if string(buf[:n]) != tt.want {
			t.Errorf("Pread at %d: %q, want %q", tt.off, buf[:n], tt.want)
		}
	}
	n, err := k.Read(fd, buf) // the offset is where Write left it: Pread did not move it
	if n != 0 || err != nil {
		t.Errorf("Read at the end: %d, %v, want 0, nil", n, err)
	}
	n, err = k.Read(fd, nil)
	if n != 0 || err != nil {
		t.Errorf("Read into nothing: %d, %v", n, err)
	}
	n, err = k.Read(dir, buf)
	check(t, "Read of an O_PATH descriptor", err, unix.EBADF)
	if n != 0 {
		t.Errorf("Read returned %d with an error, want 0", n)
	}
	_, err = k.Write(-1, buf)
	check(t, "Write to nothing", err, unix.EBADF)
	real, err := k.Openat2(dir, ".", posix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC})
	closing(t, real, err)
	_, err = k.Read(real, buf)
	check(t, "Read of a directory", err, unix.EISDIR)
	check(t, "Close of nothing", k.Close(-1), unix.EBADF)
}

func TestTee(t *testing.T) {
	k := New()
	pipe := func(flags int) (r, w posix.FD) {
		r, w, err := k.Pipe2(unix.O_CLOEXEC | flags)
		closing(t, r, err)
		closing(t, w, err)
		return r, w
	}
	in, feed := pipe(0)
	drain, out := pipe(0)
	buf := make([]byte, 16)
	_, err := k.Write(feed, []byte("hello"))
	must(t, "Write", err)
	for _, tt := range []struct {
		size int
		want string
	}{{16, "hello"}, {2, "he"}, {0, ""}} { // what is copied stays, so it is copied again
		n, err := k.Tee(in, out, tt.size, 0)
		if n != len(tt.want) || err != nil {
			t.Fatalf("Tee of %d bytes: %d, %v, want %d", tt.size, n, err, len(tt.want))
		}
		if n == 0 {
			continue
		}
		if n, err = k.Read(drain, buf); string(buf[:n]) != tt.want || err != nil {
			t.Errorf("the copy reads %q, %v, want %q", buf[:n], err, tt.want)
		}
	}
	if n, err := k.Read(in, buf); string(buf[:n]) != "hello" || err != nil {
		t.Errorf("the original reads %q, %v", buf[:n], err)
	}

	n, err := k.Tee(in, out, 16, unix.SPLICE_F_NONBLOCK)
	check(t, "nothing there", err, unix.EAGAIN)
	if n != 0 {
		t.Errorf("Tee returned %d with an error", n)
	}
	_, fill := pipe(unix.O_NONBLOCK)
	for err = nil; err == nil; {
		_, err = k.Write(fill, make([]byte, 4096))
	}
	_, err = k.Write(feed, []byte("more"))
	must(t, "Write", err)
	_, err = k.Tee(in, fill, 16, 0)
	check(t, "no room", err, unix.EAGAIN)
	_, err = k.Tee(in, feed, 16, 0)
	check(t, "a pipe to itself", err, unix.EINVAL)
	_, err = k.Tee(in, tempFile(t, tempDir(t), "file", ""), 16, 0)
	check(t, "a file", err, unix.EINVAL)
	_, err = k.Tee(in, -1, 16, 0)
	check(t, "nowhere", err, unix.EBADF)

	ended, writer, err := k.Pipe2(unix.O_CLOEXEC)
	closing(t, ended, err)
	must(t, "Close", k.Close(writer))
	if n, err := k.Tee(ended, out, 16, 0); n != 0 || err != nil {
		t.Errorf("Tee without writers: %d, %v, want the end", n, err)
	}
}

func TestPipe2(t *testing.T) {
	k := New()
	r, w, err := k.Pipe2(unix.O_CLOEXEC | unix.O_NONBLOCK)
	closing(t, r, err)
	buf := make([]byte, 8)
	n, err := k.Read(r, buf)
	check(t, "Read of an empty pipe", err, unix.EAGAIN) // and not the end of the file
	if n != 0 {
		t.Errorf("%d bytes with EAGAIN", n)
	}
	n, err = k.Write(w, []byte("abc"))
	if n != 3 || err != nil {
		t.Errorf("Write: %d, %v", n, err)
	}
	n, err = k.Read(r, buf)
	if string(buf[:n]) != "abc" || err != nil {
		t.Errorf("Read: %q, %v", buf[:n], err)
	}
	_, err = k.Pread(r, buf, 0)
	check(t, "Pread of a pipe", err, unix.ESPIPE)
	check(t, "Close", k.Close(w), 0)
	n, err = k.Read(r, buf)
	if n != 0 || err != nil {
		t.Errorf("Read at the end: %d, %v, want 0, nil", n, err)
	}
	check(t, "Close again", k.Close(w), unix.EBADF)
	r2, w2, err := k.Pipe2(-1)
	check(t, "Pipe2 with unknown flags", err, unix.EINVAL)
	if r2 != -1 || w2 != -1 {
		t.Errorf("Pipe2 returned %d and %d with an error, want -1", r2, w2)
	}
}

func TestFstat(t *testing.T) {
	k, dir := New(), tempDir(t)
	fd := tempFile(t, dir, "file", "four")
	must(t, "Symlinkat", k.Symlinkat("file", dir, "link"))
	var byFD, byName, link posix.Stat
	check(t, "Fstat", k.Fstat(fd, &byFD), 0)
	check(t, "Fstatat", k.Fstatat(dir, "link", &byName, 0), 0)
	check(t, "Fstatat of a link", k.Fstatat(dir, "link", &link, unix.AT_SYMLINK_NOFOLLOW), 0)
	if byFD != byName {
		t.Errorf("by descriptor %+v\nby name       %+v", byFD, byName)
	}
	if byFD.Size != 4 || byFD.Mode != unix.S_IFREG|0o600 || byFD.Nlink != 1 || byFD.UID != k.Geteuid() || byFD.Ino == 0 || byFD.Mtime.Sec == 0 {
		t.Errorf("file: %+v", byFD)
	}
	if link.Mode&unix.S_IFMT != unix.S_IFLNK || link.Ino == byFD.Ino || link.Size != 4 {
		t.Errorf("link: %+v", link)
	}
	var null posix.Stat
	check(t, "Fstatat", k.Fstatat(posix.AtFDCWD, "/dev/null", &null, 0), 0)
	if null.Mode&unix.S_IFMT != unix.S_IFCHR || null.Rdev != unix.Mkdev(1, 3) {
		t.Errorf("/dev/null: %+v", null)
	}
	var empty posix.Stat
	check(t, "Fstatat of the descriptor itself", k.Fstatat(fd, "", &empty, unix.AT_EMPTY_PATH), 0)
	if empty != byFD {
		t.Errorf("by the empty path %+v", empty)
	}
	st := posix.Stat{Size: 99}
	check(t, "Fstat of nothing", k.Fstat(-1, &st), unix.EBADF)
	check(t, "missing", k.Fstatat(dir, "none", &st, 0), unix.ENOENT)
	check(t, "an unknown flag", k.Fstatat(dir, "file", &st, 1<<30), unix.EINVAL)
	if st != (posix.Stat{Size: 99}) {
		t.Errorf("a failed call changed the result: %+v", st)
	}
}

func TestGetdents(t *testing.T) {
	k, dir := New(), tempDir(t)
	want := []string{".", "..", "a", "b", "c"}
	for _, name := range want[2:] {
		must(t, "Mkdirat", k.Mkdirat(dir, name, 0o700))
	}
	fd, err := k.Openat2(dir, ".", posix.OpenHow{Flags: unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC})
	closing(t, fd, err)
	_, err = k.Getdents(fd, make([]byte, 4))
	check(t, "a buffer too small", err, unix.EINVAL)
	var got []string
	buf := make([]byte, 64) // two entries at a time
	for {
		n, err := k.Getdents(fd, buf)
		must(t, "Getdents", err)
		if n == 0 {
			break
		}
		for b := buf[:n]; len(b) > 0; b = b[binary.NativeEndian.Uint16(b[16:]):] {
			name, _, _ := bytes.Cut(b[19:], []byte{0})
			got = append(got, string(name))
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("entries %q, want %q", got, want)
	}
	_, err = k.Getdents(tempFile(t, dir, "file", ""), buf)
	check(t, "of a file", err, unix.ENOTDIR)
}

func TestFtruncate(t *testing.T) {
	k, dir := New(), tempDir(t)
	fd := tempFile(t, dir, "file", "0123456789")
	var st posix.Stat
	for _, size := range []int64{3, 4096, 0} {
		check(t, "Ftruncate", k.Ftruncate(fd, size), 0)
		if must(t, "Fstat", k.Fstat(fd, &st)); st.Size != size {
			t.Errorf("size %d, want %d", st.Size, size)
		}
	}
	check(t, "below nothing", k.Ftruncate(fd, -1), unix.EINVAL)
	check(t, "of an O_PATH descriptor", k.Ftruncate(dir, 0), unix.EBADF)
}

func TestFcntl(t *testing.T) {
	k, dir := New(), tempDir(t)
	fd := tempFile(t, dir, "file", "")
	n, err := k.Fcntl(fd, unix.F_DUPFD_CLOEXEC, 100)
	must(t, "F_DUPFD_CLOEXEC", err)
	if n < 100 {
		t.Errorf("copy is %d, want at least 100", n)
	}
	dup := posix.FD(n)
	flags, err := k.Fcntl(dup, unix.F_GETFD, 0)
	if flags != unix.FD_CLOEXEC || err != nil {
		t.Errorf("F_GETFD: %d, %v", flags, err)
	}
	_, err = k.Fcntl(dup, unix.F_SETFD, 0)
	check(t, "F_SETFD", err, 0)
	flags, err = k.Fcntl(dup, unix.F_GETFD, 0)
	if flags != 0 || err != nil {
		t.Errorf("F_GETFD: %d, %v, want 0", flags, err)
	}
	check(t, "Close", k.Close(dup), 0)
	n, err = k.Fcntl(dup, unix.F_DUPFD_CLOEXEC, 0)
	check(t, "of nothing", err, unix.EBADF)
	if n != -1 {
		t.Errorf("Fcntl returned %d with an error, want -1", n)
	}
	_, err = k.Fcntl(fd, unix.F_DUPFD_CLOEXEC, -1)
	check(t, "a copy below 0", err, unix.EINVAL)
	_, err = k.Fcntl(fd, unix.F_ADD_SEALS, unix.F_SEAL_WRITE)
	var fs unix.Statfs_t
	must(t, "statfs", unix.Fstatfs(int(fd), &fs))
	if fs.Type == unix.TMPFS_MAGIC { // whose files could have seals, and begin with the one against others
		check(t, "seals of a file in memory", err, unix.EPERM)
	} else {
		check(t, "seals of a file", err, unix.EINVAL)
	}
}

func TestDup3(t *testing.T) {
	k, dir := New(), tempDir(t)
	fd := tempFile(t, dir, "file", "text")
	target := tempFile(t, dir, "other", "")
	check(t, "Dup3", k.Dup3(fd, target, unix.O_CLOEXEC), 0)
	var a, b posix.Stat
	must(t, "Fstat", k.Fstat(fd, &a))
	must(t, "Fstat", k.Fstat(target, &b))
	if a != b {
		t.Error("the copy is another file")
	}
	check(t, "onto itself", k.Dup3(fd, fd, 0), unix.EINVAL)
	check(t, "of nothing", k.Dup3(-1, target, 0), unix.EBADF)
	check(t, "onto nothing", k.Dup3(fd, -1, 0), unix.EBADF)
}
