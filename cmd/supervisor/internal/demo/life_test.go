package demo

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/api"
)

// pair returns two connected unix sockets as this package gets them: by number.
func pair(t *testing.T, kind int) (ours net.Conn, theirs net.Conn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var conns [2]net.Conn
	for i, fd := range fds {
		if conns[i], err = connected(fd, "a socket"); err != nil {
			t.Fatal(err)
		}
		if err := unix.Close(fd); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conns[i].Close() })
	}
	return conns[0], conns[1]
}

// answer plays the supervisor for one question.
func playSupervisor(t *testing.T, c net.Conn, reply string) <-chan string {
	asked := make(chan string, 1)
	go func() {
		buf := make([]byte, 1024)
		n, err := c.Read(buf)
		if err != nil {
			t.Error(err)
		}
		asked <- string(buf[:n])
		if _, err := c.Write([]byte(reply)); err != nil {
			t.Error(err)
		}
	}()
	return asked
}

func respond(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

func TestLife(t *testing.T) {
	ours, theirs := pair(t, unix.SOCK_STREAM)
	l := newLife(ours)

	asked := playSupervisor(t, theirs, respond(`{"generation":7,"module":"demo","instance":{"id":3,"restarts":2}}`))
	self, err := l.ask()
	if err != nil || self.Generation != 7 || self.Instance.Restarts != 2 {
		t.Errorf("got %+v, %v", self, err)
	}
	if q := <-asked; !strings.HasPrefix(q, "GET /v1/self HTTP/1.1\r\n") {
		t.Errorf("asked %q", q)
	}

	// The process that answers dies in the middle, and the one after it answers the next question.
	playSupervisor(t, theirs, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
	if _, err := l.ask(); err == nil {
		t.Error("half an answer was taken for one")
	}
	if _, err := theirs.Write([]byte("what came late")); err != nil {
		t.Fatal(err)
	}
	playSupervisor(t, theirs, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
	if _, err := l.ask(); err != nil {
		// The question went out after the rest had been read, so its answer is whole.
		t.Errorf("after a torn answer: %v", err)
	}

	for name, reply := range map[string]string{
		"an error": "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
		"no JSON":  respond("no"),
		"too much": respond(strings.Repeat("x", maxLife+1)),
		"not HTTP": "SSH-2.0-x\r\n",
	} {
		ours, theirs := pair(t, unix.SOCK_STREAM)
		playSupervisor(t, theirs, reply)
		if _, err := newLife(ours).ask(); err == nil {
			t.Errorf("%s: taken for an answer", name)
		}
	}
}

func TestNotifier(t *testing.T) {
	ours, theirs := pair(t, unix.SOCK_DGRAM)
	env := map[string]string{"WATCHDOG_USEC": "20000", "WATCHDOG_PID": "7"}
	n, err := newNotifier(ours, func(k string) string { return env[k] }, 7)
	if err != nil || n.interval != 10*time.Millisecond {
		t.Fatalf("got %+v, %v; want half the time of the watchdog", n, err)
	}
	go n.run(t.Context())
	buf := make([]byte, 64)
	for range 3 {
		m, err := theirs.Read(buf)
		if err != nil || string(buf[:m]) != "WATCHDOG=1" {
			t.Fatalf("got %q, %v", buf[:m], err)
		}
	}
	n.hush()
	n.say("READY=1")
	if err := theirs.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	for { // what was on its way
		m, err := theirs.Read(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil || string(buf[:m]) == "READY=1" {
			t.Fatalf("a silent one said %q, %v", buf[:m], err)
		}
	}
	for name, env := range map[string]map[string]string{"zero": {"WATCHDOG_USEC": "0"}, "no number": {"WATCHDOG_USEC": "3s"}, "a day": {"WATCHDOG_USEC": "86400000000"}} {
		if _, err := newNotifier(ours, func(k string) string { return env[k] }, 7); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if n, err := newNotifier(ours, func(k string) string { return map[string]string{"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "8"}[k] }, 7); err != nil || n.interval != 0 {
		t.Errorf("meant for another process: %+v, %v", n, err)
	}
	var none *notifier
	none.say("READY=1")
	none.hush()
	none.run(t.Context())
}

// A socket that was shut down accepts again when the one who has it too listens again.
func TestPatientListener(t *testing.T) {
	any, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := any.Close(); err != nil {
		t.Fatal(err)
	}
	inner, err := net.Listen("tcp", any.Addr().String()) // by number: a port that the kernel chose is lost with the shutdown
	if err != nil {
		t.Fatal(err)
	}
	raw, err := inner.(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	with := func(do func(fd int) error) {
		t.Helper()
		var err error
		if err := errors.Join(raw.Control(func(fd uintptr) { err = do(int(fd)) }), err); err != nil {
			t.Fatal(err)
		}
	}
	p := newPatientListener(inner)
	accepted := make(chan error, 4)
	go func() {
		for {
			c, err := p.Accept()
			if c != nil {
				_ = c.Close()
			}
			accepted <- err
			if err != nil {
				return
			}
		}
	}()
	dial := func() error {
		c, err := net.DialTimeout("tcp", inner.Addr().String(), time.Second)
		if err == nil {
			_ = c.Close()
		}
		return err
	}
	if err := errors.Join(dial(), <-accepted); err != nil {
		t.Fatal(err)
	}
	with(func(fd int) error { return unix.Shutdown(fd, unix.SHUT_RDWR) })
	if err := dial(); err == nil {
		t.Fatal("a socket that was shut down takes connections")
	}
	with(func(fd int) error { return unix.Listen(fd, 16) })
	if err := errors.Join(dial(), <-accepted); err != nil {
		t.Errorf("after it was brought back: %v", err)
	}

	// It hangs: a connection is made, and nobody takes it.
	p.hang()
	if err := dial(); err != nil {
		t.Errorf("a client of a hanging server: %v", err)
	}
	select {
	case err := <-accepted:
		t.Errorf("a hanging server accepted: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-accepted; !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestMisbehave(t *testing.T) {
	done := make(chan string, 1)
	note := func(what string) func() { return func() { done <- what } }
	h := newHandler(content{look: sample, misdeeds: newMisbehaviour(&strings.Builder{}, note("exit"), note("hang"), note("shutdown"))})
	post := func(what, site string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, "/misbehave/"+what, nil)
		r.Header.Set("Sec-Fetch-Site", site)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	for _, what := range []string{"exit", "hang", "shutdown"} {
		w := post(what, "same-origin")
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "What should happen now") {
			t.Errorf("%s: %d %s", what, w.Code, w.Body)
		}
		if got := <-done; got != what {
			t.Errorf("asked for %s, did %s", what, got)
		}
		time.Sleep(time.Millisecond) // the lock is given back after the deed
	}
	if w := post("exit", "cross-site"); w.Code != http.StatusForbidden {
		t.Errorf("from another site: %d", w.Code)
	}
	for origin, want := range map[string]bool{"": false, "http://example.com": false, "https://EXAMPLE.com": false, "http://example.com:81": true,
		"http://example.com.evil.test": true, "null": true, "example.com": true, "http://%zz": true} {
		r := httptest.NewRequest(http.MethodPost, "/misbehave/exit", nil) // to example.com
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		if foreign(r) != want {
			t.Errorf("Origin %q without Sec-Fetch-Site: foreign %t, want %t", origin, !want, want)
		}
	}
	if w := post("nothing", "same-origin"); w.Code != http.StatusNotFound {
		t.Errorf("an unknown one: %d", w.Code)
	}
	if w := get(t, h, "/misbehave/exit"); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", w.Code)
	}
	select {
	case what := <-done:
		t.Errorf("%s was done without having been asked for", what)
	case <-time.After(2 * moment):
	}
	page := get(t, h, "/").Body.String()
	if strings.Count(page, `action="/misbehave/`) != 4 {
		t.Error("the page does not have four buttons")
	}
}

func TestPageShowsLife(t *testing.T) {
	self := api.Self{Generation: 12, Module: "demo", Instance: api.Instance{ID: 4, PID: 99, State: "ready", Restarts: 3, LastExit: "killed by SIGABRT"},
		Events: []api.Event{{Kind: "instance.exited", Level: "error", Text: "first <b>"}, {Kind: "instance.started", Level: "info", Text: "second"}}}
	var err error
	h := newHandler(content{look: sample, ask: func() (api.Self, error) { return self, err }})
	page := get(t, h, "/").Body.String()
	for _, want := range []string{"generation <b>12</b>", "restarts <b>3</b>", "killed by SIGABRT", "first &lt;b&gt;", "instance.started"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not have %q", want)
		}
	}
	if strings.Index(page, "second") > strings.Index(page, "first") {
		t.Error("the newest event is not the first")
	}
	if got := get(t, h, "/life.json"); got.Code != http.StatusOK || !strings.Contains(got.Body.String(), `"restarts": 3`) {
		t.Errorf("life.json: %d %s", got.Code, got.Body)
	}
	err = errors.New("the supervisor is busy")
	if page := get(t, h, "/").Body.String(); !strings.Contains(page, "the supervisor is busy") || !strings.Contains(page, "attempts denied") {
		t.Error("without an answer the page does not say why, or lacks the rest")
	}
	if got := get(t, h, "/life.json"); got.Code != http.StatusBadGateway {
		t.Errorf("life.json without an answer: %d", got.Code)
	}
}
