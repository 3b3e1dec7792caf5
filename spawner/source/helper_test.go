package source

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox/host"
)

// me is the rule of this process in the initial user namespace.
func me() Trust {
	return Trusted(host.Facts{EUID: posix.UID(os.Geteuid()), UserNS: host.UserNSFacts{Initial: true}, OverflowUID: unmapped})
}

// stranger is a user that no test runs as.
const stranger = 4242

// altered is the running kernel, but some files belong to others, and something happens before a call.
type altered struct {
	*linux.Kernel
	owners     map[uint64]posix.UID // by inode
	beforeOpen func(path string, flags uint64)
	beforeRead func()
}

func (a *altered) Fstat(fd posix.FD, st *posix.Stat) error {
	err := a.Kernel.Fstat(fd, st)
	if uid, ok := a.owners[st.Ino]; ok && err == nil {
		st.UID = uid
	}
	return err
}

func (a *altered) Openat2(dir posix.FD, path string, how posix.OpenHow) (posix.FD, error) {
	if a.beforeOpen != nil {
		a.beforeOpen(path, how.Flags)
	}
	return a.Kernel.Openat2(dir, path, how)
}

func (a *altered) Read(fd posix.FD, p []byte) (int, error) {
	if a.beforeRead != nil {
		a.beforeRead()
	}
	return a.Kernel.Read(fd, p)
}

// given makes what it names the property of a stranger.
func given(t testing.TB, k *altered, path string) {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		t.Fatal(err)
	}
	if k.owners == nil {
		k.owners = map[uint64]posix.UID{}
	}
	k.owners[st.Ino] = stranger
}

// tempDir returns a directory that only this user can write to, without symbolic links in its path.
func tempDir(t testing.TB) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	chmod(t, dir, 0o755)
	return dir
}

// write makes a file, with the directories above it.
func write(t testing.TB, path, text string) string {
	t.Helper()
	mkdir(t, filepath.Dir(path))
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	chmod(t, path, 0o644)
	return path
}

func mkdir(t testing.TB, path string) string {
	t.Helper()
	if _, err := os.Stat(path); err == nil {
		return path
	}
	mkdir(t, filepath.Dir(path))
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	chmod(t, path, 0o755)
	return path
}

func chmod(t testing.TB, path string, mode uint32) {
	t.Helper()
	if err := unix.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func link(t testing.TB, target, path string) string {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
	return path
}
