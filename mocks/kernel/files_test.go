package kernel_test

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
)

// fine ends the test unless all went well.
func fine(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func open(t *testing.T, p *kernel.Process, path string, flags uint64) posix.FD {
	t.Helper()
	how := posix.OpenHow{Flags: flags}
	if flags&unix.O_CREAT != 0 {
		how.Mode = 0o644
	}
	fd, err := p.Openat2(posix.AtFDCWD, path, how)
	if err != nil {
		t.Fatalf("open %s: %v", path, err)
	}
	return fd
}

func TestFullDisk(t *testing.T) {
	k := kernel.New(kernel.Config{})
	p := k.Init()
	fd := open(t, p, "/tmp/f", unix.O_RDWR|unix.O_CREAT)
	fine(t, k.Limit("/tmp", 3*4096, 0))
	big := make([]byte, 5*4096)
	for i := range big {
		big[i] = 1
	}
	if n, err := p.Write(fd, big); n != 3*4096 || err != nil {
		t.Errorf("a write that does not fit: %d, %v; want what fits", n, err)
	}
	if _, err := p.Write(fd, big); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("a write to a full disk: %v", err)
	}
	if n, err := p.Pwrite(fd, big[:10], 0); n != 10 || err != nil {
		t.Errorf("a write to pages that are there: %d, %v", n, err)
	}
	var st posix.Statfs
	fine(t, p.Fstatfs(fd, &st))
	if st.Blocks != 3 || st.Bfree != 0 || st.Bavail != 0 {
		t.Errorf("statfs of a full disk: %+v", st)
	}
	// Space comes back only with the last user of a file without a name.
	fine(t, p.Unlinkat(posix.AtFDCWD, "/tmp/f", 0))
	fine(t, p.Fstatfs(fd, &st))
	if st.Bfree != 0 {
		t.Errorf("an unlinked file that is open gave back %d blocks", st.Bfree)
	}
	dir := open(t, p, "/tmp", unix.O_RDONLY)
	fine(t, p.Close(fd), p.Fstatfs(dir, &st))
	if st.Bfree != 3 {
		t.Errorf("%d blocks are free after the last close, want 3", st.Bfree)
	}
	fine(t, k.Limit("/tmp", 0, 1))
	if err := p.Mkdirat(posix.AtFDCWD, "/tmp/d", 0o700); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("mkdir without inodes: %v", err)
	}
	if _, err := p.Openat2(posix.AtFDCWD, "/tmp/g", posix.OpenHow{Flags: unix.O_CREAT | unix.O_RDWR, Mode: 0o600}); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("open without inodes: %v", err)
	}
}

func TestReadOnlyFileSystem(t *testing.T) {
	k := kernel.New(kernel.Config{})
	p := k.Init()
	fine(t, k.WriteFile("/tmp/f", []byte("x"), 0o666), k.Symlink("f", "/tmp/l"), k.SetReadOnly("/tmp", true))
	at := posix.AtFDCWD
	now := posix.Timespec{Nsec: unix.UTIME_NOW}
	openFor := func(path string, flags uint64) error {
		fd, err := p.Openat2(at, path, posix.OpenHow{Flags: flags, Mode: flags & unix.O_CREAT << 2})
		if err == nil {
			_ = p.Close(fd)
		}
		return err
	}
	for name, c := range map[string]struct{ err, want error }{
		"open to write":      {openFor("/tmp/f", unix.O_WRONLY), unix.EROFS},
		"open to read":       {openFor("/tmp/f", unix.O_RDONLY), nil},
		"open to truncate":   {openFor("/tmp/f", unix.O_TRUNC), unix.EROFS},
		"open a device":      {openFor("/dev/null", unix.O_RDWR), nil},
		"make":               {openFor("/tmp/g", unix.O_CREAT|unix.O_WRONLY), unix.EROFS},
		"make what is there": {openFor("/tmp/f", unix.O_CREAT), nil},
		"mkdir":              {p.Mkdirat(at, "/tmp/d", 0o700), unix.EROFS},
		"mkdir over":         {p.Mkdirat(at, "/tmp/f", 0o700), unix.EEXIST},
		"unlink":             {p.Unlinkat(at, "/tmp/f", 0), unix.EROFS},
		"unlink nothing":     {p.Unlinkat(at, "/tmp/x", 0), unix.EROFS},
		"rmdir":              {p.Unlinkat(at, "/tmp", unix.AT_REMOVEDIR), unix.EROFS},
		"rename":             {p.Renameat2(posix.Rename{OldDir: at, OldPath: "/tmp/f", NewDir: at, NewPath: "/tmp/g"}), unix.EROFS},
		"link":               {p.Linkat(posix.Link{OldDir: at, OldPath: "/tmp/f", NewDir: at, NewPath: "/tmp/g"}), unix.EROFS},
		"symlink":            {p.Symlinkat("x", at, "/tmp/s"), unix.EROFS},
		"chmod":              {p.Fchmodat(at, "/tmp/f", 0o600), unix.EROFS},
		"chown":              {p.Fchownat(posix.Chown{Dir: at, Path: "/tmp/f"}), unix.EROFS},
		"utimes":             {p.Utimensat(posix.Utimes{Dir: at, Path: "/tmp/f", Atime: now, Mtime: now}), unix.EROFS},
		"access to write":    {p.Faccessat2(at, "/tmp/f", unix.W_OK, 0), unix.EROFS},
		"access to read":     {p.Faccessat2(at, "/tmp/f", unix.R_OK, 0), nil},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: %v, want %v", name, c.err, c.want)
		}
	}
	fine(t, k.SetReadOnly("/tmp", false), openFor("/tmp/f", unix.O_WRONLY))
}

func TestFIFO(t *testing.T) {
	k := kernel.New(kernel.Config{})
	fine(t, k.Mkfifo("/run/fifo", 0o622))
	p := k.Init()
	if _, err := p.Openat2(posix.AtFDCWD, "/run/fifo", posix.OpenHow{Flags: unix.O_WRONLY | unix.O_NONBLOCK}); !errors.Is(err, unix.ENXIO) {
		t.Errorf("to write when nobody reads: %v", err)
	}
	r := open(t, p, "/run/fifo", unix.O_RDONLY|unix.O_NONBLOCK)
	b := make([]byte, 8)
	if n, err := p.Read(r, b); n != 0 || err != nil {
		t.Errorf("read when nobody writes: %d, %v", n, err)
	}
	w := open(t, p, "/run/fifo", unix.O_WRONLY)
	if _, err := p.Read(r, b); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("read of nothing: %v", err)
	}
	if n, err := p.Write(w, []byte("text")); n != 4 || err != nil {
		t.Errorf("write: %d, %v", n, err)
	}
	if n, err := p.Read(r, b); string(b[:n]) != "text" || err != nil {
		t.Errorf("read: %q, %v", b[:n], err)
	}
	var st posix.Stat
	fine(t, p.Fstat(r, &st))
	if st.Mode != unix.S_IFIFO|0o622 {
		t.Errorf("mode %o", st.Mode)
	}
	fine(t, p.Close(w), p.Close(r), p.Close(open(t, p, "/run/fifo", unix.O_RDWR)))
	if _, err := p.Openat2(posix.AtFDCWD, "/run/fifo", posix.OpenHow{Flags: unix.O_ACCMODE}); !errors.Is(err, unix.EINVAL) {
		t.Errorf("for neither: %v", err)
	}
}

func TestProc(t *testing.T) {
	k := kernel.New(kernel.Config{})
	p := k.Init()
	fd := open(t, p, "/tmp/file", unix.O_RDWR|unix.O_CREAT)
	fine(t, p.Unlinkat(posix.AtFDCWD, "/tmp/file", 0))
	for path, want := range map[string]string{
		"/proc/self/status":                "\nCapEff:\t000001ffffffffff\n",
		"/proc/1/status":                   "\nPid:\t1\nPPid:\t0\n",
		"/proc/thread-self/uid_map":        "         0          0 4294967295\n",
		"/proc/self/gid_map":               "         0          0 4294967295\n",
		"/proc/self/setgroups":             "allow\n",
		"/proc/self/mountinfo":             " / /proc rw,relatime - proc proc rw\n",
		"/proc/mounts":                     "proc /proc proc rw,relatime 0 0\n",
		"/proc/1/cgroup":                   "0::/",
		"/proc/1/stat":                     "1 (",
		"/proc/sys/kernel/cap_last_cap":    "40\n",
		"/proc/sys/kernel/overflowuid":     "65534\n",
		"/proc/sys/fs/protected_hardlinks": "1\n",
		"/proc/uptime":                     "0.00 ",
		"/proc/version":                    "Linux version 6.",
		"/proc/filesystems":                "\ttmpfs\n",
	} {
		got, err := k.ReadFile(path)
		if err != nil || !strings.Contains(string(got), want) {
			t.Errorf("%s: %q, %v; want %q in it", path, got, err, want)
		}
	}
	for path, want := range map[string]string{
		"/proc/self": "1", "/proc/thread-self": "1/task/1", "/proc/self/cwd": "/", "/proc/self/root": "/", "/proc/1/fd/0": "/tmp/file (deleted)",
		"/proc/self/ns/net": "net:[", "/proc/self/ns/pid_for_children": "pid:[",
	} {
		b := make([]byte, 100)
		n, err := p.Readlinkat(posix.AtFDCWD, path, b)
		if err != nil || !strings.HasPrefix(string(b[:n]), want) {
			t.Errorf("%s: %q, %v; want %q", path, b[:n], err, want)
		}
	}
	for path, want := range map[string]error{
		"/proc/77": unix.ENOENT, "/proc/01": unix.ENOENT, "/proc/99999999999": unix.ENOENT, "/proc/self/fd/77": unix.ENOENT, "/proc/self/fd/x": unix.ENOENT, "/proc/self/no": unix.ENOENT,
	} {
		if err := p.Fstatat(posix.AtFDCWD, path, &posix.Stat{}, 0); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
	if err := p.Mkdirat(posix.AtFDCWD, "/proc/new", 0o700); !errors.Is(err, unix.ENOENT) {
		t.Errorf("mkdir: %v", err)
	}
	if err := p.Unlinkat(posix.AtFDCWD, "/proc/uptime", 0); !errors.Is(err, unix.EPERM) {
		t.Errorf("unlink: %v", err)
	}
	if names := list(t, p, "/proc/self/fd"); len(names) != 2+2 { // with the one that lists
		t.Errorf("descriptors: %q", names)
	}
	fine(t, p.Close(fd))
	if names := list(t, p, "/proc"); !strings.Contains(strings.Join(names, " ")+" ", " 1 ") {
		t.Errorf("processes: %q", names)
	}
}

// list returns the names in a directory.
func list(t *testing.T, p *kernel.Process, path string) []string {
	t.Helper()
	fd := open(t, p, path, unix.O_RDONLY|unix.O_DIRECTORY)
	defer func() { fine(t, p.Close(fd)) }()
	var names []string
	buf := make([]byte, 1024)
	for {
		n, err := p.Getdents(fd, buf)
		fine(t, err)
		if n == 0 {
			return names
		}
		for at := 0; at < n; {
			size := int(buf[at+16]) | int(buf[at+17])<<8
			names = append(names, string(buf[at+19:at+19+strings.IndexByte(string(buf[at+19:at+size]), 0)]))
			at += size
		}
	}
}
