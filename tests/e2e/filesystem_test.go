package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNoSymFollow follows links of a directory that is shown twice, once with nosymfollow.
func TestNoSymFollow(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	writeFile(t, filepath.Join(dir, "file"), "text", 0o644)
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "sub", "file"), "text", 0o644)
	for link, target := range map[string]string{"link": "file", "away": "/victim/none", "dirlink": "sub"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	p := policy(t, "", module{allow: everything, files: []string{
		fmt.Sprintf("{path: /plain, source: %s}", dir),
		fmt.Sprintf("{path: /strict, source: %s, nosymfollow: true}", dir),
	}})
	attackAll(t, p, []attack{
		{try: "read:/plain/file", want: "ok", control: "read:" + dir + "/file"},
		{try: "read:/plain/link", want: "ok", control: "read:" + dir + "/link"},
		{try: "read:/plain/dirlink/file", want: "ok", control: "read:" + dir + "/dirlink/file"},
		{try: "read:/plain/away", want: "ENOENT", control: "read:" + dir + "/away", answer: "ENOENT"},
		{try: "read:/strict/file", want: "ok", control: "read:" + dir + "/file"},
		{try: "read:/strict/sub/file", want: "ok", control: "read:" + dir + "/sub/file"},
		{try: "read:/strict/link", want: "ELOOP", control: "read:" + dir + "/link"},
		{try: "read:/strict/dirlink/file", want: "ELOOP", control: "read:" + dir + "/dirlink/file"},
		{try: "read:/strict/away", want: "ELOOP", control: "read:" + dir + "/away", answer: "ENOENT"}, // where it leads is not looked at
		{try: "list:/strict", want: "ok", control: "list:" + dir},
	})
}

// TestMinimalDev looks at the devices of dev: minimal, and at what is not there. A device that is listed by itself has ioctls.
func TestMinimalDev(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	noIoctl := "EACCES"
	if landlockABI() < 5 {
		noIoctl = "ok" // what the report says that this version does not restrict
	}
	attacks := []attack{
		{try: "list:/dev", want: "ok", detail: "fd full null random shm stderr stdin stdout tty urandom zero"},
		{try: "list:/dev/fd", want: "ok"},
		{try: "list:/dev/pts", want: "ENOENT"},
		{try: "list:/dev/shm", want: "ok", control: "list:" + dir},
		{try: "create:/dev/new", want: "EROFS", control: "create:" + dir + "/new"},
		{try: "create:/dev/shm/new", want: "ok", control: "create:" + dir + "/new2"},
		{try: "fill:/dev/shm/fill,16777217", want: "ENOSPC", control: "fill:" + dir + "/fill,16777217"},
		{try: "mknod:/dev/shm/node", want: "EACCES", control: "mknod:" + dir + "/node"},
		{try: "entropy:/dev/urandom", want: noIoctl},
		{try: "entropy:/dev/random", want: noIoctl},
	}
	for _, name := range []string{"full", "null", "random", "urandom", "zero"} {
		attacks = append(attacks, attack{try: "read:/dev/" + name, want: "ok"}, attack{try: "write:/dev/" + name, want: "ok"})
	}
	files := []string{"{path: /dev, dev: minimal}"}
	attackAll(t, policy(t, "", module{allow: everything, files: files}), attacks)

	files = append(files, "{path: /dev/urandom, access: r}", "{path: /dev/shm, tmpfs: 4K, access: r}", "{path: /dev/fd, tmpfs: 4K}")
	attackAll(t, policy(t, "", module{allow: everything, files: files}), []attack{
		{try: "entropy:/dev/urandom", want: "ok"},
		{try: "entropy:/dev/random", want: noIoctl},
		{try: "write:/dev/urandom", want: "EACCES"}, // a read-only mount keeps nobody from writing to a device: Landlock does
		{try: "create:/dev/shm/new", want: "EROFS", control: "create:" + dir + "/new3"},
		{try: "create:/dev/fd/new", want: "ok", control: "create:" + dir + "/new4"},
	})
}

// TestHidePID looks at the first process of the pid namespace, which a module cannot trace.
func TestHidePID(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ hide, first, second string }{
		{hide: "", first: "ok", second: "ok"},
		{hide: ", hidepid: noaccess", first: "EPERM", second: "ok"},
		{hide: ", hidepid: invisible", first: "ENOENT", second: "ok"},
		{hide: ", hidepid: ptraceable", first: "ENOENT", second: "ok"},
	} {
		t.Run("proc"+c.hide, func(t *testing.T) {
			t.Parallel()
			text := strings.Replace(policyText(module{allow: everything}), "{path: /proc, proc: all}", "{path: /proc, proc: all"+c.hide+"}", 1)
			attackAll(t, writePolicy(t, text), []attack{
				{try: "read:/proc/1/status", want: c.first, control: "read:/proc/self/status"},
				{try: "read:/proc/self/status", want: c.second},
			})
		})
	}
}

// TestProcKernelReadOnly: a proc that may be written to takes what a process says of itself, and nothing about the host's kernel.
func TestProcKernelReadOnly(t *testing.T) {
	t.Parallel()
	if !isRoot() {
		t.Skip("the user is not root outside, and its /proc/sys belongs to root: there is nothing to open for writing")
	}
	text := strings.Replace(policyText(module{allow: everything, lines: []string{"user: root"}}), "{path: /proc, proc: all}", "{path: /proc, proc: all, access: rw}", 1)
	attackAll(t, writePolicy(t, text), []attack{
		{try: "write:/proc/self/comm", want: "ok"},
		{try: "read:/proc/sys/kernel/core_pattern", want: "ok"},
		{try: "write:/proc/sys/kernel/core_pattern", want: "EROFS"},
		{try: "write:/proc/sys/vm/overcommit_memory", want: "EROFS"},
	})
}

// TestMovingBetweenDirectories: what may be written to may be moved and linked from one directory to another, which takes a right of its own since
// version 2 of Landlock (and is EXDEV with version 1 in force, whatever the policy says); and shortened, which does since version 3.
func TestMovingBetweenDirectories(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	for _, d := range []string{dir, dir + "/a", dir + "/b"} {
		if err := os.Mkdir(d, 0o777); err != nil && !os.IsExist(err) {
			t.Fatal(err)
		}
		if err := os.Chmod(d, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	m := module{command: []string{"/usr/bin/sh", "-ec", "echo text >/w/a/x; mv /w/a/x /w/b/y; ln /w/b/y /w/a/z; truncate -s 2 /w/a/z; cat /w/b/y"},
		files: []string{"{path: /usr, access: rx}", "{path: /lib, access: rx}", "{path: /lib64, access: rx, if_exists: true}",
			"{path: /dev/null, access: rw}", fmt.Sprintf("{path: /w, source: %s, access: rw}", dir)},
		lines: []string{"environment: {PATH: /usr/bin}"}}
	r := supervisor(t, "exec", "--policy", policy(t, "", m)).run(t)
	if r.status != 0 || r.stdout != "te" {
		t.Errorf("status %d, %q\n%s", r.status, r.stdout, r.stderr)
	}
}
