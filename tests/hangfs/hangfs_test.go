package hangfs_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/tests/hangfs"
)

func TestMain(m *testing.M) {
	hangfs.Serve()
	os.Exit(m.Run())
}

// TestMount: files are there, can be executed, and hang when they should; what hangs goes on, or fails when the server dies.
func TestMount(t *testing.T) {
	dir := t.TempDir()
	f := hangfs.Mount(t, dir, map[string]string{"etc/motd": "hangfs.go", "bin/true": "/bin/true"}, hangfs.Options{})
	motd := filepath.Join(dir, "etc/motd")
	want, err := os.ReadFile("hangfs.go")
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(motd); err != nil || string(text) != string(want) {
		t.Fatalf("read %q, %v", text, err)
	}
	if out, err := exec.Command(filepath.Join(dir, "bin/true")).CombinedOutput(); err != nil {
		t.Fatalf("execute a file of it: %v: %s", err, out)
	}
	if _, err := os.Stat(filepath.Join(dir, "etc/shadow")); !errors.Is(err, unix.ENOENT) {
		t.Errorf("a file that it does not have: %v", err)
	}

	read := func() <-chan error {
		done := make(chan error, 1)
		go func() {
			_, err := os.ReadFile(motd)
			done <- err
		}()
		return done
	}
	f.Hang(hangfs.Request{Op: hangfs.Open, Path: "etc/motd"})
	done := read()
	<-f.Hanging()
	select {
	case err := <-done:
		t.Fatalf("it does not hang: %v", err)
	case <-time.After(10 * time.Millisecond):
	}
	f.Resume()
	if err := <-done; err != nil {
		t.Errorf("after it went on: %v", err)
	}
	f.Hang(hangfs.Request{Op: hangfs.Lookup, Path: "etc"})
	done = read()
	<-f.Hanging()
	f.Die()
	if err := <-done; !errors.Is(err, unix.ECONNABORTED) && !errors.Is(err, unix.ENOTCONN) {
		t.Errorf("after its death: %v", err)
	}
}
