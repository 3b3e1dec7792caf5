package compile

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/errs"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox"
)

func TestFileAnswers(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	long := bytes.Repeat([]byte("x"), sandbox.HeadSize+100)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile(at("file"), []byte("#!/bin/sh\n"), 0o644))
	must(os.WriteFile(at("long"), long, 0o755))
	must(os.WriteFile(at("secret"), []byte("x"), 0))
	must(unix.Chmod(at("file"), 0o4750))
	must(os.Mkdir(at("dir"), 0o711))
	must(os.Symlink("file", at("link")))
	must(os.Symlink(dir, at("up")))
	must(os.Symlink("gone", at("dangling")))
	must(os.Symlink("loop", at("loop")))
	must(unix.Mkfifo(at("fifo"), 0o600))
	must(unix.Mknod(at("socket"), unix.S_IFSOCK|0o600, 0))

	secret := []byte("x") // root reads everything
	if os.Geteuid() != 0 {
		secret = nil // executed it could be, so that is no error
	}
	tests := []struct {
		name, path string
		want       sandbox.File
		head       []byte
	}{
		{"file", at("file"), sandbox.File{Kind: sandbox.Regular, Real: at("file"), Mode: 0o4750}, []byte("#!/bin/sh\n")},
		{"long file", at("long"), sandbox.File{Kind: sandbox.Regular, Real: at("long"), Mode: 0o755}, long[:sandbox.HeadSize]},
		{"unreadable file", at("secret"), sandbox.File{Kind: sandbox.Regular, Real: at("secret")}, secret},
		{"directory", at("dir"), sandbox.File{Kind: sandbox.Directory, Real: at("dir"), Mode: 0o711}, nil},
		{"link", at("link"), sandbox.File{Kind: sandbox.Regular, Link: "file", Real: at("file"), Mode: 0o4750}, []byte("#!/bin/sh\n")},
		{"through a link", at("up/link"), sandbox.File{Kind: sandbox.Regular, Link: "file", Real: at("file"), Mode: 0o4750}, []byte("#!/bin/sh\n")},
		{"missing", at("gone"), sandbox.File{Errno: unix.ENOENT}, nil},
		{"dangling link", at("dangling"), sandbox.File{Errno: unix.ENOENT}, nil},
		{"circle of links", at("loop"), sandbox.File{Errno: unix.ELOOP}, nil},
		{"below a file", at("file/x"), sandbox.File{Errno: unix.ENOTDIR}, nil},
		{"a name too long", at(strings.Repeat("x", 300)), sandbox.File{Errno: unix.ENAMETOOLONG}, nil},
		{"fifo", at("fifo"), sandbox.File{Kind: sandbox.Other, Real: at("fifo"), Mode: 0o600}, nil},
		{"socket", at("socket"), sandbox.File{Kind: sandbox.Other, Real: at("socket"), Mode: 0o600}, nil},
		{"device", "/dev/null", sandbox.File{Kind: sandbox.Device, Real: "/dev/null", Mode: 0o666}, nil},
		{"root", "/", sandbox.File{Kind: sandbox.Directory, Real: "/", Mode: 0o755}, nil},
	}
	for name, k := range map[string]posix.Files{"bare errnos": linux.New(), "wrapped": errs.New(linux.New())} {
		t.Run(name, func(t *testing.T) {
			for _, tt := range tests {
				t.Run(tt.name, func(t *testing.T) {
					for _, kind := range []byte{'f', 'h'} {
						done := make(chan answer, 1)
						go func() { done <- lookup{files: k}.answer(question{kind, tt.path}) }()
						var got answer
						select {
						case got = <-done:
						case <-time.After(5 * time.Second):
							t.Fatal("no answer: opening it blocks")
						}
						if got.Error != "" || got.File != tt.want {
							t.Errorf("%c: %+v, %q; want %+v", kind, got.File, got.Error, tt.want)
						}
						if head := tt.head; kind == 'h' && !bytes.Equal(got.Head, head) || kind == 'f' && got.Head != nil {
							t.Errorf("%c: the head has %d bytes, want %d", kind, len(got.Head), len(head))
						}
					}
				})
			}
		})
	}
}

func TestOtherAnswers(t *testing.T) {
	l := lookup{files: linux.New()}
	for q, says := range map[question]string{
		{'f', "etc/passwd"}: "not an absolute path", {'h', ""}: "not an absolute path", {'x', "/"}: "no such question", {0, ""}: "no such question",
		{'f', "/etc/\x00passwd"}: "invalid argument",
	} {
		a := l.answer(q)
		if text := a.Error + a.File.Errno.Error(); !strings.Contains(text, says) || a.Found || a.File.Kind != sandbox.Absent || a.Head != nil {
			t.Errorf("%q gets %+v, want %q", q, a, says)
		}
	}
}

func TestUserAndGroupAnswers(t *testing.T) {
	l := lookup{files: linux.New()}
	root := sandbox.User{Name: "root"}
	for _, name := range []string{"root", "0"} {
		a := l.answer(question{'u', name})
		a.User.Groups = nil // a distribution may put root into some
		if a.Error != "" || !a.Found || a.User.Name != root.Name || a.User.UID != 0 || a.User.GID != 0 {
			t.Errorf("user %s: %+v", name, a)
		}
		if g := l.answer(question{'g', name}); g.Error != "" || !g.Found || g.GID != 0 {
			t.Errorf("group %s: %+v", name, g)
		}
	}
	for _, q := range []question{{'u', "no-such-user"}, {'u', "4294000000"}, {'g', "no-such-group"}, {'u', ""}, {'g', ""}, {'u', "-1"}, {'u', "99999999999"}} {
		if a := l.answer(q); a.Error != "" || a.Found {
			t.Errorf("%q: %+v", q, a)
		}
	}
	// A group is a number for the kernel: it needs no name.
	if g := l.answer(question{'g', "12345"}); !g.Found || g.GID != 12345 {
		t.Errorf("group 12345: %+v", g)
	}
}

// TestSupplementaryGroups compares with the group database of this host.
func TestSupplementaryGroups(t *testing.T) {
	text, err := os.ReadFile("/etc/group")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for line := range strings.Lines(string(text)) {
		fields := strings.Split(strings.TrimSpace(line), ":")
		if len(fields) < 4 || fields[3] == "" {
			continue
		}
		gid := lookup{}.answer(question{'g', fields[0]}).GID
		for member := range strings.SplitSeq(fields[3], ",") {
			a := lookup{}.answer(question{'u', member})
			if !a.Found {
				continue
			}
			checked++
			if !slices.Contains(a.User.Groups, gid) && a.User.GID != gid {
				t.Errorf("%s is in group %s (%d); the answer has %v", member, fields[0], gid, a.User.Groups)
			}
			if !slices.IsSorted(a.User.Groups) || slices.Contains(a.User.Groups, a.User.GID) {
				t.Errorf("%s: groups %v, its own is %d", member, a.User.Groups, a.User.GID)
			}
		}
	}
	t.Logf("%d memberships in the group database of this host", checked)
}
