package source

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/tests/leak"
)

// user is the ordinary user of these tests, to whom the test's own files belong.
const user = 1000

// view is the kernel as that user sees it: the test's files are the user's below some directory, and everything else is root's. Inside of a user
// namespace, root's look like everybody's.
func view(t *testing.T, inside bool, own ...string) *altered {
	t.Helper()
	k := &altered{Kernel: linux.New(), owners: map[uint64]posix.UID{}}
	root := posix.UID(0)
	if inside {
		root = unmapped
	}
	for dir := tempRoot(t, own[0]); ; dir = dir[:strings.LastIndexByte(dir, '/')] {
		k.owners[inode(t, dir+"/")] = root
		if dir == "" {
			break
		}
	}
	for _, path := range own {
		k.owners[inode(t, path)] = user
	}
	// What is in /tmp or the like is the user's as well: there others could put something in the place of root's.
	for dir := tempRoot(t, own[0]); dir != ""; dir = tempRoot(t, dir) {
		var above unix.Stat_t
		if err := unix.Stat(tempRoot(t, dir)+"/", &above); err != nil {
			t.Fatal(err)
		}
		if above.Mode&0o022 != 0 {
			k.owners[inode(t, dir)] = user
		}
	}
	return k
}

// tempRoot is the directory above a path.
func tempRoot(t *testing.T, path string) string {
	t.Helper()
	return path[:strings.LastIndexByte(path, '/')]
}

func inode(t *testing.T, path string) uint64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		t.Fatal(err)
	}
	return st.Ino
}

func facts(inside bool) host.Facts {
	return host.Facts{EUID: user, OverflowUID: unmapped, UserNS: host.UserNSFacts{Initial: !inside}}
}

// TestReadAgainInside: what was trusted outside is recognized inside, and nothing else.
func TestReadAgainInside(t *testing.T) {
	// dir and all above it but one are root's, and the directory own with its file is the user's.
	for _, c := range []struct {
		name  string
		alter func(t *testing.T, k *altered, dir string)
		open  string // default own/web.yaml
		at    string
		says  []string
	}{
		{name: "as it is"},
		{name: "through root's link", open: "link/web.yaml"},
		{
			name:  "the user's file is another one",
			alter: func(t *testing.T, k *altered, dir string) { replace(t, k, dir+"/own/web.yaml", user) },
		},
		{
			name: "the file is root's now", at: "own/web.yaml", says: []string{"cannot be told any more", "supervisor's own user"},
			alter: func(t *testing.T, k *altered, dir string) { k.owners[inode(t, dir+"/own/web.yaml")] = unmapped },
		},
		{
			name: "a directory that was not there", open: "new/web.yaml", at: "new", says: []string{"was not on the way", "start the supervisor again"},
			alter: func(t *testing.T, k *altered, dir string) {
				path := write(t, dir+"/new/web.yaml", "version: 1\n")
				k.owners[inode(t, dir+"/new")], k.owners[inode(t, path)] = unmapped, user
			},
		},
		{
			name: "a link that was not there", open: "other/web.yaml", at: "other",
			alter: func(t *testing.T, k *altered, dir string) {
				k.owners[inode(t, link(t, "own", dir+"/other"))] = unmapped
			},
		},
		{
			name: "others may write to what is known", at: "", says: []string{"can be written by anybody"},
			alter: func(t *testing.T, _ *altered, dir string) { chmod(t, dir, 0o777) },
		},
		{
			name: "known, but where others can replace it", open: "link/web.yaml", at: "link", says: []string{"others may write to (mode 1777)", "cannot be told"},
			alter: func(t *testing.T, _ *altered, dir string) { chmod(t, dir, 0o1777) },
		},
		{
			name: "a stranger who is mapped", at: "own", says: []string{"belongs to user 4242"},
			alter: func(t *testing.T, k *altered, dir string) { k.owners[inode(t, dir+"/own")] = stranger },
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			leak.Check(t)
			dir := tempDir(t)
			file := write(t, dir+"/own/web.yaml", "version: 1\n")
			link(t, "own", dir+"/link")
			own := []string{dir + "/own", file}
			rest := view(t, false, own...)
			rest.owners[inode(t, dir+"/link")] = 0
			var ids []Identity
			for _, path := range []string{file, dir + "/link/web.yaml"} {
				files, more, err := OpenRecorded(rest, path, Trusted(facts(false)))
				if err != nil || len(files) != 1 {
					t.Fatalf("outside: %v", err)
				}
				ids = append(ids, more...)
			}
			// As it is handed over.
			text, err := json.Marshal(ids)
			if err != nil {
				t.Fatal(err)
			}
			var handed []Identity
			if err := json.Unmarshal(text, &handed); err != nil || !reflect.DeepEqual(handed, ids) {
				t.Fatalf("%v, %v", handed, err)
			}
			k := view(t, true, own...)
			k.owners[inode(t, dir+"/link")] = unmapped
			if c.alter != nil {
				c.alter(t, k, dir)
			}
			path := file
			if c.open != "" {
				path = dir + "/" + c.open
			}
			if _, err := Open(k, path, Trusted(facts(true))); err == nil {
				t.Error("it is trusted without being known")
			}
			files, err := Open(k, path, Trusted(facts(true)).Knowing(facts(true), handed))
			if c.says == nil && c.at == "" {
				if err != nil || string(files[0].Text) != "version: 1\n" {
					t.Errorf("%v", err)
				}
				return
			}
			var refused *RefusedError
			if !errors.As(err, &refused) {
				t.Fatalf("%q, %v", files, err)
			}
			if want := strings.TrimSuffix(dir+"/"+c.at, "/"); refused.Path != want {
				t.Errorf("%s is refused, want %s: %v", refused.Path, want, err)
			}
			for _, part := range c.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
		})
	}
}

// replace puts another file in the place of one.
func replace(t *testing.T, k *altered, path string, owner posix.UID) {
	t.Helper()
	write(t, path+".new", "version: 1\n")
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	k.owners[inode(t, path)] = owner
}

// TestKnowingOutside: where owners can be told, what is known does not matter.
func TestKnowingOutside(t *testing.T) {
	before := Trusted(facts(false))
	if after := before.Knowing(facts(false), []Identity{{1, 2}}); !reflect.DeepEqual(before, after) {
		t.Errorf("%+v", after)
	}
}

// TestRecorded: the directories, the link and the file, each once; nothing with an error.
func TestRecorded(t *testing.T) {
	dir := tempDir(t)
	file := write(t, dir+"/d/web.yaml", "")
	write(t, dir+"/d/more.yaml", "")
	link(t, "d", dir+"/link")
	_, ids, err := OpenRecorded(linux.New(), dir+"/link", me())
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/", dir, dir + "/d", dir + "/link", file, dir + "/d/more.yaml"} {
		n := 0
		for _, id := range ids {
			if id.Ino == inode(t, path) {
				n++
			}
		}
		if n == 0 {
			t.Errorf("%s is not among %v", path, ids)
		}
	}
	if sorted := slices.CompactFunc(slices.Clone(ids), func(a, b Identity) bool { return a == b }); len(sorted) != len(ids) {
		t.Errorf("twice: %v", ids)
	}
	chmod(t, file, 0o666)
	if _, ids, err := OpenRecorded(linux.New(), file, me()); err == nil || ids != nil {
		t.Errorf("%v, %v", ids, err)
	}
}
