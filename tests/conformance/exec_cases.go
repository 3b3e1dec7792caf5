package conformance

import (
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
