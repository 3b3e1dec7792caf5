package load

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// run runs options to their end.
func run(t *testing.T, o Options) *Result {
	t.Helper()
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Requests != r.Answered+r.Failed() {
		t.Errorf("%d requests, %d answered, %d failed", r.Requests, r.Answered, r.Failed())
	}
	return r
}

// A server that does nothing wrong fails no request, and each is asked once.
func TestStableServer(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		address := "127.0.0.1:0"
		if network == "unix" {
			address = filepath.Join(t.TempDir(), "socket")
		}
		l, _ := echoServer(t, network, address, "one", always)
		for _, c := range []struct {
			name        string
			o           Options
			connections int64
		}{
			{"keep-alive posts", Options{BodySize: 100, EchoBody: true, KeepAlive: true}, 4},
			{"large bodies", Options{BodySize: 70_000, EchoBody: true, KeepAlive: true}, 4},
			{"a connection each", Options{}, 800},
			{"posts, a connection each", Options{BodySize: 50, EchoBody: true}, 800},
		} {
			t.Run(network+" "+c.name, func(t *testing.T) {
				o := c.o
				o.Network, o.Address, o.Workers, o.Count = network, l.Addr().String(), 4, 800
				r := run(t, o)
				if r.Failed() != 0 || r.Requests != 800 {
					t.Errorf("%s", r)
				}
				if r.Connections != c.connections {
					t.Errorf("%d connections, want %d", r.Connections, c.connections)
				}
				if got := fmt.Sprint(r.By); got != "map[one:800]" {
					t.Errorf("answered by %s", got)
				}
				if p50, most := r.Latency(.5), r.Latency(1); p50 <= 0 || most < p50 || most > r.Elapsed {
					t.Errorf("latency: half %v, longest %v of %v", p50, most, r.Elapsed)
				}
			})
		}
	}
}

// A server that says Connection: close on a kept connection is taken at its word, and fails nothing.
func TestConnectionClose(t *testing.T) {
	var n atomic.Int64
	l, _ := echoServer(t, "tcp", "127.0.0.1:0", "one", func() bool { return n.Add(1)%10 != 0 })
	r := run(t, Options{Address: l.Addr().String(), KeepAlive: true, BodySize: 64, EchoBody: true, Count: 100})
	if r.Failed() != 0 || r.Connections != 10 {
		t.Errorf("%s", r)
	}
}

// A listener that is closed and opened again is what a reload must not be: it is seen.
func TestSeesAListenerThatIsOpenedAgain(t *testing.T) {
	for _, keepAlive := range []bool{true, false} {
		t.Run(fmt.Sprintf("keep-alive %t", keepAlive), func(t *testing.T) {
			l, first := echoServer(t, "tcp", "127.0.0.1:0", "first", always)
			var byFirst, refused, bySecond atomic.Bool
			o := Options{Address: l.Addr().String(), Workers: 4, KeepAlive: keepAlive, BodySize: 64, EchoBody: true, For: time.Hour}
			o.Answered = func(who string) { map[string]*atomic.Bool{"first": &byFirst, "second": &bySecond}[who].Store(true) }
			o.Failed = func(k Kind) {
				if k == Refused {
					refused.Store(true)
				}
			}
			end := Start(t.Context(), o)
			defer end() // which may be called more than once
			waitUntil(t, "the first one answers", byFirst.Load)
			if err := first.Close(); err != nil {
				t.Fatal(err)
			}
			waitUntil(t, "a request in the gap", refused.Load)
			echoServer(t, "tcp", l.Addr().String(), "second", always)
			waitUntil(t, "the second one answers", bySecond.Load)
			r, err := end()
			if err != nil {
				t.Fatal(err)
			}
			if r.Failures[Refused] == 0 || len(r.By) != 2 || r.By["first"] == 0 || r.By["second"] == 0 {
				t.Errorf("it did not see the gap: %sanswered by %v", r, r.By)
			}
			if !strings.Contains(r.String(), "refused: ") || !strings.Contains(r.Examples[Refused], "refused") {
				t.Errorf("it does not say so: %s", r)
			}
		})
	}
}

// One way to fail after the other, each is counted as what it is, and no request is made twice.
func TestKinds(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s"
	body := func(s string) string { return fmt.Sprintf(ok, len(s), s) }
	for _, c := range []struct {
		name   string
		kind   Kind
		answer func(sent string) string
		then   ending
		echo   bool
	}{
		{"closed without an answer", EOF, func(string) string { return "" }, shut, false},
		{"reset without an answer", Reset, func(string) string { return "" }, reset, false},
		{"closed in the status line", Malformed, func(string) string { return "HTTP/1.1 2" }, shut, false},
		{"closed within a line of the head", Malformed, func(string) string { return "HTTP/1.1 200 OK\r\nContent-Le" }, shut, false},
		{"closed between lines of the head", Truncated, func(string) string { return "HTTP/1.1 200 OK\r\nX-A: b\r\n" }, shut, false},
		{"closed in the body", Truncated, func(string) string { return "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nabc" }, shut, false},
		{"closed before the body", Truncated, func(string) string { return "HTTP/1.1 200 OK\r\nContent-Length: 64\r\n\r\n" }, shut, true},
		{"closed in an echo", Truncated, func(s string) string { return fmt.Sprintf(ok, len(s), s[:20]) }, shut, true},
		{"closed in a chunk", Truncated, func(string) string { return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab" }, shut, false},
		{"no answer", Timeout, func(string) string { return "" }, silent, false},
		{"half an answer", Timeout, func(string) string { return "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" }, silent, false},
		{"503", Status, func(string) string { return "HTTP/1.1 503 Go away\r\nContent-Length: 0\r\n\r\n" }, goOn, false},
		{"redirect", Status, func(string) string { return "HTTP/1.1 302 There\r\nLocation: /\r\nContent-Length: 0\r\n\r\n" }, goOn, false},
		{"another's body", Body, func(s string) string { return body(strings.Replace(s, "0", "1", 1)) }, goOn, true},
		{"a short body", Body, func(s string) string { return body(s[1:]) }, goOn, true},
		{"no body", Body, func(string) string { return body("") }, goOn, true},
		{"a long body", Body, func(s string) string { return body(s + "x") }, goOn, true},
		{"no HTTP", Malformed, func(string) string { return "SSH-2.0-OpenSSH\r\n\r\n" }, goOn, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serveScript(t, func(n int64, sent []byte) (string, ending) {
				if n%2 == 1 {
					return body(string(sent)), goOn
				}
				return c.answer(string(sent)), c.then
			})
			o := Options{Address: s.addr, KeepAlive: true, BodySize: 64, EchoBody: c.echo, Count: 6, Timeout: 10 * time.Second}
			if c.kind == Timeout {
				o.Timeout = 50 * time.Millisecond
			}
			r := run(t, o)
			if r.Answered != 3 || r.Failures[c.kind] != 3 || r.Examples[c.kind] == "" {
				t.Errorf("want 3 answered and 3 %s: %s", c.kind, r)
			}
			if n := s.requests.Load(); n != 6 {
				t.Errorf("6 requests were made %d times", n)
			}
		})
	}
}

// A kept connection that the server closes between two requests fails the next one, which net/http would hide.
func TestSilentCloseIsSeen(t *testing.T) {
	s := serveScript(t, func(_ int64, sent []byte) (string, ending) {
		return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(sent), sent), shut
	})
	r := run(t, Options{Address: s.addr, KeepAlive: true, BodySize: 64, EchoBody: true, Count: 20})
	if r.Answered != 10 || r.Failures[EOF]+r.Failures[Reset] != 10 {
		t.Errorf("want every second one to fail: %s", r)
	}
}

func TestNobodyListens(t *testing.T) {
	for _, o := range []Options{{Address: "127.0.0.1:1"}, {Network: "unix", Address: filepath.Join(t.TempDir(), "none")}} {
		o.Count = 3
		if r := run(t, o); r.Failures[Refused] != 3 || r.Connections != 0 {
			t.Errorf("%s", r)
		}
	}
}

// The end of its context ends it, and what has been asked is still answered.
func TestContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := serveScript(t, func(n int64, _ []byte) (string, ending) {
		if n == 5 {
			cancel()
		}
		return "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", goOn
	})
	r, err := Run(ctx, Options{Address: s.addr, KeepAlive: true, For: time.Hour})
	if err != nil || r.Requests != 5 || r.Failed() != 0 {
		t.Errorf("%v, %v", r, err)
	}
}

func TestTimeEnds(t *testing.T) {
	l, _ := echoServer(t, "tcp", "127.0.0.1:0", "one", always)
	r := run(t, Options{Address: l.Addr().String(), KeepAlive: true, For: 50 * time.Millisecond})
	if r.Elapsed < 50*time.Millisecond || r.Requests == 0 || r.Failed() != 0 {
		t.Errorf("%s", r)
	}
}

func TestWrongOptions(t *testing.T) {
	for want, o := range map[string]Options{
		"no address":        {Count: 1},
		"neither a count":   {Address: "x"},
		"network is":        {Address: "x", Count: 1, Network: "udp"},
		"negative":          {Address: "x", Count: 1, Workers: -1},
		"could be echoed":   {Address: "x", Count: 1, EchoBody: true},
		"32 bytes at least": {Address: "x", Count: 1, BodySize: 31},
	} {
		if r, err := Run(t.Context(), o); err == nil || r != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, %v; want an error about %q", o, r, err, want)
		}
	}
}

func TestResultAsJSON(t *testing.T) {
	s := serveScript(t, func(n int64, _ []byte) (string, ending) {
		if n == 2 {
			return "", shut
		}
		return "HTTP/1.1 200 OK\r\nX-Instance: a\r\nContent-Length: 0\r\n\r\n", goOn
	})
	text, err := json.Marshal(run(t, Options{Address: s.addr, KeepAlive: true, Count: 3}))
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Requests, Answered, Failed int64
		Failures, By               map[string]int64
		Latency                    map[string]float64 `json:"latency_seconds"`
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if got.Requests != 3 || got.Answered != 2 || got.Failed != 1 || got.Failures["eof"] != 1 || got.By["a"] != 2 || got.Latency["max"] <= 0 {
		t.Errorf("%s", text)
	}
}

func TestEveryKindHasAName(t *testing.T) {
	seen := map[string]bool{}
	for k := range kinds {
		if k.String() == "" || seen[k.String()] {
			t.Errorf("kind %d is %q", k, k)
		}
		seen[k.String()] = true
	}
	if kinds.String() != "kind 9" {
		t.Errorf("%s", kinds)
	}
}
