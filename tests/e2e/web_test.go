package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bulkhead/bulkhead/tests/load"
)

// web is a policy with the web service of tests/service. The zero value of each field but address is what most tests want.
type web struct {
	address  string
	listener string   // further keys of the listener, as "backlog: 16"
	args     []string // of the service; default -ready now and a short farewell
	version  int
	health   string // of the healthcheck; default notify
	lines    []string
	modules  []module // others, after it
}

func newWeb(t testing.TB) web {
	return web{address: fmt.Sprintf("127.0.0.1:%d", freePort(t, "tcp4", "127.0.0.1"))}
}

func (w web) text() string {
	if w.listener == "" {
		w.listener = "backlog: 1024"
	}
	if w.args == nil {
		w.args = []string{"-ready", "now", "-goodbye", "50ms"}
	}
	if w.health == "" {
		w.health = "notify: true, start_period: 10s"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\nlisteners:\n  http: {address: %q, %s}\nmodules:\n", w.address, w.listener)
	fmt.Fprintf(&b, "  service:\n    command: [%s]\n    environment: {SERVICE_VERSION: \"%d\"}\n", quoted(append([]string{place.service}, w.args...)), w.version)
	fmt.Fprintf(&b, "    healthcheck: {%s}\n    listeners: {http: 3}\n    update_config: {order: start-first}\n", w.health)
	if !strings.Contains(strings.Join(w.lines, "\n"), "user:") {
		b.WriteString("    user: daemon\n")
	}
	for _, l := range w.lines {
		fmt.Fprintf(&b, "    %s\n", l)
	}
	fmt.Fprintf(&b, `    namespaces: [mount, pid, ipc, uts, cgroup, network]
    network: {mode: none}
    capabilities: []
    filesystem: [{path: %q, access: rx}]
    seccomp:
      architectures: [native]
      default: errno ENOSYS
      denied: errno EPERM
      allow: ["@system-service"]
      deny: [execve, execveat]
`, place.service)
	for _, m := range w.modules {
		b.WriteString(m.text())
	}
	return b.String()
}

// next is the same with a change that takes new processes.
func (w web) next() web {
	w.version++
	return w
}

// asked is one answer of the service.
type asked struct {
	instance, version, pid string
	sockets                []struct {
		Name, Network, Address string
		Inode                  uint64
	}
}

// visit asks the service at an address, which may be the path of a socket, who it is and what it inherited.
func visit(t testing.TB, address string) asked {
	t.Helper()
	a, err := tryVisit(address)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func tryVisit(address string) (a asked, err error) {
	network := "tcp"
	if strings.HasPrefix(address, "/") {
		network = "unix"
	}
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, address)
		}}}
	resp, err := client.Get("http://service/sockets")
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return a, err
	}
	a.instance, a.version, a.pid = resp.Header.Get("X-Instance"), resp.Header.Get("X-Version"), resp.Header.Get("X-Pid")
	return a, json.Unmarshal(text, &a.sockets)
}

// inode is that of its first socket.
func (a asked) inode() uint64 { return a.sockets[0].Inode }

// pressure asks the service all the time, on connections that are kept and on others, until the function that it returns is called: which
// wants every request to have been answered well, at least so many of them, and returns who answered.
func pressure(t testing.TB, address string, workers int) func(least int64) map[string]bool {
	t.Helper()
	var stops []func() (*load.Result, error)
	for _, keep := range []bool{true, false} {
		stops = append(stops, load.Start(context.Background(), load.Options{Address: address, Workers: workers, For: limit, KeepAlive: keep,
			Path: "/echo", BodySize: 64, EchoBody: true}))
	}
	ended := false
	end := func(least int64) map[string]bool {
		t.Helper()
		ended = true
		who := map[string]bool{}
		for i, stop := range stops {
			r, err := stop()
			if err != nil {
				t.Fatal(err)
			}
			if r.Failed() > 0 || r.Answered < least {
				t.Errorf("load %d: want no failure and at least %d answers:\n%s", i, least, r)
			}
			for _, w := range r.Answerers() {
				who[w] = true
			}
		}
		return who
	}
	t.Cleanup(func() {
		if ended {
			return
		}
		for _, stop := range stops {
			_, _ = stop() // the test has failed already
		}
	})
	return end
}

// connect makes a connection that lasts until the test ends.
func connect(t testing.TB, address string) net.Conn {
	t.Helper()
	c, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}
