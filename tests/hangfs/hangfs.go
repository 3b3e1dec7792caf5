package hangfs

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

const argv0 = "bulkhead-hangfs"

// What the server says, a line each.
const (
	mounted = "mounted"
	obeyed  = "obeyed"
	hanging = "hanging"
)

// Request is a kind of request for a file: for a lookup, the file that is looked up. The root is "".
type Request struct {
	Op   Op
	Path string
}

// FS is a mounted file system.
type FS struct {
	t       testing.TB
	server  *exec.Cmd
	orders  *json.Encoder
	obeyed  chan struct{}
	hanging chan struct{}
	ended   bool
}

// Options say how a file system is mounted. The zero value is sensible.
type Options struct {
	// Remember is for how many seconds the kernel need not ask again for a name and its attributes; 0: it asks each time.
	Remember uint64
}

// Mount mounts a file system at a directory, for the rest of the test. It has copies of files, by their path below the directory; everybody may read
// and execute them. It answers everything at first. The test is skipped where FUSE cannot be had.
func Mount(t testing.TB, dir string, files map[string]string, o Options) *FS {
	t.Helper()
	if fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0); err != nil {
		t.Skipf("no FUSE here: open /dev/fuse: %v", err)
	} else if err := unix.Close(fd); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() != 0 {
		t.Skipf("user %d may not mount a file system for others", os.Geteuid())
	}
	f := &FS{t: t, server: exec.Command("/proc/self/exe"), obeyed: make(chan struct{}), hanging: make(chan struct{}, 1000)}
	f.server.Args[0] = argv0
	f.server.Stderr = os.Stderr
	orders, err := f.server.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	f.orders = json.NewEncoder(orders)
	said, err := f.server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Die() })
	if err := f.orders.Encode(order{Mount: dir, Files: files, Remember: o.Remember}); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(said)
	if lines.Scan(); strings.HasSuffix(lines.Text(), unix.EPERM.Error()) {
		t.Skipf("mounting FUSE is not allowed here: %s", lines.Text())
	}
	if lines.Text() != mounted {
		t.Fatalf("the server says %q, %v", lines.Text(), lines.Err())
	}
	go f.listen(lines)
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
	return f
}

func (f *FS) listen(lines *bufio.Scanner) {
	for lines.Scan() {
		switch lines.Text() {
		case obeyed:
			f.obeyed <- struct{}{}
		case hanging:
			f.hanging <- struct{}{}
		}
	}
	close(f.obeyed)
}

func (f *FS) order(o order) {
	f.t.Helper()
	if err := f.orders.Encode(o); err != nil {
		f.t.Fatal(err)
	}
	<-f.obeyed
}

// Hang has some requests kept without an answer from now on, besides those that are already.
func (f *FS) Hang(some ...Request) {
	f.t.Helper()
	f.order(order{Hang: some})
}

// Hanging receives once for each request that is kept.
func (f *FS) Hanging() <-chan struct{} { return f.hanging }

// Resume answers everything that was kept, and goes on with that.
func (f *FS) Resume() {
	f.t.Helper()
	f.order(order{Resume: true})
}

// Die kills the server: who waits for an answer gets an error. It does nothing the second time.
func (f *FS) Die() {
	f.t.Helper()
	if f.ended {
		return
	}
	f.ended = true
	if err := f.server.Process.Kill(); err != nil {
		f.t.Error(err)
	}
	_ = f.server.Wait() // killed
}
