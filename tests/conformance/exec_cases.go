package conformance

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

func execCases() []Case {
	return []Case{
		{Op: posix.OpExecve, Name: "another program", Run: func(t *T) {
			t.Equal("status", t.Spawn(nil, "exec", t.helper, helperName, "exit", "7").Wait().Status, 7)
		}},
		{Op: posix.OpExecve, Name: "not there", Run: func(t *T) {
			t.Errno("nothing", t.Core.Execve("", nil, nil), unix.ENOENT)
			t.Errno("a name", t.Core.Execve(t.Path+"/none", nil, nil), unix.ENOENT)
			t.Errno("in a file", t.Core.Execve(t.helper+"/x", nil, nil), unix.ENOTDIR)
			t.Errno("a long name", t.Core.Execve(t.Path+"/"+strings.Repeat("n", 256), nil, nil), unix.ENAMETOOLONG)
			t.Errno("a long path", t.Core.Execve(strings.Repeat("/", 4096), nil, nil), unix.ENAMETOOLONG)
		}},
		{Op: posix.OpExecve, Name: "no program", Run: func(t *T) {
			t.Errno("a directory", t.Core.Execve(t.Path, []string{"x"}, nil), unix.EACCES)
			t.Errno("a device", t.Core.Execve("/dev/null", []string{"x"}, nil), unix.EACCES)
			t.File("plain", "text")
			t.Errno("without permission", t.Core.Execve(t.Path+"/plain", []string{"x"}, nil), unix.EACCES)
		}},
		{Op: posix.OpExecve, Name: "open for writing", Run: func(t *T) {
			t.executable("x", "text")
			fd := t.Open("x", unix.O_WRONLY)
			t.Errno("execve", t.Core.Execve(t.Path+"/x", []string{"x"}, nil), unix.ETXTBSY)
			t.Must("close", t.Core.Close(fd))
			t.Errno("when it is closed", t.Core.Execve(t.Path+"/x", []string{"x"}, nil), unix.ENOEXEC)
		}},
		{Op: posix.OpExecve, Name: "not known", Run: func(t *T) {
			for name, content := range map[string]string{"empty": "", "text": "text", "zeros": strings.Repeat("\x00", 300), "nobody": "#!\n", "spaces": "#!  \t \n"} {
				t.executable(name, content)
				t.Errno(name, t.Core.Execve(t.Path+"/"+name, []string{"x"}, nil), unix.ENOEXEC)
			}
		}},
		{Op: posix.OpExecve, Name: "a loop of links", Run: func(t *T) {
			t.Must("symlinkat", t.Core.Symlinkat("loop", t.Dir, "loop"))
			t.Errno("execve", t.Core.Execve(t.Path+"/loop", []string{"x"}, nil), unix.ELOOP)
		}},
		{Op: posix.OpExecve, Name: "a zero byte", Run: func(t *T) {
			t.Errno("path", t.Core.Execve("a\x00b", []string{"x"}, nil), unix.EINVAL)
			t.Errno("argument", t.Core.Execve(t.Path+"/none", []string{"a\x00b"}, nil), unix.EINVAL)
			t.Errno("variable", t.Core.Execve(t.Path+"/none", []string{"x"}, []string{"a\x00b"}), unix.EINVAL)
		}},
		{Op: posix.OpExecve, Name: "too much to say", Run: func(t *T) {
			long := strings.Repeat("x", 32*4096)
			t.Errno("an argument", t.Core.Execve(t.helper, []string{helperName, long}, nil), unix.E2BIG)
			t.Errno("a variable", t.Core.Execve(t.helper, []string{helperName}, []string{long}), unix.E2BIG)
			t.Errno("nothing is there", t.Core.Execve(t.Path+"/none", []string{long}, nil), unix.ENOENT)
			t.executable("text", "text")
			t.Errno("and not known", t.Core.Execve(t.Path+"/text", []string{long}, nil), unix.E2BIG)
			list := make([]string, 60)
			for i := range list {
				list[i] = long[1:]
			}
			t.Errno("all of them", t.Core.Execve(t.helper, list, nil), unix.E2BIG)
		}},
		{Op: posix.OpExecve, Name: "open for writing", Run: func(t *T) {
			t.executable("busy", "text")
			path := t.Path + "/busy"
			fd := t.Open("busy", unix.O_WRONLY)
			t.Errno("execve", t.Core.Execve(path, []string{"x"}, nil), unix.ETXTBSY)
			t.Errno("before the arguments", t.Core.Execve(path, []string{strings.Repeat("x", 32*4096)}, nil), unix.ETXTBSY)
			t.Must("close", t.Core.Close(fd))
			t.Errno("closed", t.Core.Execve(path, []string{"x"}, nil), unix.ENOEXEC)
			t.Open("busy", unix.O_RDONLY)
			t.Open("busy", unix.O_PATH)
			t.Errno("open for reading", t.Core.Execve(path, []string{"x"}, nil), unix.ENOEXEC)
			t.File("secret", "")
			t.Errno("not permitted, and busy", t.Core.Execve(t.Path+"/secret", []string{"x"}, nil), unix.EACCES)
		}},
		{Op: posix.OpExecve, Name: "memory", Run: func(t *T) {
			fd := t.FD(t.Core.MemfdCreate("x", unix.MFD_CLOEXEC))
			_, err := t.Core.Write(fd, []byte("text"))
			t.Must("write", err)
			path := fmt.Sprintf("/proc/self/fd/%d", fd)
			t.Errno("execve", t.Core.Execve(path, []string{"x"}, nil), unix.ENOEXEC)
			t.FD(t.Core.Openat2(posix.AtFDCWD, path, posix.OpenHow{Flags: unix.O_WRONLY | unix.O_CLOEXEC}))
			t.Errno("opened once more", t.Core.Execve(path, []string{"x"}, nil), unix.ETXTBSY)
		}},
		{Op: posix.OpExecve, Name: "a file without a name", Run: func(t *T) {
			fd := t.FD(t.Core.Openat2(t.Dir, ".", posix.OpenHow{Flags: unix.O_TMPFILE | unix.O_RDWR | unix.O_CLOEXEC, Mode: 0o755}))
			t.Errno("execve", t.Core.Execve(fmt.Sprintf("/proc/self/fd/%d", fd), []string{"x"}, nil), unix.ETXTBSY)
		}},
		{Op: posix.OpExecve, Name: "nobody writes to what runs", Run: func(t *T) {
			c := t.Spawn(nil, "wait")
			for _, flags := range []int{unix.O_WRONLY, unix.O_RDWR, unix.O_RDONLY | unix.O_TRUNC} {
				_, err := t.Core.Openat2(posix.AtFDCWD, t.helper, posix.OpenHow{Flags: uint64(flags | unix.O_CLOEXEC)})
				if t.Core.Geteuid() == 0 {
					t.Errno("openat2", err, unix.ETXTBSY)
				} else {
					t.Errno("openat2", err, unix.EACCES)
				}
			}
			t.Must("kill", t.Core.PidfdSendSignal(c.Pidfd, unix.SIGKILL))
			c.Wait()
		}},
		{Op: posix.OpExecve, Name: "a script", Run: func(t *T) {
			t.Must("symlinkat", t.Core.Symlinkat(t.helper, t.Dir, helperName))
			t.executable("plain", "#!"+t.Path+"/"+helperName+"\n") // what it is called is the first argument
			t.Equal("plain", t.Spawn(nil, "exec", t.Path+"/plain", "x").Wait().Status, 121)
			t.executable("with", "#! \t"+t.Path+"/"+helperName+" exit\nnothing")
			t.Equal("an argument", t.Spawn(nil, "exec", t.Path+"/with", "x", "5").Wait().Status, 255) // exit PATH 5
			t.executable("nested", "#!"+t.Path+"/plain\n")
			t.Equal("of a script", t.Spawn(nil, "exec", t.Path+"/nested", "x").Wait().Status, 121)
			t.executable("unended", "#!"+t.Path+"/"+helperName)
			t.Equal("without an end of line", t.Spawn(nil, "exec", t.Path+"/unended", "x").Wait().Status, 121)
		}},
		{Op: posix.OpExecve, Name: "a script without its interpreter", Run: func(t *T) {
			t.executable("missing", "#!"+t.Path+"/none\n")
			t.Errno("none", t.Core.Execve(t.Path+"/missing", []string{"x"}, nil), unix.ENOENT)
			t.File("plain", "text")
			t.executable("refused", "#!"+t.Path+"/plain\n")
			t.Errno("not executable", t.Core.Execve(t.Path+"/refused", []string{"x"}, nil), unix.EACCES)
			t.executable("busy", "text")
			t.Open("busy", unix.O_WRONLY)
			t.executable("of a busy one", "#!"+t.Path+"/busy\n")
			t.Errno("busy", t.Core.Execve(t.Path+"/of a busy one", []string{"x"}, nil), unix.ETXTBSY)
			t.executable("itself", "#!"+t.Path+"/itself\n")
			t.Errno("itself", t.Core.Execve(t.Path+"/itself", []string{"x"}, nil), unix.ELOOP)
			t.executable("directory", "#!"+t.Path+"\n")
			t.Errno("a directory", t.Core.Execve(t.Path+"/directory", []string{"x"}, nil), unix.EACCES)
		}},
		{Op: posix.OpExecve, Name: "a user with too many processes", Need: Root, Alone: true, Run: func(t *T) {
			be := func(real posix.UID) { t.Must("setresuid", t.Core.Setresuid(posix.Uids{Real: real})) }
			var limit posix.Rlimit
			t.Must("prlimit", t.Core.Prlimit(0, unix.RLIMIT_NPROC, nil, &limit))
			allow := func(n uint64) {
				t.Must("prlimit", t.Core.Prlimit(0, unix.RLIMIT_NPROC, &posix.Rlimit{Soft: n, Hard: limit.Hard}, nil))
			}
			try := func(what string, want posix.Errno) {
				t.Errno(what, t.Core.Execve(t.Path+"/none", []string{"x"}, nil), want)
			}
			be(54321)
			t.Spawn(nil, "wait")
			be(0)
			allow(0)
			try("user 0", unix.ENOENT)
			be(54322)
			try("the first of a user", unix.ENOENT)
			be(54321)
			try("too many, whatever the capabilities", unix.EAGAIN)
			try("again", unix.EAGAIN)
			allow(100)
			try("allowed", unix.ENOENT)
			allow(0)
			try("once it has been", unix.ENOENT)
		}},
		{Op: posix.OpExecve, Name: "a mount that forbids it", Need: Root, Alone: true, Run: func(t *T) {
			t.Must("unshare", t.Core.Unshare(unix.CLONE_NEWNS))
			fs := t.FD(t.Core.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC))
			t.Must("create", t.Core.Fsconfig(posix.FsConfig{FS: fs, Cmd: unix.FSCONFIG_CMD_CREATE}))
			mount := t.FD(t.Core.Fsmount(fs, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NOEXEC))
			t.Mkdir("m")
			t.Must("move_mount", t.Core.MoveMount(posix.Move{FromDir: mount, ToDir: posix.AtFDCWD, ToPath: t.Path + "/m", Flags: unix.MOVE_MOUNT_F_EMPTY_PATH}))
			t.executable(t.Path+"/m/x", "text")
			t.Errno("execve", t.Core.Execve(t.Path+"/m/x", []string{"x"}, nil), unix.EACCES)
			t.Must("symlinkat", t.Core.Symlinkat(t.helper, posix.AtFDCWD, t.Path+"/m/link"))
			t.Equal("a link from there", t.Spawn(nil, "exec", t.Path+"/m/link", helperName, "exit", "3").Wait().Status, 3)
			t.executable("script", "#!"+t.Path+"/m/x\n")
			t.Errno("as an interpreter", t.Core.Execve(t.Path+"/script", []string{"x"}, nil), unix.EACCES)
		}},
	}
}

// executable makes a file in Dir that may be executed.
func (t *T) executable(name, content string) {
	t.Helper()
	fd, err := t.Core.Openat2(t.Dir, name, posix.OpenHow{Flags: unix.O_WRONLY | unix.O_CREAT | unix.O_EXCL | unix.O_CLOEXEC, Mode: 0o755})
	t.Must("make "+name, err)
	_, err = t.Core.Write(fd, []byte(content))
	t.Must("write "+name, err)
	t.Must("close "+name, t.Core.Close(fd))
}
