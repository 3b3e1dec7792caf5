package e2e

import (
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/api"
)

// on returns the same policy with the host's network, where no rule of Landlock keeps a socket from being connected elsewhere.
func (w web) onHost() string {
	return strings.NewReplacer("network: {mode: none}", "network: {mode: host}", "cgroup, network]", "cgroup]").Replace(w.text())
}

// TestListenerShutDown: a module ends listening for everybody who has the socket. The supervisor brings it back, at the same address, and says so; and
// again, when it happens again.
func TestListenerShutDown(t *testing.T) {
	t.Parallel()
	_, fixed, _ := net.SplitHostPort(newWeb(t).address)
	for _, c := range []struct {
		name, address, deed string
		unix                bool
	}{
		{"tcp, shutdown", "127.0.0.1:" + fixed, "shutdown-listener", false},
		{"tcp, connect to nothing", newWeb(t).address, "disconnect-listener", false},
		{"port 0, shutdown", "127.0.0.1:0", "shutdown-listener", false},
		{"port 0, connect to nothing", "127.0.0.1:0", "disconnect-listener", false},
		{"unix, shutdown", "", "shutdown-listener", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := web{address: c.address}
			if c.unix {
				w.address = "unix:" + filepath.Join(openDir(t), "s")
				w.listener = `mode: "0666"`
			}
			w.lines = []string{"restart: {policy: on-failure, delay: 10ms, burst: 100}"}
			// Deeds are asked for at another socket, so that the answer does not need the one that they are about.
			text := strings.Replace(w.onHost(), "listeners:\n", fmt.Sprintf("listeners:\n  talk: {address: %q}\n", newWeb(t).address), 1)
			text = strings.Replace(text, "listeners: {http: 3}", "listeners: {http: 3, talk: 4}", 1)
			p := ready(t, writePolicy(t, text))
			where := func(s api.Status, name string) string {
				i := slices.IndexFunc(s.Listeners, func(l api.Listener) bool { return l.Name == name })
				return s.Listeners[i].Address
			}
			before := p.status(t)
			address, talk := where(before, "http"), where(before, "talk")
			first := visit(t, address)
			for n := 1; n <= 3; n++ {
				if status, text := misbehave(t, talk, c.deed); status != 200 && status != 0 {
					t.Fatalf("%s: %d %s", c.deed, status, text)
				}
				s := p.becomes(t, fmt.Sprintf("it was healed %d times", n), func(s api.Status) bool {
					i := slices.IndexFunc(s.Listeners, func(l api.Listener) bool { return l.Name == "http" })
					return s.Listeners[i].Healed == n && allReady(s)
				})
				if now := where(s, "http"); now != address {
					t.Errorf("it listens at %s, and did at %s", now, address)
				}
				waitFor(t, "it answers again", func() bool { _, err := tryVisit(address); return err == nil })
				now := visit(t, address)
				if !c.unix && now.sockets[0].Inode != first.sockets[0].Inode {
					t.Errorf("the socket is %d, and was %d: it was not healed but opened again", now.sockets[0].Inode, first.sockets[0].Inode)
				}
			}
			kind := map[bool]string{false: "listener.healed", true: "listener.replaced"}[c.unix]
			wantsEvent(t, p.events(t), kind, "somebody who holds the socket of "+address+" has shut it down")
			r := p.stop(t, unix.SIGTERM)
			if n := strings.Count(r.stderr, "event="+kind); n != 3 {
				t.Errorf("the log says so %d times, want 3:\n%s", n, r.stderr)
			}
		})
	}
}

// TestListenerIsNoWayOut: a module without a network makes a connection with the socket that it listens on. Landlock keeps it from that, where the kernel
// has rules for TCP; the listener is brought back where it could be ended.
func TestListenerIsNoWayOut(t *testing.T) {
	t.Parallel()
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	closed := errno == 0 && abi >= 4
	l, err := net.Listen("tcp", "127.0.0.1:0") // something of the host
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	away := fmt.Sprintf("redirect:3,%s", l.Addr())
	// Without a sandbox a socket that listens is as good as any.
	if got := outside(t, "inherited:3", away)[away]; got.result != "ok" {
		t.Fatalf("%s proves nothing: outside %v", away, got)
	}
	direct := "connect:" + l.Addr().String()
	if got := outside(t, direct)[direct]; got.result != "ok" {
		t.Fatalf("%s proves nothing: outside %v", direct, got)
	}
	if !closed {
		t.Skipf("Landlock of this kernel has no rules for TCP: ABI %d (%v); they came with 4", abi, errno)
	}
	for _, c := range []struct {
		name, network string
		want          []answer
	}{
		{"without a network", "none", []answer{{"EACCES", "connect"}}},
		// The same attempt from the host's network succeeds, so it is not the filter that refuses it; unless the supervisor is quicker, and the
		// socket listens again.
		{"in the host's network", "host", []answer{{"ok", "connect"}, {"EISCONN", "connect"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := module{name: "out", command: []string{place.victim, away, direct, "ready"}, lines: []string{"listeners: {http: 3}"}}
			text := m.text()
			if c.network == "host" {
				text = strings.NewReplacer("network: {mode: none}", "network: {mode: host}", "cgroup, network]", "cgroup]").Replace(text)
			}
			p := supervise(t, writePolicy(t, "version: 1\nlisteners: {http: {address: \"127.0.0.1:0\"}}\nmodules:\n"+text))
			p.says(t, "out | ready\n")
			got := answers(t, strings.ReplaceAll(p.stdout.String(), "out | ", ""))
			if !slices.Contains(c.want, got[away]) {
				t.Errorf("%s: %v, want one of %v", away, got[away], c.want)
			}
			if c.network == "none" && got[direct].result == "ok" {
				t.Errorf("%s: %v from a network that is empty", direct, got[direct])
			}
			// It has ended the listening, and that was undone; more than once when it gets a new socket and is restarted, with which it does it again.
			s := p.becomes(t, "the listener was healed", func(s api.Status) bool { return s.Listeners[0].Healed > 0 })
			waitFor(t, "the listener listens", func() bool {
				c, err := net.DialTimeout("tcp", s.Listeners[0].Address, 5*time.Second)
				return err == nil && c.Close() == nil
			})
			p.stop(t, unix.SIGTERM)
		})
	}
}
