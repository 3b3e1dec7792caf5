package kernel_test

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
)

func TestSetUpThenUse(t *testing.T) {
	k := kernel.New(kernel.Config{})
	for _, err := range []error{
		k.WriteFile("/etc/a/b/c.conf", []byte("text"), 0o640),
		k.Mkdir("/srv/www", 0o2775),
		k.Symlink("../etc/a", "/srv/link"),
		k.Chown("/etc/a/b/c.conf", 7, 8),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	p := k.Init()
	fd, err := p.Openat2(posix.AtFDCWD, "/srv/link/b/c.conf", posix.OpenHow{Flags: unix.O_RDWR | unix.O_CLOEXEC})
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 10)
	n, err := p.Read(fd, b)
	if err != nil || string(b[:n]) != "text" {
		t.Errorf("read: %q, %v", b[:n], err)
	}
	if n, err := p.Write(fd, []byte(" and more")); n != 9 || err != nil {
		t.Errorf("write: %d, %v", n, err)
	}
	if at, err := p.Lseek(fd, -4, unix.SEEK_CUR); at != 9 || err != nil {
		t.Errorf("lseek: %d, %v", at, err)
	}
	var st posix.Stat
	if err := p.Fstat(fd, &st); err != nil || st.Size != 13 || st.Mode != unix.S_IFREG|0o640 || st.UID != 7 || st.GID != 8 || st.Nlink != 1 {
		t.Errorf("fstat: %+v, %v", st, err)
	}
	if err := p.Fstatat(posix.AtFDCWD, "/srv/www", &st, 0); err != nil || st.Mode != unix.S_IFDIR|0o2775 {
		t.Errorf("fstatat: %+v, %v", st, err)
	}
	if err := p.Close(fd); err != nil {
		t.Error(err)
	}
	got, err := k.ReadFile("/etc/a/b/c.conf")
	if err != nil || string(got) != "text and more" {
		t.Errorf("ReadFile: %q, %v", got, err)
	}
	if _, err := k.ReadFile("/nowhere"); !errors.Is(err, unix.ENOENT) {
		t.Errorf("ReadFile of nothing: %v", err)
	}
	if err := k.Mkdir("relative", 0); err == nil {
		t.Error("a relative path was taken")
	}
}

func BenchmarkOpenReadClose(b *testing.B) {
	k := kernel.New(kernel.Config{})
	if err := k.WriteFile("/etc/a/b", []byte("text"), 0o644); err != nil {
		b.Fatal(err)
	}
	p := k.Init()
	buf := make([]byte, 16)
	b.ReportAllocs()
	for b.Loop() {
		fd, err := p.Openat2(posix.AtFDCWD, "/etc/a/b", posix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := p.Read(fd, buf); err != nil {
			b.Fatal(err)
		}
		if err := p.Close(fd); err != nil {
			b.Fatal(err)
		}
	}
}
