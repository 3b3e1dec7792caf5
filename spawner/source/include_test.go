package source

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix/linux"
)

// TestOpenIncluded: an included file is held to the rule that the policy is held to, and is a file.
func TestOpenIncluded(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(dir string) (path string, err error)
		why  string // nothing when it is opened
		help string
	}{
		{"a file", func(dir string) (string, error) { return dir + "/a.yaml", nil }, "", ""},
		{"a link to it", func(dir string) (string, error) {
			return dir + "/link", os.Symlink(dir+"/a.yaml", dir+"/link")
		}, "", ""},
		{"the group may write to it", func(dir string) (string, error) { return dir + "/a.yaml", os.Chmod(dir+"/a.yaml", 0o664) }, "can be written by its group", "chmod g-w "},
		{"others may write to its directory", func(dir string) (string, error) { return dir + "/a.yaml", os.Chmod(dir, 0o777) }, "could change what is in it", "chmod go-w "},
		{"a directory with policies", func(dir string) (string, error) { return dir, nil }, "is a directory and not a regular file", "name the files that are meant"},
		{"a directory without", func(dir string) (string, error) { return dir + "/d", os.Mkdir(dir+"/d", 0o755) }, "is a directory and not a regular file", "name the files"},
		{"a pipe", func(dir string) (string, error) { return dir + "/p", unix.Mkfifo(dir+"/p", 0o600) }, "is a pipe and not a regular file", "write the policy to a file"},
		{"a device", func(string) (string, error) { return "/dev/zero", nil }, "/dev/zero is a device and not a regular file", "name a file"},
		{"too large", func(dir string) (string, error) { return dir + "/a.yaml", os.Truncate(dir+"/a.yaml", MaxSize+1) }, "has 1048577 bytes; a policy has at most", "split it"},
		{"nothing", func(dir string) (string, error) { return dir + "/b.yaml", nil }, "b.yaml: no such file or directory", "a relative name starts from the directory"},
		{"below a file", func(dir string) (string, error) { return dir + "/a.yaml/b", nil }, "not a directory", "a relative name starts from the directory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, err := filepath.EvalSymlinks(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(dir+"/a.yaml", []byte("version: 1\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			path, err := c.make(dir)
			if err != nil {
				t.Fatal(err)
			}
			f, ids, err := OpenFile(linux.New(), path, me())
			if c.why == "" {
				if err != nil || string(f.Text) != "version: 1\n" || f.Dir != dir || f.Name != path || len(ids) < 3 {
					t.Errorf("%+v, %d identities, %v", f, len(ids), err)
				}
				return
			}
			if err == nil || len(f.Text) > 0 {
				t.Fatalf("it is opened: %+v", f)
			}
			if why, help := Explain(err); !strings.Contains(why, c.why) || !strings.Contains(help, c.help) {
				t.Errorf("%q, %q", why, help)
			}
		})
	}
}
