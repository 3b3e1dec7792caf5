package load

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// What wrk 4.1.0 of Debian printed about a server that is stable, one that answers 503 and one that resets every third request.
func TestParseWrk(t *testing.T) {
	for file, want := range map[string]WrkResult{
		"wrk-stable.txt": {Requests: 2047},
		"wrk-status.txt": {Requests: 85325, NotOK: 85325},
		"wrk-reset.txt":  {Requests: 10018, Read: 5008},
	} {
		text, err := os.ReadFile(filepath.Join("testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseWrk(string(text))
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", file, got, err, want)
		}
		if got.Failed() != want.Read+want.NotOK {
			t.Errorf("%s: %d failed", file, got.Failed())
		}
	}
}

func TestParseWrkNeverReadsErrorsAsNone(t *testing.T) {
	for name, report := range map[string]string{
		"nothing":        "",
		"no count":       "Running 1s test @ http://127.0.0.1:1/\n",
		"refused":        "unable to connect to 127.0.0.1:18999 Connection refused\n",
		"another format": "  5 requests in 1.10s, 1B read\n  Socket errors: connect 0, read 5008\n",
		"another line":   "  5 requests in 1.10s, 1B read\n  Non-2xx responses: 3\n",
		"too large":      "  99999999999999999999 requests in 1.10s, 1B read\n",
	} {
		if r, err := ParseWrk(report); err == nil {
			t.Errorf("%s: %+v and no error", name, r)
		}
	}
}

func TestWrkOptions(t *testing.T) {
	args, err := WrkOptions{URL: "http://a/", For: 2 * time.Second}.args()
	if want := []string{"-t", "1", "-c", "8", "-d", "2s", "-H", "Connection: close", "http://a/"}; err != nil || !slices.Equal(args, want) {
		t.Errorf("%q, %v; want %q", args, err, want)
	}
	for _, o := range []WrkOptions{
		{For: time.Second}, {URL: "http://a/"}, {URL: "http://a/", For: 1500 * time.Millisecond}, {URL: "http://a/", For: time.Second, Connections: 1, Threads: 2},
		{URL: "http://a/", For: time.Second, Connections: -1},
	} {
		if args, err := o.args(); err == nil {
			t.Errorf("%+v: %q and no error", o, args)
		}
	}
}

// The real wrk sees what there is to see: nothing, or every second answer being wrong.
func TestRunWrk(t *testing.T) {
	if _, err := exec.LookPath("wrk"); err != nil {
		t.Skipf("wrk is not installed: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	l, _ := echoServer(t, "tcp", "127.0.0.1:0", "one", always)
	r, err := RunWrk(ctx, WrkOptions{URL: "http://" + l.Addr().String() + "/", For: time.Second})
	if err != nil || r.Requests == 0 || r.Failed() != 0 {
		t.Errorf("stable: %+v, %v", r, err)
	}
	s := serveScript(t, func(n int64, _ []byte) (string, ending) {
		if n%2 == 0 {
			return "", reset
		}
		return "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", goOn
	})
	r, err = RunWrk(ctx, WrkOptions{URL: "http://" + s.addr + "/", For: time.Second, KeepAlive: true})
	if err != nil || r.Read == 0 || r.NotOK == 0 {
		t.Errorf("unstable: %+v, %v", r, err)
	}
	if r, err := RunWrk(ctx, WrkOptions{URL: "http://127.0.0.1:1/", For: time.Second}); err == nil || !strings.Contains(fmt.Sprint(err), "refused") {
		t.Errorf("nobody listens: %+v, %v", r, err)
	}
}
