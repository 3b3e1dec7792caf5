package linux

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

func TestMkdirat(t *testing.T) {
	k, dir := New(), tempDir(t)
	for _, tt := range []struct {
		name, path string
		want       posix.Errno
	}{
		{"new", "d", 0}, {"again", "d", unix.EEXIST}, {"below", "d/e", 0}, {"without a parent", "x/y", unix.ENOENT},
		{"empty", "", unix.ENOENT}, {"zero byte", "a\x00b", unix.EINVAL}, {"below /proc", "/proc/x", unix.ENOENT},
	} {
		check(t, tt.name, k.Mkdirat(dir, tt.path, 0o700), tt.want)
	}
	var st posix.Stat
	must(t, "Fstatat", k.Fstatat(dir, "d", &st, 0))
	if st.Mode != unix.S_IFDIR|0o700 {
		t.Errorf("mode %o", st.Mode)
	}
}

func TestLinks(t *testing.T) {
	k, dir := New(), tempDir(t)
	check(t, "Symlinkat", k.Symlinkat("some/target", dir, "link"), 0)
	check(t, "again", k.Symlinkat("x", dir, "link"), unix.EEXIST)
	check(t, "empty target", k.Symlinkat("", dir, "other"), unix.ENOENT)
	check(t, "zero byte", k.Symlinkat("a\x00b", dir, "other"), unix.EINVAL)

	buf := make([]byte, 64)
	n, err := k.Readlinkat(dir, "link", buf)
	if string(buf[:n]) != "some/target" || err != nil {
		t.Errorf("Readlinkat: %q, %v", buf[:n], err)
	}
	n, err = k.Readlinkat(dir, "link", buf[:4])
	if string(buf[:n]) != "some" || err != nil {
		t.Errorf("Readlinkat into 4 bytes: %q, %v", buf[:n], err)
	}
	fd, err := k.Openat2(dir, "link", posix.OpenHow{Flags: unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC})
	closing(t, fd, err)
	n, err = k.Readlinkat(fd, "", buf)
	if string(buf[:n]) != "some/target" || err != nil {
		t.Errorf("Readlinkat of the descriptor: %q, %v", buf[:n], err)
	}
	_, err = k.Readlinkat(dir, ".", buf)
	check(t, "no link", err, unix.EINVAL)
	_, err = k.Readlinkat(dir, "none", buf)
	check(t, "missing", err, unix.ENOENT)
	_, err = k.Readlinkat(dir, "link", nil)
	check(t, "no buffer", err, unix.EINVAL)
}

func TestUnlinkat(t *testing.T) {
	k, dir := New(), tempDir(t)
	tempFile(t, dir, "file", "")
	must(t, "Mkdirat", k.Mkdirat(dir, "d", 0o700))
	must(t, "Mkdirat", k.Mkdirat(dir, "d/e", 0o700))
	for _, tt := range []struct {
		name, path string
		flags      int
		want       posix.Errno
	}{
		{"a directory as a file", "d", 0, unix.EISDIR},
		{"a file as a directory", "file", unix.AT_REMOVEDIR, unix.ENOTDIR},
		{"not empty", "d", unix.AT_REMOVEDIR, unix.ENOTEMPTY},
		{"empty", "d/e", unix.AT_REMOVEDIR, 0},
		{"now empty", "d", unix.AT_REMOVEDIR, 0},
		{"a file", "file", 0, 0},
		{"gone", "file", 0, unix.ENOENT},
		{"a long path", strings.Repeat("./", 200) + "file", 0, unix.ENOENT},
		{"an unknown flag", "file", 1 << 20, unix.EINVAL},
	} {
		check(t, tt.name, k.Unlinkat(dir, tt.path, tt.flags), tt.want)
	}
}

func TestRenameat2(t *testing.T) {
	k, a, b := New(), tempDir(t), tempDir(t)
	tempFile(t, a, "one", "1")
	tempFile(t, a, "two", "22")
	size := func(dir posix.FD, name string) int64 {
		var st posix.Stat
		if err := k.Fstatat(dir, name, &st, 0); err != nil {
			return -1
		}
		return st.Size
	}
	check(t, "without replacing", k.Renameat2(posix.Rename{OldDir: a, OldPath: "one", NewDir: a, NewPath: "two", Flags: unix.RENAME_NOREPLACE}), unix.EEXIST)
	check(t, "exchange", k.Renameat2(posix.Rename{OldDir: a, OldPath: "one", NewDir: a, NewPath: "two", Flags: unix.RENAME_EXCHANGE}), 0)
	if size(a, "one") != 2 || size(a, "two") != 1 {
		t.Error("the files were not exchanged")
	}
	check(t, "to another directory", k.Renameat2(posix.Rename{OldDir: a, OldPath: "one", NewDir: b, NewPath: "three"}), 0)
	if size(a, "one") != -1 || size(b, "three") != 2 {
		t.Error("the file was not moved")
	}
	check(t, "replacing", k.Renameat2(posix.Rename{OldDir: a, OldPath: "two", NewDir: b, NewPath: "three"}), 0)
	if size(b, "three") != 1 {
		t.Error("the file was not replaced")
	}
	check(t, "missing", k.Renameat2(posix.Rename{OldDir: a, OldPath: "two", NewDir: b, NewPath: "x"}), unix.ENOENT)
	check(t, "to another file system", k.Renameat2(posix.Rename{OldDir: b, OldPath: "three", NewDir: posix.AtFDCWD, NewPath: "/proc/three"}), unix.EXDEV)
	check(t, "unknown flags", k.Renameat2(posix.Rename{OldDir: b, OldPath: "three", NewDir: a, NewPath: "x", Flags: 1 << 20}), unix.EINVAL)
}

func TestFchmodat(t *testing.T) {
	k, dir := New(), tempDir(t)
	fd := tempFile(t, dir, "file", "")
	must(t, "Symlinkat", k.Symlinkat("file", dir, "link"))
	check(t, "through a link", k.Fchmodat(dir, "link", 0o640), 0)
	var st posix.Stat
	if must(t, "Fstat", k.Fstat(fd, &st)); st.Mode&0o7777 != 0o640 {
		t.Errorf("mode %o, want 640", st.Mode)
	}
	check(t, "missing", k.Fchmodat(dir, "none", 0o600), unix.ENOENT)
	check(t, "below a file", k.Fchmodat(dir, "file/x", 0o600), unix.ENOTDIR)
}

func TestFchownat(t *testing.T) {
	k, dir := New(), tempDir(t)
	tempFile(t, dir, "file", "")
	same := posix.Chown{Dir: dir, Path: "file", UID: ^posix.UID(0), GID: ^posix.GID(0)}
	check(t, "leave both", k.Fchownat(same), 0)
	same.Path = "none"
	check(t, "missing", k.Fchownat(same), unix.ENOENT)
	same.Path, same.Flags = "file", 1<<20
	check(t, "unknown flags", k.Fchownat(same), unix.EINVAL)

	other := posix.Chown{Dir: dir, Path: "file", UID: 12345, GID: 54321}
	if !capable(t, unix.CAP_CHOWN) {
		check(t, "to another user", k.Fchownat(other), unix.EPERM)
		return
	}
	check(t, "to another user", k.Fchownat(other), 0)
	var st posix.Stat
	if must(t, "Fstatat", k.Fstatat(dir, "file", &st, 0)); st.UID != 12345 || st.GID != 54321 {
		t.Errorf("owner %d:%d", st.UID, st.GID)
	}
}
