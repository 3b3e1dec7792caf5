package linux

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

const ownNamespaces = "BULKHEAD_TEST_OWN_NAMESPACES"

// inOwnNamespaces runs the calling test again in a mount namespace of its own, in which it may mount, and returns true there.
// An ordinary user gets a user namespace around it.
func inOwnNamespaces(t *testing.T) bool {
	t.Helper()
	if os.Getenv(ownNamespaces) == t.Name() {
		return true
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), ownNamespaces+"="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
	if !capable(t, unix.CAP_SYS_ADMIN) {
		cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	// It did not begin. Source: user_namespaces(7), and clone(2) for EPERM and ENOSPC.
	if cmd.Process == nil && !capable(t, unix.CAP_SYS_ADMIN) && (errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.ENOSPC)) {
		t.Skipf("needs CAP_SYS_ADMIN, which this process has not, or a user namespace, which this kernel does not give it: %v", err)
	}
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("in its own namespaces: %v\n%s", err, out)
	}
	return false
}

func TestMounts(t *testing.T) {
	if !inOwnNamespaces(t) {
		return
	}
	k := New()
	must(t, "make mounts private", k.MountSetattr(posix.AtFDCWD, "/", unix.AT_RECURSIVE, &posix.MountAttr{Propagation: unix.MS_PRIVATE}))
	where := t.TempDir()

	fs, err := k.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)
	closing(t, fs, err)
	_, err = k.Fsmount(fs, unix.FSMOUNT_CLOEXEC, 0)
	check(t, "Fsmount before the creation", err, unix.EINVAL)
	for _, tt := range []struct {
		name string
		conf posix.FsConfig
		want posix.Errno
	}{
		{"a string", posix.FsConfig{Cmd: unix.FSCONFIG_SET_STRING, Key: "size", Value: "64k"}, 0},
		{"a bad value", posix.FsConfig{Cmd: unix.FSCONFIG_SET_STRING, Key: "size", Value: "much"}, unix.EINVAL},
		{"an unknown parameter", posix.FsConfig{Cmd: unix.FSCONFIG_SET_STRING, Key: "nosuch", Value: "x"}, unix.EINVAL},
		{"an unknown flag", posix.FsConfig{Cmd: unix.FSCONFIG_SET_FLAG, Key: "nosuch"}, unix.EINVAL},
		{"a flag", posix.FsConfig{Cmd: unix.FSCONFIG_SET_FLAG, Key: "inode64"}, 0},
		{"a command that posix.FsConfig has no fields for", posix.FsConfig{Cmd: unix.FSCONFIG_SET_FD, Key: "x"}, unix.EINVAL},
		{"create", posix.FsConfig{Cmd: unix.FSCONFIG_CMD_CREATE}, 0},
		{"create again", posix.FsConfig{Cmd: unix.FSCONFIG_CMD_CREATE}, unix.EBUSY},
	} {
		tt.conf.FS = fs
		check(t, tt.name, k.Fsconfig(tt.conf), tt.want)
	}
	mount, err := k.Fsmount(fs, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NOEXEC)
	closing(t, mount, err)

	check(t, "attach to nothing", k.MoveMount(posix.Move{FromDir: mount, ToDir: posix.AtFDCWD, ToPath: where + "/none", Flags: unix.MOVE_MOUNT_F_EMPTY_PATH}), unix.ENOENT)
	check(t, "attach", k.MoveMount(posix.Move{FromDir: mount, ToDir: posix.AtFDCWD, ToPath: where, Flags: unix.MOVE_MOUNT_F_EMPTY_PATH}), 0)
	t.Cleanup(func() { must(t, "unmount", unix.Unmount(where, unix.MNT_DETACH)) })
	must(t, "write a file", os.WriteFile(filepath.Join(where, "file"), []byte("text"), 0o600))
	err = os.WriteFile(filepath.Join(where, "big"), make([]byte, 128<<10), 0o600)
	if pathErr, ok := err.(*os.PathError); !ok || pathErr.Err != unix.ENOSPC {
		t.Errorf("128 KiB in a file system of 64 KiB: %v", err)
	}

	// A detached copy has attributes of its own.
	tree, err := k.OpenTree(posix.AtFDCWD, where, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	closing(t, tree, err)
	check(t, "make read-only", k.MountSetattr(tree, "", unix.AT_EMPTY_PATH, &posix.MountAttr{Set: unix.MOUNT_ATTR_RDONLY}), 0)
	check(t, "an unknown attribute", k.MountSetattr(tree, "", unix.AT_EMPTY_PATH, &posix.MountAttr{Set: 1 << 62}), unix.EINVAL)
	_, err = k.Openat2(tree, "file", posix.OpenHow{Flags: unix.O_RDWR})
	check(t, "write to the copy", err, unix.EROFS)
	fd, err := k.Openat2(tree, "file", posix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC})
	closing(t, fd, err)
	fd, err = k.Openat2(mount, "file", posix.OpenHow{Flags: unix.O_RDWR | unix.O_CLOEXEC})
	closing(t, fd, err)

	for _, tt := range []struct {
		name, path string
		want       posix.Errno
	}{{"missing", where + "/none", unix.ENOENT}, {"zero byte", "a\x00b", unix.EINVAL}} {
		_, err := k.OpenTree(posix.AtFDCWD, tt.path, unix.OPEN_TREE_CLOEXEC)
		check(t, tt.name, err, tt.want)
	}
	_, err = k.Fsopen("nosuchfs", 0)
	check(t, "unknown file system", err, unix.ENODEV)
}

func TestMountsWithoutPrivilege(t *testing.T) {
	k := New()
	fd, err := k.OpenTree(posix.AtFDCWD, "/", unix.OPEN_TREE_CLOEXEC) // no clone: anybody may
	closing(t, fd, err)
	if capable(t, unix.CAP_SYS_ADMIN) {
		t.Skip("this process has CAP_SYS_ADMIN, so nothing here is refused")
	}
	_, err = k.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)
	check(t, "Fsopen", err, unix.EPERM)
	_, err = k.OpenTree(posix.AtFDCWD, "/", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	check(t, "OpenTree", err, unix.EPERM)
	check(t, "MountSetattr", k.MountSetattr(posix.AtFDCWD, "/", 0, &posix.MountAttr{Set: unix.MOUNT_ATTR_RDONLY}), unix.EPERM)
	check(t, "MoveMount", k.MoveMount(posix.Move{FromDir: fd, ToDir: fd, Flags: unix.MOVE_MOUNT_F_EMPTY_PATH | unix.MOVE_MOUNT_T_EMPTY_PATH}), unix.EPERM)
	_, err = k.Fsmount(fd, 0, 0)
	check(t, "Fsmount", err, unix.EPERM)
	check(t, "Fsconfig of no file system", k.Fsconfig(posix.FsConfig{FS: fd, Cmd: unix.FSCONFIG_CMD_CREATE}), unix.EBADF)
}

func TestSetns(t *testing.T) {
	k := New()
	runtime.LockOSThread() // for good: a thread that may have joined a namespace ends with the test
	check(t, "nothing", k.Setns(-1, 0), unix.EBADF)
	check(t, "no namespace", k.Setns(tempFile(t, tempDir(t), "file", ""), 0), unix.EINVAL)
	uts, err := k.Openat2(posix.AtFDCWD, "/proc/self/ns/uts", posix.OpenHow{Flags: unix.O_CLOEXEC})
	closing(t, uts, err)
	check(t, "another kind", k.Setns(uts, unix.CLONE_NEWNET), unix.EINVAL)
	want := posix.Errno(unix.EPERM)
	if capable(t, unix.CAP_SYS_ADMIN) {
		want = 0
	}
	check(t, fmt.Sprintf("our own (capable: %v)", want == 0), k.Setns(uts, unix.CLONE_NEWUTS), want)
}
