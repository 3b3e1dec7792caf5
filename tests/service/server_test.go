package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/tests/load"
)

// client is one connection.
type client struct {
	net.Conn
	in *bufio.Reader
}

func (h *host) dial(t *testing.T) *client {
	t.Helper()
	c, err := net.DialTimeout(h.network, h.address, limit)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &client{c, bufio.NewReader(c)}
}

// send writes a request and does not wait.
func (c *client) send(t *testing.T, method, path, body string) {
	t.Helper()
	if err := c.SetDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", method, path, len(body), body); err != nil {
		t.Fatal(err)
	}
}

// answer reads one.
func (c *client) answer(t *testing.T) (*http.Response, string) {
	t.Helper()
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func (c *client) ask(t *testing.T, method, path, body string) (*http.Response, string) {
	t.Helper()
	c.send(t, method, path, body)
	return c.answer(t)
}

// closed waits until the other end closes the connection.
func (c *client) closed(t *testing.T) {
	t.Helper()
	if err := c.SetDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	if b, err := c.in.ReadByte(); err != io.EOF {
		t.Errorf("read %q, %v; want the end", b, err)
	}
}

func TestServes(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			h := newHost(t, network)
			p := h.ready(t)
			c := h.dial(t)
			pid := strconv.Itoa(p.Process.Pid)
			_, instance := c.ask(t, "GET", "/instance", "")
			for _, r := range []struct {
				method, path, body string
				status             int
				want               string
			}{
				{"GET", "/pid", "", 200, pid + "\n"},
				{"GET", "/version", "", 200, "7\n"},
				{"GET", "/healthz", "", 200, "ok\n"},
				{"GET", "/slow?for=1ms", "", 200, "ok\n"},
				{"GET", "/slow", "", 400, ""},
				{"POST", "/echo", "abc", 200, "abc"},
				{"POST", "/echo", "", 200, ""},
				{"POST", "/echo", strings.Repeat("x", 200_000), 200, strings.Repeat("x", 200_000)},
				{"GET", "/echo", "", 405, ""},
				{"POST", "/misbehave", "nothing", 400, ""},
				{"GET", "/none", "", 404, ""},
			} {
				resp, body := c.ask(t, r.method, r.path, r.body)
				if resp.StatusCode != r.status || r.status == 200 && body != r.want {
					t.Errorf("%s %s: %d %.100q", r.method, r.path, resp.StatusCode, body)
				}
				if resp.Header.Get("X-Pid") != pid || resp.Header.Get("X-Instance")+"\n" != instance || resp.Header.Get("X-Version") != "7" {
					t.Errorf("%s %s: headers %v", r.method, r.path, resp.Header)
				}
			}
			_, text := c.ask(t, "GET", "/sockets", "")
			var sockets []socket
			if err := json.Unmarshal([]byte(text), &sockets); err != nil || len(sockets) != 1 {
				t.Fatalf("%v: %s", err, text)
			}
			if s := sockets[0]; s.Name != "web" || s.Network != network || s.Address != h.address || s.Inode != h.inode {
				t.Errorf("%+v; want inode %d", s, h.inode)
			}
			if resp, _ := h.dial(t).ask(t, "POST", "/echo", strings.Repeat("x", mostBody+1)); resp.StatusCode != 413 {
				t.Errorf("too large a body: %s", resp.Status)
			}
			_ = c.Close()
			p.signal(t, unix.SIGINT)
			h.hears(t, "STOPPING=1")
			if status := p.ended(t); status != 0 {
				t.Errorf("status %d", status)
			}
		})
	}
}

func TestDatagrams(t *testing.T) {
	h := newHost(t, "udp")
	p := h.ready(t)
	c := h.dial(t)
	if err := c.SetDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	for _, text := range []string{"one", "", "three"} {
		if _, err := io.WriteString(c.Conn, text); err != nil {
			t.Fatal(err)
		}
		n, err := c.Conn.Read(buf)
		if instance, body, ok := strings.Cut(string(buf[:n]), " "); err != nil || !ok || body != text || len(instance) != 12 {
			t.Errorf("%q, %v; want it to echo %q", buf[:n], err, text)
		}
	}
	p.signal(t, unix.SIGTERM)
	if status := p.ended(t); status != 0 {
		t.Errorf("status %d", status)
	}
}

// The life of connections while it ends: who asks is told, who did not ask is left in peace, what is being answered is answered, and who
// comes is served.
func TestDrain(t *testing.T) {
	h := newHost(t, "tcp")
	p := h.ready(t, "-goodbye", "1500ms", "-drain", "1500ms")
	talking, idle, late, busy := h.dial(t), h.dial(t), h.dial(t), h.dial(t)
	for _, c := range []*client{talking, idle, late} {
		if resp, _ := c.ask(t, "GET", "/pid", ""); resp.Close {
			t.Error("it is told to close before the end")
		}
	}
	busy.send(t, "GET", "/slow?for=500ms", "")
	talking.ask(t, "GET", "/pid", "") // comes after busy was accepted
	p.signal(t, unix.SIGTERM)
	h.hears(t, "STOPPING=1\n")

	waitFor(t, "it is draining", func() bool { // the notification comes first
		resp, body := h.dial(t).ask(t, "POST", "/echo", "new")
		if resp.StatusCode != 200 || body != "new" {
			t.Errorf("a new client: %s %q", resp.Status, body)
		}
		return resp.Close
	})
	if resp, body := talking.ask(t, "POST", "/echo", "still"); !resp.Close || body != "still" {
		t.Errorf("it is not told to close: %v %q", resp.Close, body)
	}
	talking.closed(t)
	if resp, body := busy.answer(t); resp.StatusCode != 200 || body != "ok\n" {
		t.Errorf("the busy one: %s %q", resp.Status, body)
	}
	// It accepts no more: a connection is made, because the socket listens still, and nobody answers.
	var waiting *client
	waitFor(t, "it stops accepting", func() bool {
		waiting = h.dial(t)
		if err := waiting.SetDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(waiting, "GET /pid HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		_, err := waiting.in.Peek(1)
		return err != nil
	})
	if resp, body := late.ask(t, "POST", "/echo", "late"); !resp.Close || body != "late" {
		t.Errorf("a late request: %v %q", resp.Close, body)
	}
	idle.closed(t) // after the time -drain
	if status := p.ended(t); status != 0 {
		t.Errorf("status %d", status)
	}
	// The connection that nobody accepted is answered by the next one.
	next := h.ready(t)
	if err := waiting.SetDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	if resp, body := waiting.answer(t); resp.StatusCode != 200 || body != strconv.Itoa(next.Process.Pid)+"\n" {
		t.Errorf("the one who waited: %s %q", resp.Status, body)
	}
}

// Without anybody connected it ends at once, whatever the times are.
func TestDrainOfNothing(t *testing.T) {
	h := newHost(t, "tcp")
	p := h.ready(t, "-goodbye", "1h", "-drain", "1h")
	p.signal(t, unix.SIGTERM)
	if status := p.ended(t); status != 0 {
		t.Errorf("status %d", status)
	}
}

// Replaced again and again under load it fails no request; without its goodbye it does, so the load would have seen it.
func TestReplacedUnderLoad(t *testing.T) {
	for _, c := range []struct {
		name      string
		args      []string
		keepAlive bool
		loses     bool
	}{
		{"keep-alive posts", nil, true, false},
		{"a connection each", nil, false, false},
		{"keep-alive posts without goodbye", []string{"-goodbye", "0s", "-drain", "0s"}, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHost(t, "tcp")
			old := h.ready(t, c.args...)
			end := load.Start(t.Context(), load.Options{Address: h.address, Path: "/echo", BodySize: 100, EchoBody: true, KeepAlive: c.keepAlive, Workers: 4, For: time.Minute})
			const swaps = 5
			underLoad := func() { time.Sleep(100 * time.Millisecond) } // each has its share
			for range swaps {
				underLoad()
				next := h.ready(t, c.args...)
				old.signal(t, unix.SIGTERM)
				if status := old.ended(t); status != 0 && !c.loses {
					t.Errorf("status %d", status)
				}
				old = next
			}
			underLoad()
			r, err := end()
			if err != nil {
				t.Fatal(err)
			}
			if lost := r.Failed() > 0; lost != c.loses || r.Requests < 100 {
				t.Errorf("%s", r)
			}
			if len(r.By) != swaps+1 {
				t.Errorf("%d instances answered; want %d", len(r.By), swaps+1)
			}
		})
	}
}
