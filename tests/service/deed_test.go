package main

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestReadiness(t *testing.T) {
	t.Run("after a time", func(t *testing.T) {
		h := newHost(t, "tcp")
		start := time.Now()
		h.ready(t, "-ready", "300ms")
		if took := time.Since(start); took < 300*time.Millisecond {
			t.Errorf("ready after %v", took)
		}
	})
	for _, ready := range []string{"never", "1h"} {
		t.Run(ready, func(t *testing.T) {
			h := newHost(t, "tcp")
			p := h.start(t, nil, "-ready", ready)
			h.hears(t, "STATUS=starting")
			if got, ok := h.hear(t, 200*time.Millisecond); ok {
				t.Errorf("it says %+v", got)
			}
			c := h.dial(t)
			c.send(t, "GET", "/pid", "")
			if err := c.SetDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
				t.Fatal(err)
			}
			if _, err := c.in.Peek(1); err == nil {
				t.Error("it answers before it is ready")
			}
			p.signal(t, unix.SIGTERM)
			if status := p.ended(t); status != 0 || !strings.Contains(p.output(), "before it was ready") {
				t.Errorf("status %d: %s", status, p.output())
			}
		})
	}
}

func TestExit(t *testing.T) {
	t.Run("before", func(t *testing.T) {
		h := newHost(t, "tcp")
		if status := h.start(t, nil, "-before", "exit=3").ended(t); status != 3 {
			t.Errorf("status %d", status)
		}
		for got, ok := h.hear(t, 50*time.Millisecond); ok; got, ok = h.hear(t, 50*time.Millisecond) {
			if strings.Contains(got.text, "READY") {
				t.Errorf("it said %+v", got)
			}
		}
	})
	t.Run("after", func(t *testing.T) {
		if status := newHost(t, "tcp").ready(t, "-after", "exit=4").ended(t); status != 4 {
			t.Errorf("status %d", status)
		}
	})
	t.Run("asked", func(t *testing.T) {
		h := newHost(t, "tcp")
		p := h.ready(t)
		if resp, body := h.dial(t).ask(t, "POST", "/misbehave", "exit=5"); resp.StatusCode != 200 || body != "about to exit=5\n" {
			t.Errorf("%s %q", resp.Status, body)
		}
		if status := p.ended(t); status != 5 {
			t.Errorf("status %d", status)
		}
	})
}

func TestIgnoresTerm(t *testing.T) {
	h := newHost(t, "tcp")
	p := h.ready(t, "-before", "ignore-term")
	c := h.dial(t)
	waitFor(t, "it takes no notice", func() bool {
		p.signal(t, unix.SIGTERM)
		return strings.Contains(p.output(), "takes no notice of terminated")
	})
	if resp, _ := c.ask(t, "GET", "/healthz", ""); resp.StatusCode != 200 || resp.Close {
		t.Errorf("%s, close %t", resp.Status, resp.Close)
	}
	p.signal(t, unix.SIGKILL)
	if status := p.ended(t); status != -int(unix.SIGKILL) {
		t.Errorf("status %d", status)
	}
}

// The watchdog is fed twice in its time, until it hangs; then it neither answers nor ends.
func TestHang(t *testing.T) {
	h := newHost(t, "tcp")
	p := h.start(t, []string{"WATCHDOG_USEC=100000"})
	h.hears(t, "READY=1")
	for range 3 {
		start := time.Now()
		if got := h.hears(t, "WATCHDOG=1"); got.pid != p.Process.Pid || time.Since(start) > limit/2 {
			t.Errorf("%+v after %v", got, time.Since(start))
		}
	}
	if resp, _ := h.dial(t).ask(t, "POST", "/misbehave", "hang"); resp.StatusCode != 200 {
		t.Errorf("%s", resp.Status)
	}
	waitFor(t, "the watchdog starves", func() bool {
		_, ok := h.hear(t, 500*time.Millisecond)
		return !ok
	})
	c := h.dial(t)
	c.send(t, "GET", "/healthz", "")
	p.signal(t, unix.SIGTERM)
	if err := c.SetDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.in.Peek(1); err == nil {
		t.Error("it answers")
	}
	select {
	case <-p.done:
		t.Error("it ended")
	default:
	}
}

func TestFlood(t *testing.T) {
	h := newHost(t, "tcp")
	p := h.ready(t, "-after", "flood=5000")
	p.says(t, "flood 5000 of 5000\n")
	n := 0
	for line := range strings.Lines(p.output()) {
		if strings.Contains(line, "flood") {
			if n++; line != fmt.Sprintf("service: flood %d of 5000\n", n) {
				t.Fatalf("line %d is %q", n, line)
			}
		}
	}
	if n != 5000 {
		t.Errorf("%d lines", n)
	}
}

// The daemon survives the service, holds its socket and does not hear SIGTERM.
func TestDaemonize(t *testing.T) {
	h := newHost(t, "tcp")
	p := h.ready(t)
	c := h.dial(t)
	if resp, body := c.ask(t, "POST", "/misbehave", "daemonize"); resp.StatusCode != 200 {
		t.Fatalf("%s %s", resp.Status, body)
	}
	_ = c.Close()
	daemon := 0
	waitFor(t, "there is a daemon", func() bool {
		for _, pid := range children(t) {
			sid, err := unix.Getsid(pid)
			if pid != p.Process.Pid && err == nil && sid != 0 {
				daemon = pid
			}
		}
		return daemon != 0
	})
	t.Cleanup(func() {
		_ = unix.Kill(daemon, unix.SIGKILL) // the test may have
		_, _ = unix.Wait4(daemon, nil, 0, nil)
	})
	if sid, err := unix.Getsid(daemon); err != nil || sid == daemon || sid == p.Process.Pid {
		t.Errorf("its session is %d, %v; want the one of its parent, which is gone", sid, err)
	}
	if err := unix.Kill(daemon, unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.signal(t, unix.SIGTERM)
	if status := p.ended(t); status != 0 {
		t.Errorf("status %d", status)
	}
	link, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", daemon, firstFD))
	if err != nil || link != fmt.Sprintf("socket:[%d]", h.inode) {
		t.Errorf("it has %s, %v; want the socket %d", link, err, h.inode)
	}
	if pid, err := unix.Wait4(daemon, nil, unix.WNOHANG, nil); pid != 0 || err != nil {
		t.Errorf("it ended: %d, %v", pid, err)
	}
}

// children returns the processes whose parent is the test.
func children(t *testing.T) []int {
	t.Helper()
	var out []int
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		text, err := os.ReadFile("/proc/self/task/" + task.Name() + "/children")
		if err != nil {
			continue // the thread has ended
		}
		for _, word := range strings.Fields(string(text)) {
			if pid, err := strconv.Atoi(word); err == nil {
				out = append(out, pid)
			}
		}
	}
	return out
}

// A listener that one process ends listens for nobody any more, and who holds a copy can see it. Who accepts on a TCP socket gets an error;
// who waits on a unix socket is not even told.
func TestEndsListening(t *testing.T) {
	for _, c := range []struct{ network, deed string }{
		{"tcp", "shutdown-listener"}, {"tcp", "disconnect-listener"}, {"unix", "shutdown-listener"},
	} {
		t.Run(c.network+" "+c.deed, func(t *testing.T) {
			h := newHost(t, c.network)
			p := h.ready(t)
			client := h.dial(t)
			client.send(t, "POST", "/misbehave", c.deed)
			if c.network == "unix" { // otherwise it may have ended before it answers
				client.answer(t)
				if resp, _ := client.ask(t, "GET", "/healthz", ""); resp.StatusCode != 200 {
					t.Errorf("%s", resp.Status)
				}
			} else if status := p.ended(t); status != 1 || !strings.Contains(p.output(), "accept") {
				t.Errorf("status %d: %s", status, p.output())
			}
			if conn, err := net.Dial(h.network, h.address); err == nil {
				t.Error("it listens")
				_ = conn.Close()
			}
			h.control(t, func(fd int) error {
				poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
				_, err := unix.Poll(poll, 0)
				if poll[0].Revents&unix.POLLHUP == 0 {
					t.Errorf("poll: %#x", poll[0].Revents)
				}
				return err
			})
		})
	}
	t.Run("a unix socket cannot be disconnected", func(t *testing.T) {
		h := newHost(t, "unix")
		h.ready(t)
		if resp, body := h.dial(t).ask(t, "POST", "/misbehave", "disconnect-listener"); resp.StatusCode != 500 || !strings.Contains(body, "invalid argument") {
			t.Errorf("%s %s", resp.Status, body)
		}
	})
}

func TestNotifyDeeds(t *testing.T) {
	h := newHost(t, "tcp")
	p := h.start(t, nil, "-ready", "never", "-before", "stray-notify=READY=1", "-before", "notify=X=\xff\n")
	got := h.hears(t, "READY=1")
	if got.pid == p.Process.Pid || got.pid == 0 {
		t.Errorf("%+v comes from the service itself, %d", got, p.Process.Pid)
	}
	if got := h.hears(t, "X="); got.pid != p.Process.Pid || got.text != "X=\xff\n" {
		t.Errorf("%+v", got)
	}
	for range children(t) { // none is left of those it made
		if n, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); n > 0 && n != p.Process.Pid {
			t.Errorf("a child is left: %d, %v", n, err)
		}
	}
}

func TestDeedsThatDoNotWork(t *testing.T) {
	s := &service{}
	for _, text := range []string{"stray-notify=X"} {
		d, err := parseDeed(text)
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv("NOTIFY_SOCKET", "")
		if err := s.do(d); err == nil {
			t.Errorf("%s: no error", text)
		}
		t.Setenv("NOTIFY_SOCKET", t.TempDir()+"/none")
		if err := s.do(d); err == nil {
			t.Errorf("%s: no error", text)
		}
	}
	if err := writeFromChild(-1, []byte("x")); err == nil || !strings.Contains(err.Error(), "bad file descriptor") {
		t.Errorf("%v", err)
	}
	if err := writeFromChild(1, nil); err == nil {
		t.Error("nothing was written and nobody says so")
	}
}

// Every deed is described where users look.
func TestDeedsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range deedKinds {
		name := k.name
		if k.argument {
			name += "="
		}
		if !strings.Contains(string(text), "//\t"+name) {
			t.Errorf("%s is not in doc.go", name)
		}
	}
}
