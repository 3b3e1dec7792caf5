package source

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix/errs"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/tests/leak"
)

func TestOpenRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(t *testing.T, path string) // makes what is opened, at path
		path string                          // when it is not that
		rule Rule
		is   error
		says string
	}{
		{name: "an empty path", says: `policy "": the path is empty`, path: "-"},
		{name: "nothing there", is: fs.ErrNotExist, says: "no such file"},
		{name: "a dangling link", make: func(t *testing.T, p string) { link(t, "nowhere", p) }, is: fs.ErrNotExist, says: "/nowhere"},
		{name: "a link to itself", make: func(t *testing.T, p string) { link(t, p, p) }, is: unix.ELOOP, says: "web.yaml"},
		{
			name: "a pipe", rule: RuleNotRegular, says: "is a pipe",
			make: func(t *testing.T, p string) { must(t, unix.Mkfifo(p, 0o644)) },
		},
		{name: "a device", path: "/dev/null", rule: RuleNotRegular, says: "is a device", make: func(*testing.T, string) {}},
		{
			name: "a socket", rule: RuleNotRegular, says: "is a socket",
			make: func(t *testing.T, p string) { must(t, unix.Mknod(p, unix.S_IFSOCK|0o600, 0)) },
		},
		{name: "a path through a file", make: func(t *testing.T, p string) { write(t, p, "") }, path: "/x", is: unix.ENOTDIR, says: "not a directory"},
		{name: "a file with a slash", make: func(t *testing.T, p string) { write(t, p, "") }, path: "/", is: unix.ENOTDIR, says: "not a directory"},
		{name: "a zero byte", path: "\x00", make: func(t *testing.T, p string) { write(t, p, "") }, says: "zero byte"},
		{
			name: "one byte too much", rule: RuleTooLarge, says: "has 1048577 bytes; a policy has at most 1048576",
			make: func(t *testing.T, p string) { write(t, p, strings.Repeat("#", MaxSize+1)) },
		},
		{
			name: "ten megabytes", rule: RuleTooLarge, says: "has 10485760 bytes",
			make: func(t *testing.T, p string) { must(t, os.Truncate(write(t, p, ""), 10<<20)) },
		},
		{name: "too deep", path: strings.Repeat("/d", maxDepth), rule: RuleTooDeep, says: "below 40 directories", make: func(t *testing.T, p string) {
			must(t, os.MkdirAll(p+strings.Repeat("/d", maxDepth), 0o755))
		}},
		{name: "an empty directory", rule: RuleNoPolicy, says: "without policies", make: func(t *testing.T, p string) { mkdir(t, p) }},
		{
			name: "a directory of something else", rule: RuleNoPolicy, says: "without policies",
			make: func(t *testing.T, p string) {
				write(t, p+"/.hidden.yaml", "")
				write(t, p+"/web.yml", "")
				write(t, p+"/.yaml", "")
			},
		},
		{
			name: "a directory in a directory", rule: RuleNotRegular, says: "b.yaml is a directory",
			make: func(t *testing.T, p string) {
				write(t, p+"/a.yaml", "")
				write(t, p+"/b.yaml/web.yaml", "")
			},
		},
		{
			name: "a pipe in a directory", rule: RuleNotRegular, says: "p.yaml is a pipe",
			make: func(t *testing.T, p string) {
				write(t, p+"/a.yaml", "")
				must(t, unix.Mkfifo(p+"/p.yaml", 0o644))
			},
		},
		{
			name: "a file that others may write, in a directory", rule: RuleOthersWrite, says: "b.yaml can be written by anybody",
			make: func(t *testing.T, p string) {
				write(t, p+"/a.yaml", "")
				chmod(t, write(t, p+"/b.yaml", ""), 0o666)
			},
		},
		{
			name: "too many", rule: RuleTooMany, says: "more than 256 policies",
			make: func(t *testing.T, p string) {
				for i := range MaxFiles + 1 {
					write(t, fmt.Sprintf("%s/%d.yaml", p, i), "")
				}
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			leak.Check(t)
			path := tempDir(t) + "/web.yaml"
			if c.make != nil {
				c.make(t, path)
			}
			switch {
			case c.path == "-":
				path = ""
			case strings.HasPrefix(c.path, "/dev/"):
				path = c.path
			default:
				path += c.path
			}
			files, err := Open(linux.New(), path, me())
			if err == nil || files != nil {
				t.Fatalf("got %q, %v", files, err)
			}
			var refused *RefusedError
			if errors.As(err, &refused) != (c.rule != 0) || c.rule != 0 && refused.Rule != c.rule {
				t.Errorf("%v is not about rule %d", err, c.rule)
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("%v is not %v", err, c.is)
			}
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("%q does not say %q", err, c.says)
			}
		})
	}
}

func TestOpenFile(t *testing.T) {
	leak.Check(t)
	dir := tempDir(t)
	big := strings.Repeat("0123456789abcde\n", MaxSize/16)
	write(t, dir+"/big.yaml", big)
	write(t, dir+"/empty.yaml", "")
	write(t, dir+"/binary", "\x00\xff")
	at := write(t, dir+"/a/b/last", "x")
	chain := at
	for i := range maxLinks {
		chain = link(t, chain, fmt.Sprintf("%s/link%d", dir, i))
	}
	link(t, "../a//b/./", dir+"/a/up")
	t.Chdir(dir + "/a")
	for _, c := range []struct{ path, dir, text string }{
		{dir + "/big.yaml", dir, big},
		{dir + "/empty.yaml", dir, ""},
		{dir + "/binary", dir, "\x00\xff"},
		{chain, dir + "/a/b", "x"},
		{"b/last", dir + "/a/b", "x"},
		{"./b//last", dir + "/a/b", "x"},
		{"../empty.yaml", dir, ""},
		{"up/last", dir + "/a/b", "x"},
		{dir + "/a/up/../b/last", dir + "/a/b", "x"},
		{"/../../" + dir + "/empty.yaml", dir, ""},
		{strings.Repeat("../", 200) + dir + "/empty.yaml", dir, ""},
	} {
		files, err := Open(linux.New(), c.path, me())
		if err != nil || len(files) != 1 {
			t.Errorf("%s: %d files, %v", c.path, len(files), err)
			continue
		}
		if f := files[0]; f.Name != c.path || f.Dir != c.dir || string(f.Text) != c.text {
			t.Errorf("%s: name %s, dir %s, %d bytes", c.path, f.Name, f.Dir, len(f.Text))
		}
	}
	if _, err := Open(linux.New(), link(t, chain, dir+"/toolong"), me()); !errors.Is(err, unix.ELOOP) {
		t.Errorf("41 links: %v", err)
	}
}

func TestOpenDirectory(t *testing.T) {
	leak.Check(t)
	dir := tempDir(t)
	for _, name := range []string{"z.yaml", "a.yaml", "10.yaml", ".hidden.yaml", "notes.txt", "b.yaml~"} {
		write(t, dir+"/d/"+name, name)
	}
	write(t, dir+"/elsewhere/shared.yaml", "shared")
	link(t, "../elsewhere/shared.yaml", dir+"/d/m.yaml")
	t.Chdir(dir)
	for _, path := range []string{dir + "/d", "d", "d/", "./d//"} {
		files, err := Open(linux.New(), path, me())
		base := strings.TrimRight(path, "/")
		want := []File{
			{base + "/10.yaml", dir + "/d", []byte("10.yaml")},
			{base + "/a.yaml", dir + "/d", []byte("a.yaml")},
			{base + "/m.yaml", dir + "/elsewhere", []byte("shared")},
			{base + "/z.yaml", dir + "/d", []byte("z.yaml")},
		}
		if err != nil || !reflect.DeepEqual(files, want) {
			t.Errorf("%s: %q, %v", path, files, err)
		}
	}
}

// A directory of as many files as are allowed is listed in several calls.
func TestManyFiles(t *testing.T) {
	dir := tempDir(t)
	for i := range MaxFiles {
		write(t, fmt.Sprintf("%s/%03d%s.yaml", dir, i, strings.Repeat("x", 200)), "")
	}
	files, err := Open(linux.New(), dir, me())
	if err != nil || len(files) != MaxFiles || !strings.HasPrefix(filepath.Base(files[MaxFiles-1].Name), "255") {
		t.Errorf("%d files, %v", len(files), err)
	}
}

func TestCurrentDirectoryIsGone(t *testing.T) {
	leak.Check(t)
	dir := mkdir(t, tempDir(t)+"/d")
	t.Chdir(dir)
	must(t, os.Remove(dir))
	_, err := Open(linux.New(), "web.yaml", me())
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "current directory") {
		t.Errorf("got %v", err)
	}
	// Something else has its name by now.
	write(t, dir+" (deleted)/web.yaml", "")
	_, err = Open(linux.New(), "web.yaml", me())
	if err == nil || !strings.Contains(err.Error(), "the current directory is no longer") {
		t.Errorf("got %v", err)
	}
}

// The decorator that names the call and the path in each error does not make a message say them twice.
func TestMessageUnderErrs(t *testing.T) {
	dir := tempDir(t)
	_, err := Open(errs.New(linux.New()), dir+"/none.yaml", me())
	if want := "policy " + dir + "/none.yaml: open " + dir + "/none.yaml: no such file or directory"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// `--policy <(command)` is a pipe behind a link of /proc whose text is no path.
func TestProcessSubstitution(t *testing.T) {
	leak.Check(t)
	r, w, err := os.Pipe()
	must(t, err)
	defer func() { must(t, errors.Join(r.Close(), w.Close())) }()
	_, err = Open(linux.New(), fmt.Sprintf("/dev/fd/%d", r.Fd()), me())
	var refused *RefusedError
	if !errors.As(err, &refused) || refused.Rule != RuleNotRegular || !strings.Contains(err.Error(), "is a pipe") {
		t.Errorf("got %v", err)
	}
}

func TestUnreadable(t *testing.T) {
	path := write(t, tempDir(t)+"/web.yaml", "")
	chmod(t, path, 0)
	if unix.Access(path, unix.R_OK) == nil {
		t.Skipf("user %d may read a file of mode 0 (access(2); CAP_DAC_OVERRIDE): the run as an ordinary user has it", os.Geteuid())
	}
	if _, err := Open(linux.New(), path, me()); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %v", err)
	}
}

func TestChangesWhileItIsRead(t *testing.T) {
	const text = "version: 1\nmodules: {}\n"
	for name, change := range map[string]func(t *testing.T, path string){
		"grows":    func(t *testing.T, p string) { appendTo(t, p, "more") },
		"shrinks":  func(t *testing.T, p string) { must(t, os.Truncate(p, 3)) },
		"vanishes": func(t *testing.T, p string) { must(t, os.Truncate(p, 0)) },
		"same size": func(t *testing.T, p string) {
			time.Sleep(20 * time.Millisecond)
			appendTo(t, p, "")
			must(t, os.WriteFile(p, bytes.ToUpper([]byte(text)), 0))
		},
		"floods": func(t *testing.T, p string) { appendTo(t, p, strings.Repeat("x", 2*MaxSize)) },
	} {
		t.Run(name, func(t *testing.T) {
			leak.Check(t)
			path := write(t, tempDir(t)+"/web.yaml", text)
			done := false
			k := &altered{Kernel: linux.New(), beforeRead: func() {
				if !done {
					done = true
					change(t, path)
				}
			}}
			_, err := Open(k, path, me())
			var refused *RefusedError
			if !errors.As(err, &refused) || refused.Rule != RuleChanged && name != "floods" || name == "floods" && refused.Rule != RuleTooLarge {
				t.Fatalf("got %v", err)
			}
			if !done {
				t.Error("it did not change")
			}
			// It settled, so another try works.
			if _, err := Open(k, path, me()); (err != nil) != (name == "floods") {
				t.Error(err)
			}
		})
	}
}

// What is swapped between the walk and the opening is noticed, and a pipe put there does not hang.
func TestReplacedWhileItIsOpened(t *testing.T) {
	for name, replace := range map[string]func(t *testing.T, path string){
		"by another file": func(t *testing.T, p string) { write(t, p, "evil") },
		"by a pipe":       func(t *testing.T, p string) { must(t, unix.Mkfifo(p, 0o600)) },
	} {
		t.Run(name, func(t *testing.T) {
			leak.Check(t)
			path := write(t, tempDir(t)+"/web.yaml", "good")
			k := &altered{Kernel: linux.New(), beforeOpen: func(p string, flags uint64) {
				if p == "web.yaml" && flags&unix.O_PATH == 0 {
					must(t, os.Rename(path, path+".old")) // keeps its inode from being used again
					replace(t, path)
				}
			}}
			_, err := Open(k, path, me())
			var refused *RefusedError
			if !errors.As(err, &refused) || refused.Rule != RuleChanged || !strings.Contains(err.Error(), "was replaced") {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("by a link", func(t *testing.T) {
		path := write(t, tempDir(t)+"/web.yaml", "good")
		k := &altered{Kernel: linux.New(), beforeOpen: func(p string, flags uint64) {
			if p == "web.yaml" && flags&unix.O_PATH == 0 {
				must(t, os.Rename(path, path+".old"))
				link(t, "web.yaml.old", path)
			}
		}}
		if _, err := Open(k, path, me()); !errors.Is(err, unix.ELOOP) {
			t.Errorf("got %v", err)
		}
	})
}

// While somebody exchanges the directory for one that others may write to, the file of that one is never returned.
func TestExchangeRace(t *testing.T) {
	leak.Check(t)
	dir := tempDir(t)
	write(t, dir+"/a/web.yaml", "good")
	write(t, dir+"/b/web.yaml", "evil")
	chmod(t, dir+"/b", 0o777)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				_ = unix.Renameat2(unix.AT_FDCWD, dir+"/a", unix.AT_FDCWD, dir+"/b", unix.RENAME_EXCHANGE)
			}
		}
	}()
	good, refused := 0, 0
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline) && (good < 100 || refused < 100); {
		files, err := Open(linux.New(), dir+"/a/web.yaml", me())
		switch {
		case err != nil:
			refused++
		case string(files[0].Text) != "good":
			t.Fatalf("got %q", files)
		default:
			good++
		}
	}
	close(stop)
	<-stopped
	if good == 0 || refused == 0 {
		t.Errorf("%d good and %d refused: there was no race", good, refused)
	}
}

func ExampleOpen() {
	_, err := Open(linux.New(), "/dev/null", Anyone)
	fmt.Println(err)
	// Output: policy /dev/null: /dev/null is a device and not a regular file: name a file
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func appendTo(t testing.TB, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteString(text)
	must(t, errors.Join(err, f.Close()))
}
