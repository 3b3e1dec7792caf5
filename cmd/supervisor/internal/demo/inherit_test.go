package demo

import (
	"net"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestAnnounced(t *testing.T) {
	for _, c := range []struct {
		name    string
		env     map[string]string
		names   []string
		problem string
	}{
		{"one", map[string]string{"LISTEN_FDS": "1", "LISTEN_PID": "7", "LISTEN_FDNAMES": "http"}, []string{"http"}, ""},
		{"two, one named", map[string]string{"LISTEN_FDS": "2", "LISTEN_PID": "7", "LISTEN_FDNAMES": "http"}, []string{"http", ""}, ""},
		{"more names than sockets", map[string]string{"LISTEN_FDS": "1", "LISTEN_PID": "7", "LISTEN_FDNAMES": "a:b:c"}, []string{"a"}, ""},
		{"nothing", nil, nil, "LISTEN_FDS is not set"},
		{"for another process", map[string]string{"LISTEN_FDS": "1", "LISTEN_PID": "8"}, nil, `"8" and not for this one, 7`},
		{"for no process", map[string]string{"LISTEN_FDS": "1"}, nil, `LISTEN_PID`},
		{"zero", map[string]string{"LISTEN_FDS": "0", "LISTEN_PID": "7"}, nil, `"0"`},
		{"negative", map[string]string{"LISTEN_FDS": "-1", "LISTEN_PID": "7"}, nil, `"-1"`},
		{"too many", map[string]string{"LISTEN_FDS": "17", "LISTEN_PID": "7"}, nil, "1 to 16"},
		{"no number", map[string]string{"LISTEN_FDS": "1x", "LISTEN_PID": "7"}, nil, `"1x"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, names, err := announced(func(key string) string { return c.env[key] }, 7)
			if c.problem != "" {
				if err == nil || !strings.Contains(err.Error(), c.problem) {
					t.Errorf("got %v; want an error with %q", err, c.problem)
				}
				return
			}
			if err != nil || n != len(c.names) || !slices.Equal(names, c.names) {
				t.Errorf("got %d, %q, %v; want %q", n, names, err, c.names)
			}
		})
	}
}

func TestListener(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := listener(int(f.Fd()), "http")
	if err != nil {
		t.Fatal(err)
	}
	defer got.Close()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", got.Addr().String())
	if err != nil {
		t.Fatalf("the copy does not listen: %v", err)
	}
	defer conn.Close()
	if _, err := got.Accept(); err != nil {
		t.Error(err)
	}

	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if _, err := listener(int(r.Fd()), "pipe"); err == nil || !strings.Contains(err.Error(), "(pipe)") {
		t.Errorf("a pipe: %v", err)
	}
	c, err := conn.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := listener(int(c.Fd()), "conn"); err == nil || !strings.Contains(err.Error(), "does not listen") {
		t.Errorf("a connection: %v", err)
	}
}

// The end of one that inherited a unix socket leaves the path to the supervisor.
func TestListenerKeepsThePath(t *testing.T) {
	path := t.TempDir() + "/s"
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f, err := l.(*net.UnixListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := listener(int(f.Fd()), "unix")
	if err != nil {
		t.Fatal(err)
	}
	if err := got.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the path is gone: %v", err)
	}
}
