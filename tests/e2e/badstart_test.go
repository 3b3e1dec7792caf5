package e2e

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestControlPath: where there is no good place for the control socket, nothing is started, and it is said why.
func TestControlPath(t *testing.T) {
	t.Parallel()
	file := policy(t, "", sleeper("quiet", 1))
	t.Run("in use", func(t *testing.T) {
		t.Parallel()
		p := ready(t, file)
		second := supervisor(t, "--policy", file, "--control", p.control()).run(t)
		second.wants(t, 125, p.control(), "already in use", "another supervisor", "--control PATH")
		// The first one is none the worse for it.
		p.reload(t).wants(t, 0)
		p.stop(t, unix.SIGTERM)
	})
	t.Run("left behind", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "c")
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		l.SetUnlinkOnClose(false)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		p := ready(t, file, "--control", path)
		p.stop(t, unix.SIGTERM)
		if _, err := os.Lstat(path); err == nil {
			t.Errorf("%s is left", path)
		}
	})
	t.Run("relative", func(t *testing.T) {
		t.Parallel()
		p := supervisor(t, "--policy", file, "--control", "c")
		p.Dir = t.TempDir()
		p.start(t)
		p.says(t, filepath.Join(p.Dir, "c")) // it says where that is
		p.says(t, "running; stop with")
		status := command(t, place.supervisor, "status", "--control", "c")
		status.Dir = p.Dir
		status.run(t).wants(t, 0)
		p.stop(t, unix.SIGTERM)
	})
	open := openDir(t)
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	something := writeFile(t, filepath.Join(t.TempDir(), "something"), "precious", 0o644)
	for _, tt := range []struct {
		name, path string
		says       []string
	}{
		{"in a directory that others may write to", filepath.Join(open, "c"), []string{open, "mode 0777", "others could put their own sockets"}},
		{"too long", filepath.Join(t.TempDir(), strings.Repeat("x", 108)), []string{"control socket", "bytes"}},
		{"a file", something, []string{something}},
		{"in a file", filepath.Join(something, "c"), []string{something, "not a directory"}},
		{"below what is not there", filepath.Join(t.TempDir(), "a", "b", "c"), []string{"no such file or directory"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := supervisor(t, "--policy", file, "--control", tt.path)
			r := p.run(t)
			r.wants(t, 125, tt.says...)
			if strings.Contains(r.stderr, "quiet started") {
				t.Errorf("a module was started:\n%s", r.stderr)
			}
			p.leavesNothing(t)
		})
	}
	t.Cleanup(func() {
		if text, err := os.ReadFile(something); err != nil || string(text) != "precious" {
			t.Errorf("the file that was in the way has %q, %v", text, err)
		}
	})
}

// TestMetricsAddress: an address that is none, and one that somebody has.
func TestMetricsAddress(t *testing.T) {
	t.Parallel()
	file := policy(t, "", sleeper("quiet", 1))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	for _, tt := range []struct {
		name, address string
		status        int
		says          []string
	}{
		{"in use", l.Addr().String(), 125, []string{"metrics", l.Addr().String(), "address already in use"}},
		{"no port", "127.0.0.1", 2, []string{"--metrics 127.0.0.1", "127.0.0.1:9464"}},
		{"no host", ":9464", 2, []string{"--metrics :9464", "127.0.0.1:9464"}},
		{"a name", "localhost:9464", 2, []string{"--metrics localhost:9464", "IP address"}},
		{"a port too great", "127.0.0.1:70000", 2, []string{"--metrics 127.0.0.1:70000"}},
		{"not of this host", "192.0.2.1:9464", 125, []string{"metrics", "192.0.2.1:9464", "cannot assign requested address"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := supervisor(t, "--policy", file, "--metrics", tt.address)
			r := p.run(t)
			r.wants(t, tt.status, tt.says...)
			if strings.Contains(r.stderr, "quiet started") {
				t.Errorf("a module was started:\n%s", r.stderr)
			}
			p.leavesNothing(t)
			if _, err := os.Lstat(p.control()); err == nil {
				t.Errorf("%s is left", p.control())
			}
		})
	}
}
