package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
)

// listen returns a listening unix socket that everybody can connect to.
func listen(t testing.TB) (posix.FD, string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "control") // t.TempDir is not for other users, and its paths are too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "control.sock")
	k := linux.New()
	fd, err := k.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(k.Bind(fd, posix.Sockaddr{Family: unix.AF_UNIX, Path: path}), k.Listen(fd, 1024), os.Chmod(path, 0o666)); err != nil {
		t.Fatal(err)
	}
	return fd, path
}

// browser returns an HTTP client of a socket that keeps its connections.
func browser(t testing.TB, path string) *http.Client {
	tr := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 20 * time.Second}
}

// exchange sends a request and returns the status and the body.
func exchange(t testing.TB, c *http.Client, req *http.Request) (int, http.Header, string) {
	t.Helper()
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(body)
}

func newRequest(t testing.TB, method, target, contentType, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://supervisor"+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	return req
}

// dial connects; the connection is closed with the test.
func dial(t testing.TB, path string) *net.UnixConn {
	t.Helper()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c.(*net.UnixConn)
}

// refusalOf decodes a refusal.
func refusalOf(t testing.TB, body string) Error {
	t.Helper()
	var e Error
	d := json.NewDecoder(strings.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil || e.Code == "" || e.Detail == "" {
		t.Errorf("%q is no refusal: %v", body, err)
	}
	return e
}

// eventually waits for something that another goroutine brings about.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s did not come about", what)
		}
	}
}

const (
	askEnv  = "CONTROL_TEST_ASK"
	nobody  = 65534
	another = 54321
)

// askAndPrint asks for the status, prints the answer, and returns 0.
func askAndPrint(path string) int {
	c, err := net.Dial("unix", path)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.WriteString(c, "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n")
	var b bytes.Buffer
	resp := make([]byte, 4096)
	n, err := c.Read(resp)
	b.Write(resp[:n])
	fmt.Println(b.String(), err)
	return 0
}

// askAs asks for the status as another user and returns what the response begins with.
func askAs(t testing.TB, uid uint32, path string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skipf("becoming another user needs root (setuid(2)), and this is user %d: the run as root has it", os.Geteuid())
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The test binary lies where only root may look.
	copied := filepath.Join(filepath.Dir(path), "ask")
	data, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(copied); err != nil {
		if err := os.WriteFile(copied, data, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), copied)
	cmd.Env = []string{askEnv + "=" + path}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("ask as %d: %v\n%s", uid, err, out)
	}
	return string(out)
}
