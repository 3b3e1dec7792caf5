package load

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// leastBody is room for the worker's and the request's number.
const leastBody = 32

// worker has one connection at a time and asks on it.
type worker struct {
	o      Options
	number int
	asked  int64
	result *Result

	conn net.Conn // nil when there is none
	in   *bufio.Reader
	out  *bufio.Writer
	body []byte // of the request
	read []byte // of the answer
}

func newWorker(o Options, number int) *worker {
	return &worker{o: o, number: number, result: newResult(), in: bufio.NewReader(nil), out: bufio.NewWriter(nil),
		body: bytes.Repeat([]byte{'.'}, o.BodySize), read: make([]byte, o.BodySize)}
}

// ask makes one request, and counts it.
func (w *worker) ask() bool {
	w.asked++
	w.result.Requests++
	start := time.Now()
	who, f := w.once(start.Add(w.o.Timeout))
	if f != nil {
		w.hangUp()
		w.result.fail(f)
		if w.o.Failed != nil {
			w.o.Failed(f.kind)
		}
		return false
	}
	w.result.latency.add(time.Since(start))
	w.result.Answered++
	w.result.By[who]++
	if w.o.Answered != nil {
		w.o.Answered(who)
	}
	return true
}

// once makes one request, and returns who answered.
func (w *worker) once(deadline time.Time) (string, *failure) {
	if w.conn == nil {
		dialer := net.Dialer{Deadline: deadline}
		conn, err := dialer.Dial(w.o.Network, w.o.Address)
		if err != nil {
			return "", &failure{classify(err, false), err}
		}
		w.conn = conn
		w.result.Connections++
		w.in.Reset(conn)
		w.out.Reset(conn)
	}
	if err := w.conn.SetDeadline(deadline); err != nil {
		return "", &failure{classify(err, false), err}
	}
	req := w.request()
	err := req.Write(w.out)
	if err == nil {
		err = w.out.Flush()
	}
	if err != nil {
		return "", &failure{classify(err, false), fmt.Errorf("send a request: %w", err)}
	}
	// So that one that was closed between two requests and one that was closed within an answer are told apart.
	if _, err := w.in.Peek(1); err != nil {
		return "", &failure{classify(err, false), fmt.Errorf("wait for the answer: %w", err)}
	}
	resp, err := http.ReadResponse(w.in, req)
	if err != nil {
		kind := classify(err, true)
		if kind == Other {
			kind = Malformed
		}
		return "", &failure{kind, fmt.Errorf("read the head of the answer: %w", err)}
	}
	if f := w.check(resp); f != nil {
		return "", f
	}
	if !w.o.KeepAlive || resp.Close {
		w.hangUp()
	}
	return resp.Header.Get(w.o.Who), nil
}

func (w *worker) request() *http.Request {
	req := &http.Request{
		Method: w.o.Method, URL: &url.URL{Scheme: "http", Host: "load", Opaque: w.o.Path}, Host: "load",
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"User-Agent": {"load"}}, Close: !w.o.KeepAlive,
	}
	if w.o.BodySize > 0 {
		copy(w.body, fmt.Sprintf("%012d %018d ", w.number, w.asked))
		req.Body = io.NopCloser(bytes.NewReader(w.body))
		req.ContentLength = int64(len(w.body))
	}
	return req
}

// check reads the answer to its end.
func (w *worker) check(resp *http.Response) *failure {
	defer func() { _ = resp.Body.Close() }() // it has been read to its end, or the connection is given up
	if resp.StatusCode != http.StatusOK {
		return &failure{Status, errors.New(resp.Status)}
	}
	if !w.o.EchoBody {
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return bodyFailure(err)
		}
		return nil
	}
	n, err := io.ReadFull(resp.Body, w.read)
	switch {
	case errors.Is(err, io.EOF) && resp.ContentLength == 0, errors.Is(err, io.ErrUnexpectedEOF) && resp.ContentLength == int64(n):
		return &failure{Body, fmt.Errorf("%d bytes came back of %d", n, len(w.body))}
	case err != nil:
		return bodyFailure(err)
	case !bytes.Equal(w.read, w.body):
		return &failure{Body, fmt.Errorf("%.40q came back for %.40q", w.read, w.body)}
	}
	switch more, err := io.Copy(io.Discard, resp.Body); {
	case err != nil:
		return bodyFailure(err)
	case more > 0:
		return &failure{Body, fmt.Errorf("%d bytes came back of %d", int64(n)+more, len(w.body))}
	}
	return nil
}

func bodyFailure(err error) *failure {
	return &failure{classify(err, true), fmt.Errorf("read the body of the answer: %w", err)}
}

func (w *worker) hangUp() {
	if w.conn != nil {
		_ = w.conn.Close() // nothing is to be lost on it
		w.conn = nil
	}
}
