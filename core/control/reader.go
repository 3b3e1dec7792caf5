package control

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxPiece is the greatest event or line, in bytes.
const maxPiece = 1 << 20

// Reader reads the events or lines of a response, one after the other. It is not safe for concurrent use, except Close.
type Reader[T any] struct {
	c      *Client
	body   io.ReadCloser
	cancel context.CancelFunc
	lines  *bufio.Scanner
	sse    bool
}

func newReader[T any](c *Client, body io.ReadCloser, cancel context.CancelFunc, sse bool) *Reader[T] {
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, maxPiece)
	return &Reader[T]{c: c, body: body, cancel: cancel, lines: lines, sse: sse}
}

// Next returns the next one. The error is io.EOF at the end: of what is remembered, or of a stream that the supervisor ended;
// otherwise it says that the connection broke.
func (r *Reader[T]) Next() (T, error) {
	var v T
	for r.lines.Scan() {
		line := r.lines.Bytes()
		if r.sse {
			// Only the data counts: each piece is one line, and the ID is in it.
			var ok bool
			if line, ok = bytes.CutPrefix(line, []byte("data:")); !ok {
				continue
			}
		}
		if err := json.Unmarshal(line, &v); err != nil {
			return v, fmt.Errorf("decode what %s sends: %w", r.c.path, err)
		}
		return v, nil
	}
	switch err := r.lines.Err(); {
	case err == nil:
		return v, io.EOF
	case errors.Is(err, bufio.ErrTooLong):
		return v, fmt.Errorf("%s sends a line of more than %d bytes", r.c.path, maxPiece)
	case errors.Is(err, context.Canceled):
		return v, io.EOF
	default:
		return v, fmt.Errorf("%w: %s sends no more", ErrBroken, r.c.path)
	}
}

// Close ends the request. A Next that waits returns io.EOF.
func (r *Reader[T]) Close() error {
	r.cancel()
	return r.body.Close()
}
