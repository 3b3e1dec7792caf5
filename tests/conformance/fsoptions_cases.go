package conformance

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// fsOptionCases are about what file systems take as parameters.
func fsOptionCases() []Case {
	set := func(t *T, fs posix.FD, key, value string) error {
		return t.Core.Fsconfig(posix.FsConfig{FS: fs, Cmd: unix.FSCONFIG_SET_STRING, Key: key, Value: value})
	}
	type option struct {
		key, value string
		want       posix.Errno
	}
	return []Case{
		{Op: posix.OpFsconfig, Name: "parameters of tmpfs", Need: Root, Run: func(t *T) {
			fs := t.FD(t.Core.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC))
			for _, o := range []option{
				{"nr_blocks", "x", unix.EINVAL}, {"nr_blocks", "16", 0}, {"nr_inodes", "x", unix.EINVAL}, {"nr_inodes", "8", 0}, {"size", "", unix.EINVAL},
				{"uid", "7", 0}, {"uid", "x", unix.EINVAL}, {"gid", "0x8", 0}, {"gid", "4294967295", unix.EINVAL}, {"uid", "-1", unix.EINVAL},
				{"huge", "nothing", unix.EINVAL}, {"source", "a", 0}, {"source", "b", unix.EINVAL},
			} {
				t.Errno(o.key+"="+o.value, set(t, fs, o.key, o.value), o.want)
			}
			t.Must("create", t.Core.Fsconfig(posix.FsConfig{FS: fs, Cmd: unix.FSCONFIG_CMD_CREATE}))
			root := t.FD(t.Core.Fsmount(fs, unix.FSMOUNT_CLOEXEC, 0))
			var st posix.Stat
			t.Must("stat", t.Core.Fstat(root, &st))
			t.Equal("owner", [2]uint32{uint32(st.UID), uint32(st.GID)}, [2]uint32{7, 8})
			var size posix.Statfs
			t.Must("statfs", t.Core.Fstatfs(root, &size))
			t.Equal("blocks", size.Blocks, uint64(16))
			t.Equal("inodes", size.Files, uint64(8))
		}},
		{Op: posix.OpFsconfig, Name: "parameters of proc", Need: Root, Run: func(t *T) {
			fs := t.FD(t.Core.Fsopen("proc", unix.FSOPEN_CLOEXEC))
			for _, o := range []option{
				{"hidepid", "2", 0}, {"hidepid", "invisible", 0}, {"hidepid", "3", unix.EINVAL}, {"gid", "5", 0}, {"gid", "x", unix.EINVAL},
				{"subset", "pid", 0}, {"subset", "all", unix.EINVAL}, {"size", "1M", unix.EINVAL},
			} {
				t.Errno(o.key+"="+o.value, set(t, fs, o.key, o.value), o.want)
			}
		}},
	}
}
