package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"html/template"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// sample is what a page may have to show at its worst.
func sample() Confinement {
	return Confinement{
		Time:     time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Process:  Process{PID: 2, Hostname: "<b>demo"},
		Seccomp:  Seccomp{"filter", 1},
		Landlock: Landlock{"enforced", "mknodat() = EACCES"},
		Problems: []string{"read the mounts: no"},
		Attempts: []Attempt{
			{Name: "be refused", Gain: "nothing", Call: "mount()", Answer: "EPERM", Verdict: Denied, Layer: LayerSeccomp},
			{Name: "be refused too", Gain: "nothing", Call: "bpf()", Answer: "EPERM", Verdict: Denied, Layer: LayerSeccomp},
			{Name: "get through", Gain: "all", Call: `open("<script>")`, Answer: "success", Verdict: Allowed},
		},
	}
}

func get(t *testing.T, h http.Handler, target string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
	return w
}

func TestPage(t *testing.T) {
	looks := 0
	h := newHandler(content{look: func() Confinement { looks++; return sample() }})
	w := get(t, h, "/")
	page := w.Body.String()
	for _, want := range []string{
		"<b>2</b> of 3 attempts denied", `seccomp filter <b>2</b>`, `<span class="v through">ALLOWED</span>`,
		"<b>1 of the attempts got through.</b>", "read the mounts: no", "&lt;b&gt;demo", "&lt;script&gt;", "<b class=\"k\">EPERM</b>",
		"None to be seen",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not have %q", want)
		}
	}
	if strings.Contains(page, "<script") || strings.Contains(page, "refresh") {
		t.Error("the page has a script, or loads itself without having been told to")
	}
	if external := regexp.MustCompile(`(?:src|href)="(https?:)?//[^"]*"`).FindString(page); external != "" {
		t.Errorf("the page needs something from elsewhere: %s", external)
	}
	if !strings.Contains(get(t, h, "/?live").Body.String(), `http-equiv="refresh"`) {
		t.Error("the live page does not load itself")
	}
	good := sample()
	good.Attempts = slices.DeleteFunc(good.Attempts, func(a Attempt) bool { return a.Verdict == Allowed })
	if strings.Contains(get(t, newHandler(content{look: func() Confinement { return good }}), "/").Body.String(), "ALLOWED") {
		t.Error("the page of a module that held says ALLOWED")
	}
	if looks != 2 {
		t.Errorf("looked %d times for two pages", looks)
	}
	if got := w.Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
}

// The style is in the page as it was hashed: the template changes nothing in it, or the browser would leave it out.
func TestPagePolicyCoversTheStyle(t *testing.T) {
	page := get(t, newHandler(content{look: sample}), "/").Body.String()
	_, after, _ := strings.Cut(page, "<style>")
	style, _, ok := strings.Cut(after, "</style>")
	if !ok || template.CSS(style) != template.CSS(pageStyle) {
		t.Errorf("the style in the page is not the one that was hashed")
	}
	if strings.Contains(contentPolicy(), "unsafe") || !strings.HasPrefix(contentPolicy(), "default-src 'none'; style-src 'sha256-") {
		t.Errorf("content policy: %s", contentPolicy())
	}
}

func TestData(t *testing.T) {
	w := get(t, newHandler(content{look: sample}), "/confinement.json")
	var got Confinement
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Process != sample().Process || !slices.Equal(got.Attempts, sample().Attempts) || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("got %+v", got)
	}
}

func TestOtherRequests(t *testing.T) {
	h := newHandler(content{look: func() Confinement { t.Error("looked without need"); return Confinement{} }})
	if w := get(t, h, "/healthz"); w.Code != http.StatusOK || w.Body.String() != "ok\n" {
		t.Errorf("healthz: %d %q", w.Code, w.Body)
	}
	if w := get(t, h, "/etc/passwd"); w.Code != http.StatusNotFound {
		t.Errorf("a page that is not there: %d", w.Code)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", strings.NewReader("x")))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
}

// One look at a time; who waits too long is told so.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandler(content{look: func() Confinement { time.Sleep(2 * time.Second); return sample() }})
		var codes []int
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				w := get(t, h, "/")
				mu.Lock()
				defer mu.Unlock()
				codes = append(codes, w.Code)
			})
		}
		wg.Wait()
		slices.Sort(codes)
		if !slices.Equal(codes, []int{200, 200, 503}) {
			t.Errorf("got %v; want two answers and one refusal", codes)
		}
	})
}

func TestLogLines(t *testing.T) {
	var out bytes.Buffer
	h := logged(&out, newHandler(content{look: sample}))
	r := httptest.NewRequest(http.MethodGet, "/nothing", nil)
	r.URL.RawQuery = "a\n127.0.0.1 GET \"/forged\" 200"
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	line := out.String()
	if strings.Count(line, "\n") != 1 || !strings.Contains(line, ` 404 `) || !strings.HasPrefix(line, "192.0.2.1:1234 GET ") {
		t.Errorf("logged %q; want one line", line)
	}
}

// A client that keeps its connection never sees a failed request while the server ends.
func TestDrain(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	s := newServer(newHandler(content{look: sample}), io.Discard)
	ended := make(chan error, 1)
	go func() { ended <- s.serve(ctx, []net.Listener{l}) }()

	client := &http.Client{Transport: &http.Transport{}, Timeout: 5 * time.Second}
	url := "http://" + l.Addr().String() + "/healthz"
	var sawClose bool
	for i := 0; ; i++ {
		if i == 20 {
			stop()
		}
		resp, err := client.Post(url, "text/plain", strings.NewReader("x")) // not repeated by the client
		if err != nil {
			if !strings.Contains(err.Error(), "connection refused") {
				t.Errorf("request %d: %v", i, err)
			}
			break
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if resp.Close {
			sawClose = true
			break
		}
		time.Sleep(2 * time.Millisecond)
	}
	if !sawClose {
		t.Error("the client was not told to close its connection")
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if n := s.open.Load(); n != 0 {
		t.Errorf("%d connections are counted as open", n)
	}
}

func TestServeEndsWithTheListener(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	if err := newServer(newHandler(content{look: sample}), io.Discard).serve(t.Context(), []net.Listener{l}); err == nil {
		t.Error("no error from a listener that is closed")
	}
}
