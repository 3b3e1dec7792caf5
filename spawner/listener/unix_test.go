package listener

import (
	"net"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/tests/leak"
)

func TestUnix(t *testing.T) {
	for _, mode := range []uint32{0o600, 0o660, 0o777, 0} {
		t.Run(strconv.FormatUint(uint64(mode), 8), func(t *testing.T) {
			leak.Check(t)
			defer unix.Umask(unix.Umask(0o027)) // which must not count
			path := shortDir(t) + "/api.sock"
			l := unixAt(path)
			l.Mode.V = mode
			s := opened(t, l)
			st, err := os.Lstat(path)
			if err != nil {
				t.Fatal(err)
			}
			if st.Mode() != os.ModeSocket|os.FileMode(mode) || int(st.Sys().(*syscall.Stat_t).Uid) != os.Geteuid() {
				t.Errorf("%s of user %d", st.Mode(), st.Sys().(*syscall.Stat_t).Uid)
			}
			// What nginx compares with its configuration.
			if addr, err := linux.New().Getsockname(s.FD); err != nil || addr.Path != path {
				t.Errorf("it is bound to %q, %v", addr.Path, err)
			}
			checkFlags(t, s.FD)
			if mode&0o200 != 0 {
				talk(t, s.FD, "unix", path)
			}
			if got := names(t, shortOf(path)); len(got) != 1 {
				t.Errorf("the directory holds %q", got)
			}
			if err := s.Close(linux.New()); err != nil {
				t.Fatal(err)
			}
			if got := names(t, shortOf(path)); len(got) != 0 {
				t.Errorf("%q were left behind", got)
			}
		})
	}
}

func shortOf(path string) string { return path[:strings.LastIndexByte(path, '/')] }

// What is bound does not answer before it has its mode and owner.
func TestUnixAnswersOnlyWhenSettled(t *testing.T) {
	path := shortDir(t) + "/s"
	asked := false
	k := &failing{Kernel: linux.New(), afterBind: func() {
		asked = true
		if c, err := net.Dial("unix", path); err == nil {
			_ = c.Close()
			t.Error("a client was accepted before the socket had its mode")
		}
	}}
	s, err := Open(k, unixAt(path))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(k); err != nil || !asked {
		t.Errorf("asked %t, %v", asked, err)
	}
}

func TestUnixOwner(t *testing.T) {
	path := shortDir(t) + "/s"
	l := unixAt(path)
	if os.Geteuid() != 0 {
		l.User.V = "0"
		if got := refused(t, linux.New(), l, unix.EPERM); !strings.Contains(got, "give it to user 0: operation not permitted; without root") {
			t.Error(got)
		}
		l.User.V, l.Group.V = "", strconv.Itoa(os.Getegid()) // what it is anyway
		opened(t, l)
		return
	}
	l.User.V, l.Group.V = "4242", "4343"
	opened(t, l)
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil || st.Uid != 4242 || st.Gid != 4343 || st.Mode&0o7777 != 0o600 {
		t.Errorf("user %d, group %d, mode %o, %v", st.Uid, st.Gid, st.Mode, err)
	}
}

func TestOwnerNames(t *testing.T) {
	root, err := user.LookupId("0")
	if err != nil {
		t.Fatal(err)
	}
	group, err := user.LookupGroupId("0")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, user, group string
		want              owner
		says              string
	}{
		{"nobody", "", "", nobody, ""},
		{"numbers", "7", "8", owner{7, 8}, ""},
		{"names", root.Username, group.Name, owner{0, 0}, ""},
		{"only a group", "", group.Name, owner{nobody.uid, 0}, ""},
		{"no such user", "no-such-user", "", nobody, "find its user no-such-user"},
		{"no such group", "", "no-such-group", nobody, "find its group no-such-group"},
	} {
		l := unixAt("/s")
		l.User.V, l.Group.V = c.user, c.group
		got, err := ownerOf(l)
		if got != c.want || (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, %v", c.name, got, err)
		}
	}
	if got := (owner{1, 2}).advise(posix.Errno(unix.EINVAL)).Error(); !strings.Contains(got, "user 1 and group 2") || !strings.Contains(got, "user namespace") {
		t.Error(got)
	}
}

// A socket that cannot be given away is removed again.
func TestUnixOwnerRefused(t *testing.T) {
	leak.Check(t)
	dir := shortDir(t)
	l := unixAt(dir + "/s")
	l.Group.V = "1"
	refused(t, &failing{Kernel: linux.New(), chown: unix.EINVAL}, l, unix.EINVAL)
	if got := names(t, dir); len(got) != 0 {
		t.Errorf("%q were left behind", got)
	}
}

func TestUnixInUse(t *testing.T) {
	leak.Check(t)
	path := shortDir(t) + "/s"
	first := opened(t, unixAt(path))
	got := refused(t, linux.New(), unixAt(path), unix.EADDRINUSE)
	if want := "listen on unix:" + path + ": address already in use: another process uses this socket; find it with `ss -xlp`"; !strings.HasPrefix(got, want) {
		t.Errorf("got  %s\nwant %s…", got, want)
	}
	accepted, _, err := linux.New().Accept4(first.FD, unix.SOCK_CLOEXEC) // the question
	if err != nil {
		t.Fatal(err)
	}
	_ = unix.Close(int(accepted))
	talk(t, first.FD, "unix", path)
}

// A server whose queue is full is alive. The question must not wait for it.
func TestUnixInUseAndBusy(t *testing.T) {
	leak.Check(t)
	path := shortDir(t) + "/s"
	l := unixAt(path)
	l.Backlog.V = 1
	opened(t, l)
	for range 2 { // one more than the backlog, see unix_recvq_full in the kernel
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
	}
	refused(t, linux.New(), unixAt(path), unix.EADDRINUSE)
}

func TestUnixInUseByAnotherType(t *testing.T) {
	leak.Check(t)
	path := shortDir(t) + "/s"
	other, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	refused(t, linux.New(), unixAt(path), unix.EADDRINUSE)
	if _, err := os.Lstat(path); err != nil {
		t.Error(err)
	}
}

// abandon leaves a socket behind, as a supervisor does that was killed.
func abandon(t testing.TB, path string) {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestUnixReplacesAbandoned(t *testing.T) {
	leak.Check(t)
	path := shortDir(t) + "/s"
	abandon(t, path)
	s := opened(t, unixAt(path))
	talk(t, s.FD, "unix", path)
}

func TestUnixRefusesWhatIsNoSocket(t *testing.T) {
	for name, make := range map[string]func(path string) error{
		"a file":          func(p string) error { return os.WriteFile(p, []byte("precious"), 0o600) },
		"a directory":     func(p string) error { return os.Mkdir(p, 0o700) },
		"a pipe":          func(p string) error { return unix.Mkfifo(p, 0o600) },
		"a symbolic link": func(p string) error { return os.Symlink("nowhere", p) },
	} {
		t.Run(name, func(t *testing.T) {
			leak.Check(t)
			path := shortDir(t) + "/s"
			if err := make(path); err != nil {
				t.Fatal(err)
			}
			before, _ := os.Lstat(path)
			if got := refused(t, linux.New(), unixAt(path), unix.EADDRINUSE); !strings.Contains(got, "there is "+name+", which is not a socket; remove it or choose another path") {
				t.Error(got)
			}
			if after, err := os.Lstat(path); err != nil || !os.SameFile(before, after) {
				t.Errorf("it was touched: %v", err)
			}
		})
	}
}

func TestUnixBadPlaces(t *testing.T) {
	dir := shortDir(t)
	if err := os.WriteFile(dir+"/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path string
		is   posix.Errno
		says string
	}{
		{dir + "/none/s", unix.ENOENT, "create the directory " + dir + "/none"},
		{dir + "/file/s", unix.ENOTDIR, dir + "/file is not a directory"},
		{dir + "/" + strings.Repeat("n", 256), unix.ENAMETOOLONG, "file name too long"},
	} {
		if got := refused(t, linux.New(), unixAt(c.path), c.is); !strings.Contains(got, c.says) {
			t.Errorf("%q does not say %q", got, c.says)
		}
	}
}

// A path that does not fit into an address works all the same, and is found in use.
func TestUnixLongPath(t *testing.T) {
	leak.Check(t)
	dir := shortDir(t) + "/" + strings.Repeat("d", 120)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := dir + "/" + strings.Repeat("s", 60)
	s := opened(t, unixAt(path))
	t.Chdir(dir)
	talk(t, s.FD, "unix", "./"+strings.Repeat("s", 60))
	refused(t, linux.New(), unixAt(path), unix.EADDRINUSE)
	if err := s.Close(linux.New()); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); len(got) != 0 {
		t.Errorf("%q were left behind", got)
	}
}

// Close leaves alone what others put at the path.
func TestCloseLeavesOthers(t *testing.T) {
	for name, put := range map[string]func(t *testing.T, path string){
		"nothing":           func(*testing.T, string) {},
		"a file":            func(t *testing.T, p string) { must(t, os.WriteFile(p, nil, 0o600)) },
		"a socket in use":   func(t *testing.T, p string) { opened(t, unixAt(p)) },
		"a socket left":     abandonT,
		"ours by its links": func(t *testing.T, p string) { must(t, os.Symlink(p+".moved", p)) },
	} {
		t.Run(name, func(t *testing.T) {
			path := shortDir(t) + "/s"
			s := opened(t, unixAt(path))
			must(t, os.Rename(path, path+".moved"))
			put(t, path)
			before, _ := os.Lstat(path)
			if err := s.Close(linux.New()); err != nil {
				t.Fatal(err)
			}
			after, _ := os.Lstat(path)
			if (before == nil) != (after == nil) || before != nil && !os.SameFile(before, after) {
				t.Errorf("before %v, after %v", before, after)
			}
		})
	}
}

func abandonT(t *testing.T, path string) { abandon(t, path) }

// Somebody who may write to the directory and exchanges the socket does not make us change the mode of something else.
func TestUnixReplacedWhileOpened(t *testing.T) {
	leak.Check(t)
	dir := shortDir(t)
	must(t, os.WriteFile(dir+"/victim", nil, 0o644))
	for name, replace := range map[string]func() error{
		"by a link": func() error { return os.Symlink("victim", dir+"/s") },
		"by a file": func() error { return os.Link(dir+"/victim", dir+"/s") },
	} {
		t.Run(name, func(t *testing.T) {
			k := &failing{Kernel: linux.New(), afterBind: func() {
				must(t, os.Remove(dir+"/s"))
				must(t, replace())
			}}
			l := unixAt(dir + "/s")
			l.Mode.V = 0o777
			s, err := Open(k, l)
			if err == nil {
				_ = s.Close(k)
				t.Fatal("it was opened")
			}
			if !strings.Contains(err.Error(), "somebody replaced the new socket") {
				t.Error(err)
			}
			if st, err := os.Stat(dir + "/victim"); err != nil || st.Mode() != 0o644 {
				t.Errorf("the victim has mode %v, %v", st.Mode(), err)
			}
			must(t, os.Remove(dir+"/s"))
		})
	}
}

// Somebody else binds the path between our look and our bind.
func TestUnixTakenMeanwhile(t *testing.T) {
	path := shortDir(t) + "/s"
	k := &failing{Kernel: linux.New(), beforeBind: func() { abandon(t, path) }}
	if got := refused(t, k, unixAt(path), unix.EADDRINUSE); !strings.Contains(got, "try again") {
		t.Error(got)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the other's socket: %v", err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
