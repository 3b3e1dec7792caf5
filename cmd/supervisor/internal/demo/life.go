package demo

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/bulkhead/bulkhead/core/api"
)

// life asks the supervisor about this instance: its restarts, its generation, the events of its place.
type life struct {
	mu   sync.Mutex
	conn net.Conn
	in   *bufio.Reader
	torn bool // an answer may still be on its way, or a part of one
}

const (
	lifePatience = time.Second
	maxLife      = 256 << 10
	// quiet is how long nothing must arrive for what was left of a torn answer to be all read.
	quiet = 50 * time.Millisecond
)

func newLife(conn net.Conn) *life { return &life{conn: conn, in: bufio.NewReader(conn)} }

// ask returns what the supervisor says. The process that answers may end and be started again at any moment: then this
// question goes without an answer, and the next one gets one.
func (l *life) ask() (self api.Self, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.torn {
		if err := l.skip(); err != nil {
			return self, err
		}
	}
	l.torn = true
	if err := l.conn.SetDeadline(time.Now().Add(lifePatience)); err != nil {
		return self, err
	}
	if _, err := io.WriteString(l.conn, "GET /v1/self HTTP/1.1\r\nHost: supervisor\r\n\r\n"); err != nil {
		return self, fmt.Errorf("ask the supervisor: %w", err)
	}
	resp, err := http.ReadResponse(l.in, nil)
	if err != nil {
		return self, fmt.Errorf("read the supervisor's answer: %w", err)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxLife+1))
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return self, fmt.Errorf("read the supervisor's answer: %w", err)
	}
	if len(body) > maxLife {
		return self, fmt.Errorf("the supervisor's answer has more than %d bytes", maxLife)
	}
	l.torn = false
	if resp.StatusCode != http.StatusOK {
		return self, fmt.Errorf("the supervisor answers %s", resp.Status)
	}
	if err := json.Unmarshal(body, &self); err != nil {
		return self, fmt.Errorf("decode the supervisor's answer: %w", err)
	}
	return self, nil
}

// skip reads what is left of an answer that was given up.
func (l *life) skip() error {
	l.in.Reset(l.conn)
	buf := make([]byte, 4096)
	for end := time.Now().Add(lifePatience); time.Now().Before(end); {
		if err := l.conn.SetDeadline(time.Now().Add(quiet)); err != nil {
			return err
		}
		_, err := l.conn.Read(buf)
		var late net.Error
		if errors.As(err, &late) && late.Timeout() {
			l.torn = false
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the supervisor's answer: %w", err)
		}
	}
	return errors.New("the supervisor does not stop to answer")
}
