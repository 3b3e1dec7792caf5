package control

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/core/machine"
)

func TestRefusals(t *testing.T) {
	const asJSON = "application/json"
	for _, c := range []struct {
		name, method, target, contentType, body string
		status                                  int
		code, says                              string
	}{
		{"unknown path", "GET", "/v1/nothing", "", "", 404, codeNotFound, `nothing is at "/v1/nothing"`},
		{"no version", "GET", "/status", "", "", 404, codeNotFound, "openapi.yaml"},
		{"path that climbs", "GET", "/v1/../v1/status", "", "", 404, codeNotFound, "nothing is at"},
		{"wrong method", "DELETE", "/v1/status", "", "", 405, codeMethod, "use GET"},
		{"reading by POST", "POST", "/v1/events", "", "", 405, codeMethod, "use GET"},
		{"commanding by GET", "GET", "/v1/reload", "", "", 405, codeMethod, "use POST"},
		{"unknown parameter", "GET", "/v1/status?watch=1", "", "", 400, codeQuery, `no parameter "watch"; it takes none`},
		{"unknown parameter where there are some", "POST", "/v1/reload?force=1", "", "", 400, codeQuery, "it takes dry_run"},
		{"parameter twice", "POST", "/v1/reload?dry_run=true&dry_run=false", "", "", 400, codeQuery, "given 2 times"},
		{"no truth", "POST", "/v1/reload?dry_run=perhaps", "", "", 400, codeQuery, `"perhaps"; use true or false`},
		{"empty truth", "POST", "/v1/reload?dry_run", "", "", 400, codeQuery, "use true or false"},
		{"broken query", "GET", "/v1/status?%zz", "", "", 400, codeQuery, "invalid URL escape"},
		{"body where none is wanted", "POST", "/v1/reload", asJSON, "{}", 400, codeBody, "takes no body"},
		{"body of a GET", "GET", "/v1/status", asJSON, "{}", 400, codeBody, "takes no body"},
		{"no content type", "POST", "/v1/stop", "", `{"all":true}`, 415, codeContentType, "application/json"},
		{"a form", "POST", "/v1/stop", "application/x-www-form-urlencoded", "all=true", 415, codeContentType, "x-www-form-urlencoded"},
		{"empty body", "POST", "/v1/stop", asJSON, "", 400, codeBody, "it is empty"},
		{"cut body", "POST", "/v1/stop", asJSON, `{"modules":["we`, 400, codeBody, "unexpected EOF"},
		{"no JSON", "POST", "/v1/stop", asJSON, "web", 400, codeBody, "invalid character"},
		{"unknown field", "POST", "/v1/stop", asJSON, `{"modules":["web"],"force":true}`, 400, codeBody, `unknown field "force"`},
		{"wrong type", "POST", "/v1/stop", asJSON, `{"modules":"web"}`, 400, codeBody, "cannot unmarshal string"},
		{"two objects", "POST", "/v1/stop", asJSON, `{"all":true}{"all":true}`, 400, codeBody, "something comes behind"},
		{"junk behind", "POST", "/v1/stop", asJSON, `{"all":true} x`, 400, codeBody, "invalid character"},
		{"nothing selected", "POST", "/v1/stop", asJSON, `{}`, 400, codeBody, "names no module"},
		{"null", "POST", "/v1/stop", asJSON, `null`, 400, codeBody, "names no module"},
		{"empty selection", "POST", "/v1/start", asJSON, `{"modules":[]}`, 400, codeBody, "names no module"},
		{"all and some", "POST", "/v1/restart", asJSON, `{"all":true,"modules":["web"]}`, 400, codeBody, "both all and modules"},
		{"unknown module", "POST", "/v1/stop", asJSON, `{"modules":["wbe"]}`, 404, codeNotFound, `no module "wbe"; did you mean "web"? there are: api, web`},
		{"a long name", "POST", "/v1/stop", asJSON, `{"modules":["` + strings.Repeat("x", 1000) + `"]}`, 404, codeNotFound, `xxx…"`},
		{"named twice", "POST", "/v1/stop", asJSON, `{"modules":["web","web"]}`, 400, codeBody, "named twice"},
		{"too many names", "POST", "/v1/stop", asJSON, `{"modules":[` + strings.Repeat(`"x",`, maxModules) + `"x"]}`, 400, codeBody, "at most 4096"},
		{"huge body", "POST", "/v1/stop", asJSON, `{"modules":["` + strings.Repeat("x", maxBody) + `"]}`, 413, codeTooLarge, "more than 65536 bytes"},
		{"deep body", "POST", "/v1/stop", asJSON, `{"modules":` + strings.Repeat("[", 20_000), 400, codeBody, "the body cannot be used"},
		{"events after junk", "GET", "/v1/events?after=1", "", "", 400, codeQuery, `"1" is no UUID`},
		{"follow what", "GET", "/v1/events?follow=yes", "", "", 400, codeQuery, "use true or false"},
		{"lines below none", "GET", "/v1/logs?last=-1", "", "", 400, codeQuery, "from 0 to 10000"},
		{"too many lines", "GET", "/v1/logs?last=1000000", "", "", 400, codeQuery, "from 0 to 10000"},
		{"lines of nobody", "GET", "/v1/logs?module=wbe", "", "", 404, codeNotFound, `no module "wbe"`},
		{"no metrics", "GET", "/v1/metrics", "", "", 404, codeNotFound, "no metrics"},
		{"self on the supervisor's socket", "GET", "/v1/self", "", "", 404, codeNotFound, "nothing is at"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := serveAPI(t, &fakeManager{status: twoModules()})
			client := browser(t, path)
			status, header, body := exchange(t, client, newRequest(t, c.method, c.target, c.contentType, c.body))
			e := refusalOf(t, body)
			if status != c.status || e.Code != c.code || !strings.Contains(e.Error(), c.says) {
				t.Errorf("status %d, %s: %s; want %d, %s, %q", status, e.Code, e.Error(), c.status, c.code, c.says)
			}
			if header.Get("Content-Type") != "application/json" || status == 405 && header.Get("Allow") == "" {
				t.Errorf("headers %v", header)
			}
			if len(e.Error()) > 500 {
				t.Errorf("a refusal of %d bytes", len(e.Error()))
			}
			// The next request is as good as any.
			if status, _, _ := exchange(t, client, newRequest(t, "GET", "/v1/status", "", "")); status != http.StatusOK {
				t.Errorf("afterwards: status %d", status)
			}
		})
	}
}

// TestHugeChunkedBody: a body of unknown length is cut off, not read to its end.
func TestHugeChunkedBody(t *testing.T) {
	path := serveAPI(t, &fakeManager{status: twoModules()})
	body := io.LimitReader(endless{}, 1<<30)
	req, err := http.NewRequestWithContext(t.Context(), "POST", "http://supervisor/v1/stop", io.MultiReader(strings.NewReader(`{"modules":["`), body))
	must(t, err)
	req.Header.Set("Content-Type", "application/json")
	resp, err := browser(t, path).Do(req)
	if err != nil {
		return // the server closed while it was being sent: as good an answer
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("status %s", resp.Status)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestCommands(t *testing.T) {
	var mu sync.Mutex // guards what follows
	var got []command
	result := api.Result{OK: true, Text: "done"}
	do := func(c command) (api.Result, error) {
		got = append(got, c)
		return result, nil
	}
	locked := func(f func()) { mu.Lock(); defer mu.Unlock(); f() }
	m := &fakeManager{status: twoModules(), do: func(_ context.Context, c command) (api.Result, error) {
		mu.Lock()
		defer mu.Unlock()
		return do(c)
	}}
	client := NewClient(serveAPI(t, m))
	for _, c := range []command{
		{machine.Reload, nil, false}, {machine.Reload, nil, true}, {machine.Stop, []string{"web"}, false}, {machine.Stop, nil, false},
		{machine.Start, []string{"web", "api"}, false}, {machine.Restart, nil, false}, {machine.Restart, []string{"api"}, false}, {machine.Shutdown, nil, false},
	} {
		locked(func() { got = nil })
		r, err := client.Do(t.Context(), c.verb, c.modules, c.dryRun)
		mu.Lock()
		if err != nil || !cmp.Equal(r, result) {
			t.Errorf("%+v: %+v, %v", c, r, err)
		}
		if len(got) != 1 || got[0].verb != c.verb || got[0].dryRun != c.dryRun || !slices.Equal(got[0].modules, c.modules) {
			t.Errorf("%+v arrived as %+v", c, got)
		}
		mu.Unlock()
	}
	if _, err := client.Do(t.Context(), 99, nil, false); err == nil {
		t.Error("a command that does not exist was sent")
	}
	for _, r := range []api.Result{
		{Text: "web does not get ready", Plan: &api.Plan{From: 1, To: 2, Actions: []api.Action{{Verb: api.Keep, Kind: "module", Name: "web", Reasons: []string{"nothing changed"}}}}},
		{Text: "refused", Invalid: true, Problems: "error[E201]: …\n", Diagnostic: []any{map[string]any{"code": "E201"}}},
	} {
		locked(func() { result = r })
		answered, err := client.Do(t.Context(), machine.Reload, nil, false)
		if err != nil || !cmp.Equal(answered, r) {
			t.Errorf("%s, %v", cmp.Diff(r, answered), err)
		}
	}
	locked(func() {
		do = func(command) (api.Result, error) { return api.Result{}, errors.New("the manager is ending") }
	})
	var refusal *Error
	if _, err := client.Do(t.Context(), machine.Reload, nil, false); !errors.As(err, &refusal) || refusal.Status != 503 || refusal.Code != codeEnding || refusal.Detail != "the manager is ending" {
		t.Errorf("%v", err)
	}
}

// TestCommandOutlivesItsClient: a client that goes away undoes nothing.
func TestCommandOutlivesItsClient(t *testing.T) {
	inside, finish, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	m := &fakeManager{do: func(ctx context.Context, _ command) (api.Result, error) {
		close(inside)
		<-finish
		done <- ctx.Err()
		return api.Result{OK: true}, nil
	}}
	client := NewClient(serveAPI(t, m))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	left := make(chan error, 1)
	go func() {
		_, err := client.Do(ctx, machine.Reload, nil, false)
		left <- err
	}()
	select {
	case <-inside:
	case err := <-left:
		t.Fatalf("the command did not arrive: %v", err)
	}
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("the client that left got %v", err)
	}
	close(finish)
	if err := <-done; err != nil {
		t.Errorf("the command was ended with its client: %v", err)
	}
}

func TestTooManyCommands(t *testing.T) {
	inside, finish := make(chan struct{}), make(chan struct{})
	m := &fakeManager{do: func(context.Context, command) (api.Result, error) {
		inside <- struct{}{}
		<-finish
		return api.Result{OK: true}, nil
	}}
	client := NewClient(serveAPI(t, m))
	answers := make(chan error, maxCommands)
	for range maxCommands {
		go func() {
			_, err := client.Do(context.Background(), machine.Reload, nil, false)
			answers <- err
		}()
	}
	for range maxCommands {
		select {
		case <-inside:
		case err := <-answers:
			t.Fatalf("a command did not arrive: %v", err)
		}
	}
	var refusal *Error
	if _, err := client.Do(t.Context(), machine.Reload, nil, false); !errors.As(err, &refusal) || refusal.Code != codeBusy {
		t.Errorf("command %d got %v", maxCommands+1, err)
	}
	// What only looks is not held up.
	if _, err := client.Status(t.Context()); err != nil {
		t.Error(err)
	}
	close(finish)
	for range maxCommands {
		must(t, <-answers)
	}
}

func TestEvents(t *testing.T) {
	m := &fakeManager{}
	for n := range 5 {
		m.events.past = append(m.events.past, numbered(n, "instance.started"))
	}
	path := serveAPI(t, m)
	client := NewClient(path)
	if got := readAll(t, client, "", false); len(got) != 5 || !cmp.Equal(got, m.events.past) {
		t.Errorf("remembered: %s", cmp.Diff(m.events.past, got))
	}
	if got := readAll(t, client, m.events.past[2].ID, false); len(got) != 2 || got[0].ID != m.events.past[3].ID {
		t.Errorf("after the third: %+v", got)
	}
	eventually(t, "the end of the subscriptions", func() bool { return m.events.followers() == 0 })

	r, err := client.Events(t.Context(), m.events.past[3].ID, true)
	must(t, err)
	if e, err := r.Next(); err != nil || e.ID != numbered(4, "").ID {
		t.Errorf("the first that follows: %+v, %v", e, err)
	}
	for n := 5; n < 500; n++ {
		m.events.publish(numbered(n, "instance.exited"))
	}
	m.events.publish(api.Event{Kind: "events.cut", Level: "warn"}) // as a subscription makes it, without an ID
	for n := 5; n < 500; n++ {
		if e, err := r.Next(); err != nil || e.ID != numbered(n, "").ID {
			t.Fatalf("event %d: %+v, %v", n, e, err)
		}
	}
	if e, err := r.Next(); err != nil || e.Kind != "events.cut" {
		t.Errorf("%+v, %v", e, err)
	}
	m.events.cut()
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("a stream that was cut ends with %v", err)
	}
	must(t, r.Close())
}

func readAll(t testing.TB, c *Client, after string, follow bool) (out []api.Event) {
	t.Helper()
	r, err := c.Events(t.Context(), after, follow)
	must(t, err)
	defer func() { _ = r.Close() }()
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		must(t, err)
		out = append(out, e)
	}
}

// TestServerSentEvents: the bytes are what a browser's EventSource understands, and its way of resuming works.
func TestServerSentEvents(t *testing.T) {
	m := &fakeManager{}
	m.events.past = []api.Event{numbered(1, "a"), numbered(2, "b\nc")}
	req := newRequest(t, "GET", "/v1/events?after=00000000-0000-7000-8000-000000000000", "", "")
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Last-Event-ID", numbered(1, "").ID)
	resp, err := browser(t, serveAPI(t, m)).Do(req)
	must(t, err)
	defer func() { _ = resp.Body.Close() }()
	if got := resp.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("content type %s", got)
	}
	in := bufio.NewScanner(resp.Body)
	var lines []string
	for len(lines) < 6 && in.Scan() {
		lines = append(lines, in.Text())
	}
	want := []string{":", "", "id: " + numbered(2, "").ID, "event: event",
		`data: {"id":"01890000-0000-7000-8000-000000000002","time":"2026-01-02T03:04:07Z","kind":"b\nc","level":"info","generation":1,"text":"b\nc"}`, ""}
	if !slices.Equal(lines, want) {
		t.Errorf("%s", cmp.Diff(want, lines))
	}
}

func TestLogs(t *testing.T) {
	m := &fakeManager{status: twoModules()}
	for n, module := range []string{"web", "api", "web"} {
		m.lines.past = append(m.lines.past, api.LogLine{Time: epoch, Module: module, Stream: "stdout", Line: fmt.Sprintf("line %d \x1b[2J ö", n)})
	}
	client := NewClient(serveAPI(t, m))
	r, err := client.Logs(t.Context(), []string{"web"}, 10, false)
	must(t, err)
	for _, n := range []int{0, 2} {
		if l, err := r.Next(); err != nil || !cmp.Equal(l, m.lines.past[n]) {
			t.Errorf("%+v, %v", l, err)
		}
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	must(t, r.Close())

	r, err = client.Logs(t.Context(), nil, 0, true)
	must(t, err)
	for range 3 {
		_, err = r.Next()
		must(t, err)
	}
	long := api.LogLine{Time: epoch, Module: "api", Stream: "stderr", Line: strings.Repeat("\x00", 16<<10)} // six bytes each in JSON
	m.lines.publish(long)
	if l, err := r.Next(); err != nil || !cmp.Equal(l, long) {
		t.Errorf("a long line: %d bytes, %v", len(l.Line), err)
	}
	must(t, r.Close())
	eventually(t, "the end of the subscription", func() bool { return m.lines.followers() == 0 })
}

// TestTooManyStreams: who follows leaves places for who commands.
func TestTooManyStreams(t *testing.T) {
	m := &fakeManager{status: twoModules()}
	client := NewClient(serveAPI(t, m))
	for range maxStreams {
		r, err := client.Events(t.Context(), "", true)
		must(t, err)
		defer func() { _ = r.Close() }()
	}
	var refusal *Error
	if _, err := client.Logs(t.Context(), nil, 1, true); !errors.As(err, &refusal) || refusal.Code != codeBusy {
		t.Errorf("stream %d got %v", maxStreams+1, err)
	}
	if _, err := client.Status(t.Context()); err != nil {
		t.Error(err)
	}
}
