package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
)

// notes collects events.
type notes struct {
	mu     sync.Mutex // guards events
	events []api.Event
}

func (n *notes) add(e api.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.events = append(n.events, e)
}

func (n *notes) all() []api.Event {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]api.Event(nil), n.events...)
}

func TestPeers(t *testing.T) {
	for _, c := range []struct {
		name    string
		uid     uint32
		access  Access
		refused bool
	}{
		{"root", 0, OwnerOnly, false},
		{"the owner", another, OwnerOnly, false},
		{"a stranger", nobody, OwnerOnly, true},
		{"a stranger on a socket for anybody", nobody, Anybody, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var events notes
			_, paths := serve(t, Options{Owner: another, Event: events.add}, Listener{Handler: API(&fakeManager{}, nil), Access: c.access})
			got := askAs(t, c.uid, paths[0])
			if !c.refused {
				if !strings.HasPrefix(got, "HTTP/1.1 200 ") || len(events.all()) > 0 {
					t.Errorf("%s\nevents: %v", got, events.all())
				}
				return
			}
			for _, want := range []string{"HTTP/1.1 403 ", "Connection: close", `"error":"not_allowed"`, "uid 65534 may not", "root and uid 54321 may"} {
				if !strings.Contains(got, want) {
					t.Errorf("the answer has no %q:\n%s", want, got)
				}
			}
			all := events.all()
			if len(all) != 1 {
				t.Fatalf("one refusal made %d events", len(all))
			}
			if e := all[0]; e.Kind != "control.refused" || e.Level != "warn" || e.PID == 0 || !strings.Contains(e.Text, "uid 65534") {
				t.Errorf("%+v", e)
			}
		})
	}
}

// TestStrangersDoNotCrowdOut: connections of a stranger that say nothing take no place of the owner's.
func TestStrangersDoNotCrowdOut(t *testing.T) {
	k := &strangers{Core: linux.New()}
	var events notes
	start := time.Now()
	s, err := NewServer(k, Options{Owner: another, Event: events.add})
	must(t, err)
	defer func() { must(t, s.Close(t.Context())) }()
	fd, path := listen(t)
	add(t, s, Listener{FD: fd, Handler: API(&fakeManager{status: twoModules()}, nil)})
	k.set(nobody)
	var closed int
	for range 200 {
		c := dial(t, path)
		must(t, c.SetReadDeadline(time.Now().Add(20*time.Millisecond)))
		if _, err := c.Read(make([]byte, 1)); errors.Is(err, io.EOF) || errors.Is(err, unix.ECONNRESET) {
			closed++
		}
	}
	k.set(another)
	if _, err := NewClient(path).Status(t.Context()); err != nil {
		t.Error(err)
	}
	if closed < 200-4*maxRefused {
		t.Errorf("only %d of 200 idle strangers were closed", closed)
	}
	// Events of 200 refusals come once a second, and tell of those before.
	if all := events.all(); len(all) > int(time.Since(start)/time.Second)+1 || len(all) > 1 && !strings.Contains(all[1].Text, "not told") {
		t.Errorf("%d events, %+v", len(all), all)
	}
}

// strangers is the kernel, but for who connects.
type strangers struct {
	posix.Core
	mu  sync.Mutex // guards uid
	uid posix.UID
}

func (k *strangers) set(uid posix.UID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.uid = uid
}

func (k *strangers) GetsockoptUcred(fd posix.FD) (posix.Ucred, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	u, err := k.Core.GetsockoptUcred(fd)
	u.UID = k.uid
	return u, err
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestThousandConnections(t *testing.T) {
	path := serveAPI(t, &fakeManager{status: twoModules()})
	// Those that are served answer for as long as they are open.
	var idle []*net.UnixConn
	for range 1000 {
		idle = append(idle, dial(t, path))
	}
	answered, told, closed := 0, 0, 0
	for _, c := range idle {
		_, err := io.WriteString(c, "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n")
		buf := make([]byte, 4096)
		n := 0
		if err == nil {
			n, err = c.Read(buf)
		}
		switch text := string(buf[:n]); {
		case strings.HasPrefix(text, "HTTP/1.1 200 "):
			answered++
		case strings.HasPrefix(text, "HTTP/1.1 503 ") && strings.Contains(text, "64 connections are open"):
			told++
		case n == 0 && err != nil:
			closed++
		default:
			t.Errorf("%q, %v", text, err)
		}
	}
	if answered < maxServed || told == 0 || answered+told+closed != 1000 {
		t.Errorf("%d answered, %d told that there are too many, %d closed", answered, told, closed)
	}
	for _, c := range idle {
		must(t, c.Close())
	}
	eventually(t, "a place", func() bool { _, err := NewClient(path).Status(t.Context()); return err == nil })
}

func TestSlowAndSilentClients(t *testing.T) {
	s, _ := serve(t, mine())
	if s.http.ReadHeaderTimeout != headerTimeout || s.http.ReadTimeout != readTimeout || s.http.IdleTimeout != idleTimeout {
		t.Errorf("the server waits %v for headers, %v for requests, %v between them", s.http.ReadHeaderTimeout, s.http.ReadTimeout, s.http.IdleTimeout)
	}
	// The same times, divided.
	const shorter = 20
	s.http.ReadHeaderTimeout /= shorter
	s.http.ReadTimeout /= shorter
	fd, path := listen(t)
	add(t, s, Listener{FD: fd, Handler: API(&fakeManager{status: twoModules()}, nil)})
	for _, c := range []struct {
		name, send, want string
		within           time.Duration
	}{
		{"nothing", "", "", headerTimeout / shorter},
		{"a slow header", "GET /v1/status HTTP/1.1\r\nHost: x\r\nX-Slow: ", "", headerTimeout / shorter},
		{"a slow body", "POST /v1/stop HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{\"mod", "HTTP/1.1 408 ", readTimeout / shorter},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			conn := dial(t, path)
			_, err := io.WriteString(conn, c.send)
			must(t, err)
			start := time.Now()
			got, err := io.ReadAll(conn)
			if err != nil || !strings.HasPrefix(string(got), c.want) || c.want == "" && len(got) > 0 {
				t.Errorf("%q, %v", got, err)
			}
			if took := time.Since(start); took < c.within/2 || took > c.within+5*time.Second {
				t.Errorf("the server waited %v", took)
			}
		})
	}
}

func TestJunk(t *testing.T) {
	path := serveAPI(t, &fakeManager{status: twoModules()})
	for _, c := range []struct{ name, send, want string }{
		{"no HTTP", "\x00\x01\x02 hello\r\n\r\n", "HTTP/1.1 400 "},
		{"no host", "GET /v1/status HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "},
		{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", "HTTP/1.1 400 "},
		{"two lengths", "POST /v1/stop HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", "HTTP/1.1 400 "},
		{"a header that is too long", "GET /v1/status HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", maxHeader+8192) + "\r\n\r\n", "HTTP/1.1 431 "},
		{"a version from the future", "GET /v1/status HTTP/7.0\r\nHost: x\r\n\r\n", "HTTP/1.1 505 "},
		{"a request, then junk", "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n\x00junk\r\n\r\n", "HTTP/1.1 200 "},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := dial(t, path)
			go func() { _, _ = io.WriteString(conn, c.send); _ = conn.CloseWrite() }()
			got, err := io.ReadAll(conn)
			if !strings.HasPrefix(string(got), c.want) {
				t.Errorf("%.200q, %v", got, err)
			}
			if strings.HasSuffix(c.name, "then junk") && !strings.Contains(string(got), "HTTP/1.1 400 ") {
				t.Errorf("the junk was not refused: %q", got)
			}
		})
	}
	if _, err := NewClient(path).Status(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestPanicIsOneRequest(t *testing.T) {
	var log strings.Builder
	_, paths := serve(t, Options{Owner: posix.UID(os.Getuid()), Log: testLog(&log)}, Listener{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/bug" {
			panic("a bug of a test")
		}
	})})
	c := browser(t, paths[0])
	if resp, err := c.Do(newRequest(t, "GET", "/bug", "", "")); err == nil {
		_ = resp.Body.Close()
		t.Error("a handler that panicked was answered for")
	}
	if status, _, _ := exchange(t, c, newRequest(t, "GET", "/", "", "")); status != http.StatusOK {
		t.Errorf("status %d after a panic", status)
	}
	if !strings.Contains(log.String(), "a bug of a test") || !strings.Contains(log.String(), "please report it") {
		t.Errorf("the log: %s", log.String())
	}
}

func TestDrop(t *testing.T) {
	k := &counting{Core: linux.New()}
	s, err := NewServer(k, mine())
	must(t, err)
	defer func() { must(t, s.Close(t.Context())) }()
	other, otherPath := listen(t)
	add(t, s, Listener{FD: other, Handler: API(&fakeManager{}, nil)})
	paths := []string{otherPath}
	fd, path := listen(t)
	held, err := linux.New().Fcntl(fd, unix.F_DUPFD_CLOEXEC, 0) // as the spawner does
	must(t, err)
	key := add(t, s, Listener{FD: fd, Handler: API(&fakeManager{}, nil)})
	c := dial(t, path)
	_, err = io.WriteString(c, "GET /v1/events?follow=true HTTP/1.1\r\nHost: x\r\n\r\n")
	must(t, err)
	_, err = c.Read(make([]byte, 100))
	must(t, err)
	s.Drop(key)
	s.Drop(key)
	if _, err := io.ReadAll(c); err != nil && !errors.Is(err, unix.ECONNRESET) {
		t.Error(err)
	}
	eventually(t, "the end of the descriptor", func() bool {
		_, err := linux.New().Fcntl(fd, unix.F_GETFD, 0)
		return errors.Is(err, posix.Errno(unix.EBADF))
	})
	// The socket is open, and somebody waits to be accepted. That must not keep the server busy.
	waiting := dial(t, path)
	before := k.waits.Load()
	if _, err := NewClient(paths[0]).Status(t.Context()); err != nil {
		t.Error(err)
	}
	if n := k.waits.Load() - before; n > 3 {
		t.Errorf("it woke up %d times for one connection", n)
	}
	must(t, errors.Join(waiting.Close(), linux.New().Close(posix.FD(held))))
	eventually(t, "the end of the listener", func() bool {
		c, err := net.Dial("unix", path)
		if err == nil {
			_ = c.Close()
		}
		return errors.Is(err, unix.ECONNREFUSED)
	})
	if _, err := NewClient(paths[0]).Status(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestClose(t *testing.T) {
	s, err := NewServer(linux.New(), mine())
	must(t, err)
	fd, path := listen(t)
	inside, finish := make(chan struct{}), make(chan struct{})
	m := &fakeManager{do: func(context.Context, command) (api.Result, error) {
		close(inside)
		<-finish
		return api.Result{OK: true, Text: "stopped"}, nil
	}}
	add(t, s, Listener{FD: fd, Handler: API(m, nil)})
	silent := dial(t, path)
	stream, err := NewClient(path).Events(t.Context(), "", true)
	must(t, err)
	defer func() { _ = stream.Close() }()
	type outcome struct {
		r   api.Result
		err error
	}
	answered := make(chan outcome, 1)
	go func() {
		r, err := NewClient(path).Do(context.Background(), 5, nil, false)
		answered <- outcome{r, err}
	}()
	select {
	case <-inside:
	case o := <-answered:
		t.Fatalf("the command did not arrive: %v", o.err)
	}
	closed := make(chan error)
	go func() { closed <- s.Close(context.Background()) }()
	if _, err := stream.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("a stream ends with %v", err)
	}
	if _, err := silent.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("a silent connection ends with %v", err)
	}
	close(finish)
	if o := <-answered; o.err != nil || o.r.Text != "stopped" {
		t.Errorf("the command in progress got %+v, %v", o.r, o.err)
	}
	must(t, <-closed)
	must(t, s.Close(t.Context()))
	another, _ := listen(t)
	if _, err := s.Add(Listener{FD: another}); !errors.Is(err, errClosed) {
		t.Errorf("Add to a closed server: %v", err)
	}
	if _, err := linux.New().Fcntl(another, unix.F_GETFD, 0); !errors.Is(err, posix.Errno(unix.EBADF)) {
		t.Errorf("the descriptor that was not added: %v", err)
	}
}

// TestAcceptErrors: what accept4 answers decides whether the listener goes on.
func TestAcceptErrors(t *testing.T) {
	for _, c := range []struct {
		errno posix.Errno
		event string // "" for none
		on    bool   // it goes on
	}{
		{unix.ECONNABORTED, "", true}, {unix.EPERM, "", true},
		{unix.EMFILE, "too many open files; trying again", true}, {unix.ENOMEM, "cannot allocate memory; trying again", true},
		{unix.EINVAL, "invalid argument; this listener is given up", false},
	} {
		t.Run(fmt.Sprint(c.errno), func(t *testing.T) {
			k := &faulty{Core: linux.New(), errno: c.errno, times: 3}
			var events notes
			s, err := NewServer(k, Options{Owner: posix.UID(os.Getuid()), Event: events.add})
			must(t, err)
			defer func() { must(t, s.Close(t.Context())) }()
			fd, path := listen(t)
			add(t, s, Listener{FD: fd, Handler: API(&fakeManager{}, nil)})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if !c.on { // nobody ever answers: once it is told, a moment is enough
				_ = dial(t, path)
				eventually(t, "the event", func() bool { return len(events.all()) > 0 })
				ctx, cancel = context.WithTimeout(ctx, 200*time.Millisecond)
				defer cancel()
			}
			_, err = NewClient(path).Status(ctx)
			if (err == nil) != c.on {
				t.Errorf("the client got %v", err)
			}
			all := events.all()
			if c.event == "" && len(all) > 0 || c.event != "" && (len(all) != 1 || !strings.Contains(all[0].Text, c.event) || all[0].Kind != "control.failed") {
				t.Errorf("events %+v, want %q", all, c.event)
			}
		})
	}
}

// faulty is the kernel, but for the first calls of accept4.
type faulty struct {
	posix.Core
	errno posix.Errno
	times int
}

func (k *faulty) Accept4(fd posix.FD, flags int) (posix.FD, posix.Sockaddr, error) {
	if k.times > 0 {
		k.times--
		return -1, posix.Sockaddr{}, k.errno
	}
	return k.Core.Accept4(fd, flags)
}

func TestNewServerErrors(t *testing.T) {
	for _, op := range []string{"EpollCreate1", "Eventfd2", "EpollCtl"} {
		if _, err := NewServer(&broken{linux.New(), op}, Options{}); !errors.Is(err, posix.Errno(unix.EMFILE)) {
			t.Errorf("%s: %v", op, err)
		}
	}
}

// broken is the kernel without one operation.
type broken struct {
	posix.Core
	op string
}

func (k *broken) EpollCreate1(flags int) (posix.FD, error) {
	if k.op == "EpollCreate1" {
		return -1, posix.Errno(unix.EMFILE)
	}
	return k.Core.EpollCreate1(flags)
}

func (k *broken) Eventfd2(initial uint32, flags int) (posix.FD, error) {
	if k.op == "Eventfd2" {
		return -1, posix.Errno(unix.EMFILE)
	}
	return k.Core.Eventfd2(initial, flags)
}

func (k *broken) EpollCtl(epfd posix.FD, op int, fd posix.FD, e *posix.EpollEvent) error {
	if k.op == "EpollCtl" {
		return posix.Errno(unix.EMFILE)
	}
	return k.Core.EpollCtl(epfd, op, fd, e)
}

// counting is the kernel, and counts how often somebody waited for descriptors.
type counting struct {
	posix.Core
	waits atomic.Int64
}

func (k *counting) EpollWait(epfd posix.FD, events []posix.EpollEvent, timeout int) (int, error) {
	k.waits.Add(1)
	return k.Core.EpollWait(epfd, events, timeout)
}
