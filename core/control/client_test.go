package control

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/core/machine"
	"github.com/bulkhead/bulkhead/posix/linux"
)

func TestClientStatus(t *testing.T) {
	m := &fakeManager{status: twoModules()}
	got, err := NewClient(serveAPI(t, m)).Status(t.Context())
	if want := whole(twoModules()); err != nil || !cmp.Equal(want, got) {
		t.Errorf("%s, %v", cmp.Diff(want, got), err)
	}
}

func TestClientFindsNobody(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	must(t, os.WriteFile(file, nil, 0o600))
	fd, left := listen(t)
	must(t, linux.New().Close(fd)) // the path stays, as after a crash
	for _, path := range []string{filepath.Join(dir, "nothing"), filepath.Join(file, "below"), left, file} {
		_, err := NewClient(path).Status(t.Context())
		if !errors.Is(err, ErrNobody) || !strings.Contains(err.Error(), "no supervisor listens on "+path+": is it running? --control names another socket") {
			t.Errorf("%s: %v", path, err)
		}
		if _, err := NewClient(path).Events(t.Context(), "", true); !errors.Is(err, ErrNobody) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestClientIsRefused(t *testing.T) {
	_, paths := serve(t, mine(), Listener{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refuse(http.StatusForbidden, codeNotAllowed, "ask as one of them", "uid 5 may not use this socket").write(w)
	})})
	_, err := NewClient(paths[0]).Status(t.Context())
	if !errors.Is(err, ErrForbidden) || !strings.Contains(err.Error(), "uid 5 may not use this socket; ask as one of them") {
		t.Error(err)
	}
}

func TestClientMeetsSomethingElse(t *testing.T) {
	for name, c := range map[string]struct {
		h    http.HandlerFunc
		want string
	}{
		"another server": {func(w http.ResponseWriter, _ *http.Request) { http.NotFound(w, nil) }, "answers 404 Not Found: it is no supervisor"},
		"no JSON":        {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }, "invalid character"},
		"cut JSON":       {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"pid":`) }, "connection broke"},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://elsewhere/", http.StatusFound)
		}, "answers 302 Found: it is no supervisor"},
	} {
		t.Run(name, func(t *testing.T) {
			_, paths := serve(t, mine(), Listener{Handler: c.h})
			if _, err := NewClient(paths[0]).Status(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// TestClientOfAManagerThatDies: the client says that it does not know what became of its command.
func TestClientOfAManagerThatDies(t *testing.T) {
	_, paths := serve(t, mine(), Listener{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })})
	client := NewClient(paths[0])
	if _, err := client.Do(t.Context(), machine.Reload, nil, false); !errors.Is(err, ErrBroken) || !strings.Contains(err.Error(), "supervisor status") {
		t.Error(err)
	}
	_, paths = serve(t, mine(), Listener{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, ":\n\nid: 1\ndata: {\"id\":\"1\"}\n\n")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})})
	r, err := NewClient(paths[0]).Events(t.Context(), "", true)
	must(t, err)
	defer func() { _ = r.Close() }()
	if e, err := r.Next(); err != nil || e.ID != "1" {
		t.Errorf("%+v, %v", e, err)
	}
	if _, err := r.Next(); !errors.Is(err, ErrBroken) {
		t.Error(err)
	}
}

func TestReaderStops(t *testing.T) {
	m := &fakeManager{}
	ctx, cancel := context.WithCancel(t.Context())
	r, err := NewClient(serveAPI(t, m)).Events(ctx, "", true)
	must(t, err)
	defer func() { _ = r.Close() }()
	got := make(chan error)
	go func() {
		_, err := r.Next()
		got <- err
	}()
	cancel()
	if err := <-got; !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

func TestReaderLimits(t *testing.T) {
	for name, body := range map[string]string{"too long": "data: " + strings.Repeat("x", maxPiece+1), "no JSON": "data: x\n\n"} {
		r := newReader[api.Event](NewClient("/x"), io.NopCloser(strings.NewReader(body)), func() {}, true)
		if _, err := r.Next(); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
