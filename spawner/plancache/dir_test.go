package plancache

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

func TestDir(t *testing.T) {
	for _, c := range []struct {
		name string
		euid posix.UID
		env  map[string]string
		want string
	}{
		{"root", 0, map[string]string{"XDG_RUNTIME_DIR": "/run/user/1000", "HOME": "/home/a"}, "/run/bulkhead/plans"},
		{"a user with a session", 1000, map[string]string{"XDG_RUNTIME_DIR": "/run/user/1000", "HOME": "/home/a"}, "/run/user/1000/bulkhead/plans"},
		{"a user without", 1000, map[string]string{"HOME": "/home/a"}, "/home/a/.cache/bulkhead/plans"},
		{"nobody", 65534, nil, ""},
		{"a relative path", 1000, map[string]string{"XDG_RUNTIME_DIR": "run"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Dir(c.euid, func(name string) string { return c.env[name] }); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// TestEntryIsNotTrusted tampers with an entry: it is never used, it is never an error, and a new one takes its place where the name is free.
func TestEntryIsNotTrusted(t *testing.T) {
	for _, c := range []struct {
		name   string
		tamper func(t *testing.T, path string)
		why    string
	}{
		{"empty", func(t *testing.T, p string) { must(t, os.Truncate(p, 0)) }, "damaged"},
		{"truncated", func(t *testing.T, p string) { must(t, os.Truncate(p, 100)) }, "damaged"},
		{"huge", func(t *testing.T, p string) { must(t, os.Truncate(p, MaxEntry+1)) }, "damaged"},
		{"of another format", func(t *testing.T, p string) { rewrite(t, p, []byte("plan 1"), []byte("plan 0")) }, "another format"},
		{"changed", func(t *testing.T, p string) { rewrite(t, p, []byte("a warning"), []byte("b warning")) }, "checksum"},
		{"readable by the group", func(t *testing.T, p string) { must(t, os.Chmod(p, 0o640)) }, "not trusted"},
		{"writable by the group", func(t *testing.T, p string) { must(t, os.Chmod(p, 0o620)) }, "not trusted"},
		{"writable by all", func(t *testing.T, p string) { must(t, os.Chmod(p, 0o602)) }, "not trusted"},
		{"a set-user-id file", func(t *testing.T, p string) { must(t, unix.Chmod(p, 0o4600)) }, "not trusted"},
		{"of another owner", func(t *testing.T, p string) { chown(t, p) }, "belongs to user"},
		{"with a second name", func(t *testing.T, p string) { must(t, os.Link(p, filepath.Dir(p)+"/../second")) }, "2 names"},
		{"a symbolic link", func(t *testing.T, p string) {
			must(t, os.Rename(p, filepath.Dir(p)+"/../real"))
			must(t, os.Symlink("../real", p))
		}, "too many levels"},
		{"a directory", func(t *testing.T, p string) {
			must(t, os.Remove(p))
			must(t, os.Mkdir(p, 0o700))
		}, "not trusted"},
		{"a pipe", func(t *testing.T, p string) {
			must(t, os.Remove(p))
			must(t, unix.Mkfifo(p, 0o600))
		}, "not trusted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, _ := newBed(t)
			b.expect(false, "no entry")
			path := b.entry()
			c.tamper(t, path)
			b.expect(false, c.why)
			if st, err := os.Lstat(path); err == nil && st.IsDir() {
				return // a name that is a directory cannot be given to a file
			}
			b.expect(true, "")
		})
	}
}

// TestEntryOfAnotherRequest: a good entry under a wrong name.
func TestEntryOfAnotherRequest(t *testing.T) {
	b, _ := newBed(t)
	b.expect(false, "no entry")
	first := b.entry()
	b.request.Module = "other"
	b.expect(false, "no entry")
	names, err := os.ReadDir(b.Dir)
	must(t, err)
	for _, n := range names {
		if path := filepath.Join(b.Dir, n.Name()); path != first {
			data, err := os.ReadFile(first)
			must(t, err)
			must(t, os.WriteFile(path, data, 0o600))
		}
	}
	b.expect(false, "it is the entry "+filepath.Base(first))
}

func TestDirIsNotTrusted(t *testing.T) {
	for _, c := range []struct {
		name   string
		tamper func(t *testing.T, dir string)
		why    string
	}{
		{"readable by others", func(t *testing.T, d string) { must(t, os.Chmod(d, 0o755)) }, "not trusted"},
		{"writable by the group", func(t *testing.T, d string) { must(t, os.Chmod(d, 0o720)) }, "not trusted"},
		{"sticky and open", func(t *testing.T, d string) { must(t, os.Chmod(d, os.ModeSticky|0o777)) }, "not trusted"},
		{"of another owner", func(t *testing.T, d string) { chown(t, d) }, "belongs to user"},
		{"a symbolic link", func(t *testing.T, d string) {
			must(t, os.Rename(d, d+"-real"))
			must(t, os.Symlink(d+"-real", d))
		}, ""},
		{"below a symbolic link", func(t *testing.T, d string) {
			up := filepath.Dir(d)
			must(t, os.Rename(up, up+"-real"))
			must(t, os.Symlink(up+"-real", up))
		}, ""},
		{"a file", func(t *testing.T, d string) {
			must(t, os.RemoveAll(d))
			must(t, os.WriteFile(d, nil, 0o700))
		}, "not a directory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, _ := newBed(t)
			b.expect(false, "no entry")
			c.tamper(t, b.Dir)
			b.expect(false, c.why)
			b.expect(false, c.why) // nothing is written there either
		})
	}
}

// TestOldEntriesGo fills the directory.
func TestOldEntriesGo(t *testing.T) {
	b, _ := newBed(t)
	b.expect(false, "no entry")
	must(t, os.WriteFile(filepath.Join(b.Dir, "notes"), nil, 0o600)) // not ours: it stays
	old := time.Unix(1000, 0)
	for i := range MaxEntries + 20 {
		name := filepath.Join(b.Dir, fmt.Sprintf("%064x", i))
		if i%10 == 0 {
			name = filepath.Join(b.Dir, fmt.Sprintf("%s%016x", temporaryPrefix, i)) // of a supervisor that was killed
		}
		if i%10 == 5 {
			name = filepath.Join(b.Dir, fmt.Sprintf("%s%064x", markPrefix, i))
		}
		must(t, os.WriteFile(name, nil, 0o600))
		must(t, os.Chtimes(name, old, old.Add(time.Duration(i)*time.Second)))
	}
	b.request.Module = "new"
	b.expect(false, "no entry")
	names, err := os.ReadDir(b.Dir)
	must(t, err)
	if want := MaxEntries - spare + 2; len(names) != want {
		t.Errorf("%d files, want %d", len(names), want)
	}
	for i, there := range map[int]bool{21: false, 52: false, 53: true} { // 53 of 277 were too many
		if _, err := os.Stat(filepath.Join(b.Dir, fmt.Sprintf("%064x", i))); (err == nil) != there {
			t.Errorf("entry %d: %v, want it to be there: %t", i, err, there)
		}
	}
	b.expect(true, "")
	b.request.Module = ""
	b.expect(true, "")
}

func rewrite(t *testing.T, path string, old, changed []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	must(t, err)
	if !bytes.Contains(data, old) {
		t.Fatalf("there is no %q in the entry", old)
	}
	must(t, os.WriteFile(path, bytes.Replace(data, old, changed, 1), 0o600))
}

func chown(t *testing.T, path string) {
	t.Helper()
	err := os.Chown(path, 65534, 65534)
	if errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0 {
		t.Skipf("user %d may not give a file away (%v): the run as root has it", os.Geteuid(), err)
	}
	must(t, err)
}
