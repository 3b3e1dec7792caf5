package spawner

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/posix/restrict"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// deadPID returns the number of a process that has ended.
func deadPID(t *testing.T) int {
	t.Helper()
	cmd := exec.Command("/bin/true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid
}

// leaveSocket makes the file of a socket that nobody has open any more.
func leaveSocket(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestSweepRuntimes: of all that lies beside a runtime directory, only what a dead supervisor of the same user left is removed.
func TestSweepRuntimes(t *testing.T) {
	var k Kernel = restrict.New(linux.New(), Operations())
	ns, err := pidNamespace(k)
	if err != nil {
		t.Fatal(err)
	}
	dead := deadPID(t)
	name := func(pid any, ns string) string { return fmt.Sprintf("supervisor-%v-%s", pid, ns) }
	mine, err := RuntimeName(k)
	if err != nil || mine != name(os.Getpid(), ns) {
		t.Fatalf("%q, %v", mine, err)
	}
	for _, tt := range []struct {
		name  string
		make  func(t *testing.T, path string)
		entry string
		swept bool
		err   string
	}{
		{name: "empty", entry: name(dead, ns), swept: true},
		{name: "with sockets", entry: name(dead, ns), swept: true, make: func(t *testing.T, path string) {
			leaveSocket(t, path+"/n")
			leaveSocket(t, path+"/c")
		}},
		{name: "of a process that lives", entry: name(os.Getppid(), ns)},
		{name: "of another pid namespace", entry: name(dead, "1")},
		{name: "without a namespace", entry: fmt.Sprintf("supervisor-%d", dead)},
		{name: "of no process", entry: name("x", ns)},
		{name: "with a sign", entry: name("+"+fmt.Sprint(dead), ns)},
		{name: "with a zero", entry: name("0"+fmt.Sprint(dead), ns)},
		{name: "with another name", entry: fmt.Sprintf("superviso-%d-%s", dead, ns)},
		{name: "the own one", entry: mine},
		{name: "open to others", entry: name(dead, ns), make: func(t *testing.T, path string) {
			if err := os.Chmod(path, 0o710); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "of another user", entry: name(dead, ns), make: func(t *testing.T, path string) {
			if err := os.Chown(path, 1, 1); errors.Is(err, unix.EPERM) && os.Geteuid() != 0 {
				t.Skipf("user %d may not give a directory away (%v): the run as root has it", os.Geteuid(), err)
			} else if err != nil {
				t.Fatal(err)
			}
		}},
		{name: "with a file", entry: name(dead, ns), err: "file in it is no socket, so it is left alone", make: func(t *testing.T, path string) {
			leaveSocket(t, path+"/n")
			if err := os.WriteFile(path+"/file", nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "with a directory", entry: name(dead, ns), err: "deep in it is no socket", make: func(t *testing.T, path string) {
			if err := os.Mkdir(path+"/deep", 0o700); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "a symbolic link", entry: name(dead, ns), make: func(t *testing.T, path string) {
			elsewhere := t.TempDir()
			leaveSocket(t, elsewhere+"/n")
			if err := errors.Join(os.Chmod(elsewhere, 0o700), os.Remove(path), os.Symlink(elsewhere, path)); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if _, err := os.Lstat(elsewhere + "/n"); err != nil {
					t.Errorf("what the link leads to was touched: %v", err)
				}
			})
		}},
		{name: "a file", entry: name(dead, ns), make: func(t *testing.T, path string) {
			if err := errors.Join(os.Remove(path), os.WriteFile(path, nil, 0o600)); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := shortTemp(t)
			path := filepath.Join(dir, tt.entry)
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
			if tt.make != nil {
				tt.make(t, path)
			}
			before, _ := os.ReadDir(path)
			removed, err := sweepRuntimes(k, filepath.Join(dir, mine))
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%v, want %q", err, tt.err)
			}
			_, stat := os.Lstat(path)
			if gone := errors.Is(stat, unix.ENOENT); gone != tt.swept || slices.Contains(removed, tt.entry) != tt.swept {
				t.Errorf("gone: %t, told: %q; want %t", gone, removed, tt.swept)
			}
			if after, _ := os.ReadDir(path); !tt.swept && len(after) != len(before) {
				t.Errorf("%d entries of %d are left", len(after), len(before))
			}
		})
	}
	if _, err := sweepRuntimes(k, "/nowhere/at/all/"+mine); !errors.Is(err, posix.Errno(unix.ENOENT)) {
		t.Errorf("%v, want %v", err, unix.ENOENT)
	}
}

// shortTemp is a directory with a path that leaves room for a socket's.
func shortTemp(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestSweepAtStart: a supervisor that starts removes what one that was killed has left beside it, and says so.
func TestSweepAtStart(t *testing.T) {
	var left string
	s := newResidentTest(t, planOf(), func(s *resident) {
		mine, err := RuntimeName(s.kernel)
		if err != nil {
			t.Fatal(err)
		}
		dir := shortTemp(t)
		s.Runtime = filepath.Join(dir, mine)
		left = filepath.Join(dir, strings.Replace(mine, fmt.Sprint(os.Getpid()), fmt.Sprint(deadPID(t)), 1))
		if err := os.Mkdir(left, 0o700); err != nil {
			t.Fatal(err)
		}
	}).run()
	m := s.manager()
	if _, err := os.Lstat(left); !errors.Is(err, unix.ENOENT) {
		t.Errorf("%s: %v", left, err)
	}
	if log := s.logged(); !strings.Contains(log, filepath.Base(left)) {
		t.Errorf("nothing is said of %s: %s", left, log)
	}
	m.must(wire.KindFinish, wire.EncodeStatus(0))
}
