package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/core/machine"
	"github.com/bulkhead/bulkhead/posix"
)

const (
	// answerTimeout is for questions. A manager that is being started again answers within it; commands take as long as they take.
	answerTimeout = 15 * time.Second
	maxAnswer     = 256 << 20
)

// Classes of the errors of a [Client].
var (
	// ErrNobody is that no supervisor listens.
	ErrNobody = errors.New("no supervisor listens")
	// ErrForbidden is that this user may not ask.
	ErrForbidden = errors.New("not allowed")
	// ErrBroken is that the connection ended before the answer did: whether a command is carried out is not known.
	ErrBroken = errors.New("the connection broke")
)

// Client asks the supervisor behind a control socket. It is safe for concurrent use and keeps no connection open.
type Client struct {
	// Hint is what the message of [ErrNobody] says to do. It is not changed once the client is used.
	Hint string

	path string
	http *http.Client
}

// NewClient returns a client of the control socket at a path. It does not connect yet.
func NewClient(path string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}
	return &Client{Hint: "--control names another socket", path: path, http: &http.Client{
		Transport:     &http.Transport{DialContext: dial, DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: maxHeader},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Status returns what there is now.
func (c *Client) Status(ctx context.Context) (api.Status, error) {
	var s api.Status
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	resp, err := c.ask(ctx, "GET", "/v1/status", nil, nil)
	if err != nil {
		return s, err
	}
	return s, errors.Join(c.decode(ctx, resp, &s), resp.Body.Close())
}

// Do has a command carried out and waits for its result, which may say that it was refused or undone. No modules means all of them. When
// ctx ends first the command goes on. Errors: [ErrNobody], [ErrForbidden], [ErrBroken], an [*Error], or that of ctx.
func (c *Client) Do(ctx context.Context, verb machine.Verb, modules []string, dryRun bool) (api.Result, error) {
	path, selects := commands[verb].path, commands[verb].selects
	if path == "" {
		return api.Result{}, fmt.Errorf("there is no command %d", verb)
	}
	var query url.Values
	if dryRun {
		query = url.Values{"dry_run": {"true"}}
	}
	var body []byte
	if selects {
		var err error
		if body, err = json.Marshal(Selection{Modules: modules, All: len(modules) == 0}); err != nil {
			return api.Result{}, fmt.Errorf("encode the names of modules: %w", err)
		}
	}
	resp, err := c.ask(ctx, "POST", path, query, body)
	if err != nil {
		return api.Result{}, err
	}
	var r api.Result
	return r, errors.Join(c.decode(ctx, resp, &r), resp.Body.Close())
}

var commands = map[machine.Verb]struct {
	path    string
	selects bool // it is about modules
}{
	machine.Reload: {"/v1/reload", false}, machine.Stop: {"/v1/stop", true}, machine.Start: {"/v1/start", true},
	machine.Restart: {"/v1/restart", true}, machine.Shutdown: {"/v1/shutdown", false},
}

// Events returns the events after one with an ID, or all that are remembered when it is empty; with follow also those that happen, until the
// reader is closed. The caller closes it.
func (c *Client) Events(ctx context.Context, after string, follow bool) (*Reader[api.Event], error) {
	query := url.Values{}
	if after != "" {
		query.Set("after", after)
	}
	return read[api.Event](ctx, c, "/v1/events", query, follow)
}

// Logs returns the last lines of modules, of all of them when there are none; with follow also those that they write, until the reader is
// closed. The caller closes it.
func (c *Client) Logs(ctx context.Context, modules []string, last int, follow bool) (*Reader[api.LogLine], error) {
	return read[api.LogLine](ctx, c, "/v1/logs", url.Values{"module": modules, "last": {strconv.Itoa(last)}}, follow)
}

func read[T any](ctx context.Context, c *Client, path string, query url.Values, follow bool) (*Reader[T], error) {
	ctx, cancel := context.WithCancel(ctx)
	query.Set("follow", strconv.FormatBool(follow))
	// The first piece comes at once; what follows may take its time.
	timer := time.AfterFunc(answerTimeout, cancel)
	resp, err := c.ask(ctx, "GET", path, query, nil)
	if !timer.Stop() {
		if err == nil {
			_ = resp.Body.Close()
		}
		err = c.silent()
	}
	if err != nil {
		cancel()
		return nil, err
	}
	return newReader[T](c, resp.Body, cancel, follow), nil
}

// ask sends a request and returns the response, whose body the caller closes, if it is no refusal.
func (c *Client) ask(ctx context.Context, method, path string, query url.Values, body []byte) (*http.Response, error) {
	u := url.URL{Scheme: "http", Host: "supervisor", Path: path, RawQuery: query.Encode()}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make a request: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.explain(ctx, err)
	}
	switch resp.StatusCode {
	case http.StatusOK, http.StatusConflict, http.StatusUnprocessableEntity:
		return resp, nil
	}
	return nil, errors.Join(c.refusal(resp), resp.Body.Close())
}

// refusal reads why a request was refused.
func (c *Client) refusal(resp *http.Response) error {
	e := &Error{Status: resp.StatusCode}
	const most = 64 << 10
	data, err := io.ReadAll(io.LimitReader(resp.Body, most))
	if err != nil || json.Unmarshal(data, e) != nil || e.Detail == "" {
		return fmt.Errorf("%s answers %s: it is no supervisor of this version", c.path, resp.Status)
	}
	if e.Status == http.StatusForbidden {
		return fmt.Errorf("%w at %s: %w", ErrForbidden, c.path, e)
	}
	return e
}

func (c *Client) decode(ctx context.Context, resp *http.Response, v any) error {
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(v); err != nil {
		return c.explain(ctx, err)
	}
	return nil
}

// explain turns an error of the transport into a sentence.
func (c *Client) explain(ctx context.Context, err error) error {
	var op *net.OpError
	dialed := errors.As(err, &op) && op.Op == "dial"
	switch {
	case dialed && is(err, unix.ENOENT, unix.ECONNREFUSED, unix.ENOTSOCK, unix.ENOTDIR):
		return fmt.Errorf("%w on %s: is it running? %s", ErrNobody, c.path, c.Hint)
	case dialed && is(err, unix.EACCES, unix.EPERM):
		return fmt.Errorf("%w at %s: root and the user who started that supervisor may use it", ErrForbidden, c.path)
	case dialed && is(err, unix.EAGAIN):
		return fmt.Errorf("the supervisor on %s has too many connections waiting: try again", c.path)
	case errors.Is(err, context.DeadlineExceeded):
		return c.silent()
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case dialed:
		return fmt.Errorf("connect to %s: %w", c.path, op.Err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), is(err, unix.ECONNRESET, unix.EPIPE), strings.Contains(err.Error(), "server closed"):
		return fmt.Errorf("%w before %s had answered: `supervisor status` says what became of it", ErrBroken, c.path)
	}
	return fmt.Errorf("ask %s: %w", c.path, err)
}

func (c *Client) silent() error {
	return fmt.Errorf("the supervisor on %s does not answer: %w", c.path, posix.Errno(unix.ETIMEDOUT))
}

// IDBefore returns an ID that comes after those of all events before t, and before those from the next millisecond on: what
// to ask [Client.Events] for.
func IDBefore(t time.Time) string {
	ms := fmt.Sprintf("%012x", max(t.UnixMilli()-1, 0))
	return ms[:8] + "-" + ms[8:] + "-7fff-bfff-ffffffffffff"
}
