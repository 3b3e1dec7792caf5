package control

import (
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
)

// TestConnectedSelf: a connection that was made beforehand goes on from one manager to the next.
func TestConnectedSelf(t *testing.T) {
	k := linux.New()
	near, far, err := k.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	defer func() { must(t, errors.Join(k.Close(near), k.Close(far))) }()
	request := []byte("GET /v1/self HTTP/1.1\r\nHost: x\r\n\r\n")
	ask := func(what []byte) string {
		t.Helper()
		_, err := k.Write(far, what)
		must(t, err)
		buf := make([]byte, 64<<10)
		n, err := k.Read(far, buf)
		must(t, err)
		return string(buf[:n])
	}
	for round := range 3 {
		s, err := NewServer(k, mine())
		must(t, err)
		fd, err := k.Fcntl(near, unix.F_DUPFD_CLOEXEC, 0) // as the spawner passes it
		must(t, err)
		add(t, s, Listener{FD: posix.FD(fd), Handler: Self(&fakeManager{status: twoModules()}, 9), Access: Anybody})
		for range 3 {
			if got := ask(request); !strings.HasPrefix(got, "HTTP/1.1 200 ") || !strings.Contains(got, `"pid":4001`) {
				t.Errorf("round %d: %q", round, got)
			}
		}
		if got := ask([]byte("junk\r\n\r\n")); !strings.HasPrefix(got, "HTTP/1.1 400 ") {
			t.Errorf("round %d: junk got %q", round, got)
		}
		if got := ask(request); !strings.HasPrefix(got, "HTTP/1.1 200 ") {
			t.Errorf("round %d: after junk: %q", round, got)
		}
		must(t, s.Close(t.Context()))
	}
}

// TestConnectedSelfEnds: when the far end is closed nobody waits for the near one any more.
func TestConnectedSelfEnds(t *testing.T) {
	k := linux.New()
	near, far, err := k.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	s, err := NewServer(k, mine())
	must(t, err)
	defer func() { must(t, s.Close(t.Context())) }()
	key := add(t, s, Listener{FD: near, Handler: Self(&fakeManager{}, 1), Access: Anybody})
	must(t, k.Close(far))
	eventually(t, "the end of the connection", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.sites[key].dead
	})
	// The number is not another's until it is dropped.
	_, err = k.Fcntl(near, unix.F_GETFD, 0)
	must(t, err)
	s.Drop(key)
	eventually(t, "the end of the descriptor", func() bool {
		_, err := k.Fcntl(near, unix.F_GETFD, 0)
		return errors.Is(err, posix.Errno(unix.EBADF))
	})
}

// TestAddRefuses: what is no socket is closed and not served.
func TestAddRefuses(t *testing.T) {
	k := linux.New()
	s, err := NewServer(k, mine())
	must(t, err)
	defer func() { must(t, s.Close(t.Context())) }()
	fd, err := k.Eventfd2(0, unix.EFD_CLOEXEC)
	must(t, err)
	if _, err := s.Add(Listener{FD: fd}); !errors.Is(err, posix.Errno(unix.ENOTSOCK)) {
		t.Error(err)
	}
	if _, err := k.Fcntl(fd, unix.F_GETFD, 0); !errors.Is(err, posix.Errno(unix.EBADF)) {
		t.Errorf("the descriptor: %v", err)
	}
}

// TestMetricsOverTCP: on a socket for anybody there are metrics and nothing else.
func TestMetricsOverTCP(t *testing.T) {
	k := linux.New()
	fd, err := k.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	must(t, errors.Join(k.Bind(fd, posix.Sockaddr{Family: unix.AF_INET, Addr: netip.MustParseAddrPort("127.0.0.1:0")}), k.Listen(fd, 16)))
	where, err := k.Getsockname(fd)
	must(t, err)
	s, err := NewServer(k, mine())
	must(t, err)
	defer func() { must(t, s.Close(t.Context())) }()
	add(t, s, Listener{FD: fd, Handler: Metrics(&fakeManager{status: twoModules()}, MetricsOptions{}).Handler(), Access: Anybody})
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for _, c := range []struct {
		method, target string
		status         int
	}{{"GET", "/metrics", 200}, {"POST", "/metrics", 405}, {"GET", "/v1/status", 404}, {"POST", "/v1/shutdown", 404}} {
		req := newRequest(t, c.method, c.target, "", "")
		req.URL.Host = where.Addr.String()
		if status, _, body := exchange(t, client, req); status != c.status || status == 200 && !strings.Contains(body, "bulkhead_generation 3") {
			t.Errorf("%s %s: status %d", c.method, c.target, status)
		}
	}
}
