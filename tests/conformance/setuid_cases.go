package conformance

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// copyHelper makes a copy of the helper in Dir, which others may then search, with an owner and a mode.
func (t *T) copyHelper(name string, uid posix.UID, gid posix.GID, mode uint32) {
	t.Helper()
	t.Must("chmod", t.Core.Fchmodat(posix.AtFDCWD, t.Path, 0o755))
	from := t.FD(t.Core.Openat2(posix.AtFDCWD, t.helper, posix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC}))
	to := t.Open(name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL)
	buf := make([]byte, 1<<20)
	for {
		n, err := t.Core.Read(from, buf)
		t.Must("read", err)
		if n == 0 {
			break
		}
		_, err = t.Core.Write(to, buf[:n])
		t.Must("write", err)
	}
	t.Must("chown", t.Core.Fchownat(posix.Chown{Dir: t.Dir, Path: name, UID: uid, GID: gid}))
	t.Must("chmod", t.Core.Fchmodat(t.Dir, name, mode))
	t.Must("close", t.Core.Close(to))
}

// who executes a file as a user that has no other groups, and returns who the program is.
func (t *T) who(name string, user posix.UID, before ...[5]uint64) string {
	t.Helper()
	r, w := t.Pair(t.Core.Pipe2(unix.O_CLOEXEC))
	var b builder
	b.call(unix.SYS_SETGROUPS, posix.Arg{}, posix.Arg{})
	b.call(unix.SYS_SETRESGID, posix.Arg{Value: uint64(user)}, posix.Arg{Value: uint64(user)}, posix.Arg{Value: uint64(user)})
	b.call(unix.SYS_SETRESUID, posix.Arg{Value: uint64(user)}, posix.Arg{Value: uint64(user)}, posix.Arg{Value: uint64(user)})
	for _, a := range before {
		b.call(unix.SYS_PRCTL, posix.Arg{Value: a[0]}, posix.Arg{Value: a[1]}, posix.Arg{Value: a[2]}, posix.Arg{Value: a[3]}, posix.Arg{Value: a[4]})
	}
	c := t.spawnAfter(b, []posix.FD{w}, "exec", t.Path+"/"+name, helperName, "who", "3")
	t.Must("close", t.Core.Close(w))
	buf := make([]byte, 200)
	n, err := t.Core.Read(r, buf)
	t.Must("read", err)
	if status := c.Wait().Status; status != 0 {
		t.Fatalf("%s ended with status %d", name, status)
	}
	return string(buf[:n])
}

func setuidCases() []Case {
	noNewPrivs := [5]uint64{unix.PR_SET_NO_NEW_PRIVS, 1}
	return []Case{
		{Op: posix.OpExecve, Name: "set-user-ID", Need: Root, Run: func(t *T) {
			t.copyHelper("user", 54321, 54322, 0o4755)
			t.Equal("from user 0", t.who("user", 0), "{0 54321 54321} {0 0 0} 1 0")
			t.Equal("from another", t.who("user", 7), "{7 54321 54321} {7 7 7} 0 0")
			t.Equal("from the same", t.who("user", 54321), "{54321 54321 54321} {54321 54321 54321} 0 0")
			t.Equal("no_new_privs", t.who("user", 7, noNewPrivs), "{7 7 7} {7 7 7} 0 0")
			t.Equal("no_new_privs from user 0", t.who("user", 0, noNewPrivs), "{0 0 0} {0 0 0} 1 1")
		}},
		{Op: posix.OpExecve, Name: "set-user-ID of user 0", Need: Root, Run: func(t *T) {
			t.copyHelper("root", 0, 0, 0o4755)
			t.Equal("from another", t.who("root", 7), "{7 0 0} {7 7 7} 1 1")
			t.Equal("no_new_privs", t.who("root", 7, noNewPrivs), "{7 7 7} {7 7 7} 0 0")
			t.Equal("from user 0", t.who("root", 0), "{0 0 0} {0 0 0} 1 1")
		}},
		{Op: posix.OpExecve, Name: "set-group-ID", Need: Root, Run: func(t *T) {
			t.copyHelper("group", 0, 54322, 0o2755)
			t.Equal("from another", t.who("group", 7), "{7 7 7} {7 54322 54322} 0 0")
			t.Equal("no_new_privs", t.who("group", 7, noNewPrivs), "{7 7 7} {7 7 7} 0 0")
			t.copyHelper("locked", 0, 54322, 0o2745)
			t.Equal("without the group's permission", t.who("locked", 7), "{7 7 7} {7 7 7} 0 0")
			t.copyHelper("both", 54321, 54322, 0o6755)
			t.Equal("both", t.who("both", 7), "{7 54321 54321} {7 54322 54322} 0 0")
		}},
		{Op: posix.OpExecve, Name: "capabilities kept by a user", Need: Root, Run: func(t *T) {
			t.copyHelper("plain", 0, 0, 0o755)
			t.Equal("user 0", t.who("plain", 0), "{0 0 0} {0 0 0} 1 1")
			t.Equal("another", t.who("plain", 7), "{7 7 7} {7 7 7} 0 0")
		}},
	}
}
