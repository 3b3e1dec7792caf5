package launch_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/fault"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/spawner/launch"
	"github.com/bulkhead/bulkhead/tests/leak"
)

// mountNamespaces returns the descriptors of this process that are mount namespaces.
func mountNamespaces(t *testing.T) (fds []int) {
	t.Helper()
	all, err := filepath.Glob("/proc/self/fd/*")
	must(t, err)
	for _, path := range all {
		if target, err := os.Readlink(path); err == nil && strings.HasPrefix(target, "mnt:[") {
			var fd int
			_, err := fmt.Sscanf(filepath.Base(path), "%d", &fd)
			must(t, err)
			fds = append(fds, fd)
		}
	}
	return fds
}

// TestSeed looks at what is in the namespace that launches begin with.
func TestSeed(t *testing.T) {
	needAdmin(t, facts(t))
	before := len(mountNamespaces(t))
	launcher(t, linux.New(), launch.Options{})
	fds := mountNamespaces(t)
	if len(fds) != before+1 {
		t.Fatalf("%d descriptors of mount namespaces, and %d before", len(fds), before)
	}
	type view struct {
		mounts  string
		entries []os.DirEntry
		err     error // of making something
	}
	seen, failed := make(chan view, 1), make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends in the namespace
		self, err := unix.Open("/proc/thread-self", unix.O_PATH|unix.O_CLOEXEC, 0)
		if err == nil {
			err = errors.Join(unix.Unshare(unix.CLONE_FS), unix.Setns(fds[len(fds)-1], unix.CLONE_NEWNS))
		}
		var v view
		if err == nil {
			var fd int
			if fd, err = unix.Openat(self, "mountinfo", unix.O_RDONLY|unix.O_CLOEXEC, 0); err == nil {
				text := make([]byte, 4096)
				n, e := unix.Read(fd, text)
				v.mounts, err = string(text[:max(n, 0)]), errors.Join(e, unix.Close(fd))
			}
			var e error
			v.entries, e = os.ReadDir("/..")
			v.err = os.Mkdir("/made", 0o755)
			err = errors.Join(err, e, unix.Close(self))
		}
		seen <- v
		failed <- err
	}()
	v := <-seen
	must(t, <-failed)
	if strings.Count(v.mounts, "\n") != 1 || !strings.Contains(v.mounts, " / / ro,nosuid,nodev,noexec") || strings.Contains(v.mounts, "shared:") {
		t.Errorf("mounts: %s", v.mounts)
	}
	if len(v.entries) != 0 || !errors.Is(v.err, unix.EROFS) {
		t.Errorf("in it: %v; making something: %v", v.entries, v.err)
	}
}

// TestRootOfModule: the mounts that a module sees are those of its policy, and above its root is nothing.
func TestRootOfModule(t *testing.T) {
	needAdmin(t, facts(t))
	k := linux.New()
	l := launcher(t, k, launch.Options{})
	res := compiled(t, facts(t), `cd /proc/self && while read -r id parent dev root at options; do echo \"$at\"; done < mountinfo; cd /../.. && echo *`)
	http, file := listening(t)
	defer func() { _, _ = http.Close(), file.Close() }()
	s := newStreams(t)
	p, err := l.Launch(launch.Request{Program: res.Program, Init: res.Init, Stdio: s.fds, Listeners: map[string]posix.FD{"http": posix.FD(file.Fd())}})
	must(t, err)
	lines := strings.Split(strings.TrimSpace(s.output(t)), "\n")
	finish(t, k, p)
	names, mounts := strings.Fields(lines[len(lines)-1]), lines[:len(lines)-1]
	if len(mounts) < 5 || mounts[0] != "/" {
		t.Errorf("mounts: %q", mounts)
	}
	for _, m := range mounts {
		switch m {
		case "/", "/usr", "/bin", "/lib", "/lib64", "/proc", "/tmp", "/dev/null":
		default:
			t.Errorf("the module sees %s", m)
		}
	}
	for _, name := range names {
		switch name {
		case "usr", "bin", "lib", "lib32", "lib64", "libx32", "sbin", "proc", "tmp", "dev":
		default:
			t.Errorf("the module's root has %s", name)
		}
	}
}

// TestEveryCallOfSeedFails lets each call fail once that makes the seed: the error names it, nothing is left, and the next one makes it.
func TestEveryCallOfSeedFails(t *testing.T) {
	needAdmin(t, facts(t))
	k := fault.New(linux.New())
	pin(t)
	before := leak.Take()
	for _, errno := range errnos {
		tried := 0
		for range k.Each(fault.Nth(1, errno).Except(spared...)) {
			l, err := launch.New(k, launch.Options{})
			if failed := k.Failed(); err != nil || len(failed) > 0 { // of New: TestNewFails
				if l != nil {
					must(t, l.Close())
				}
				continue
			}
			err = l.Ready(launch.Request{Program: seeded()})
			failed := k.Failed()
			switch {
			case len(failed) == 0:
				must(t, err)
			case err == nil && cached(failed[0].Op, errno):
			case err == nil, !errors.Is(err, errno), !strings.HasPrefix(err.Error(), "web: "):
				t.Errorf("%s: %v", failed[0], err)
			default:
				tried++
				must(t, l.Ready(launch.Request{Program: seeded()}))
			}
			must(t, l.Close())
			if left := before.LeftNow(); left != "" {
				t.Fatalf("%v: %s", failed, left)
			}
		}
		if tried < 5 {
			t.Errorf("%d calls failed with %v", tried, errno)
		}
	}
}

// TestEveryStepOfSeedFails lets each system call fail once that the process makes which makes the seed.
func TestEveryStepOfSeedFails(t *testing.T) {
	f := &stepFault{}
	h := newOnKernel(t, kernel.Config{FailStep: f.fail}, "examples/locked", "/usr/bin/sh", func(c posix.Core) posix.Core { return c })
	before := h.Inventory()
	n := 1
	for ; ; n++ {
		l, err := launch.New(h.self, launch.Options{})
		h.Must(err)
		f.set(initChild, n)
		err = l.Ready(launch.Request{Program: seeded()})
		step := f.hit()
		h.Must(l.Close())
		if step == nil {
			h.Must(err)
			break
		}
		if !errors.Is(err, posix.Errno(unix.ENOMEM)) || !strings.HasPrefix(err.Error(), "web: ") || !strings.HasSuffix(err.Error(), " (policy every module)") {
			t.Errorf("step %d: %v", step.Index, err)
		}
		if h.left(before, fmt.Sprintf("call %d", n)); t.Failed() {
			return
		}
	}
	if n < 7 {
		t.Errorf("it makes %d calls", n-1)
	}
}
