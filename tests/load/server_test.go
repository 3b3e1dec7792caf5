package load

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// scripted is a server that answers with bytes that a test gives it, so that every failure can be had.
type scripted struct {
	addr     string
	requests atomic.Int64
}

// serveScript answers the request number n (from 1) of all with what script returns; shut tells to close the connection afterwards, with
// a reset if it asks for one.
func serveScript(t *testing.T, script func(n int64, body []byte) (answer string, then ending)) *scripted {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &scripted{addr: l.Addr().String()}
	var group sync.WaitGroup
	var mu sync.Mutex // guards open
	open := map[net.Conn]bool{}
	group.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[c] = true
			mu.Unlock()
			group.Go(func() {
				s.talk(c, script)
				mu.Lock()
				delete(open, c)
				mu.Unlock()
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close() // a test may have closed it
		mu.Lock()
		for c := range open {
			_ = c.Close() // ends what still waits
		}
		mu.Unlock()
		group.Wait()
	})
	return s
}

type ending int

const (
	goOn ending = iota
	shut
	reset
	silent // no answer, nothing closed
)

func (s *scripted) talk(c net.Conn, script func(int64, []byte) (string, ending)) {
	defer c.Close()
	in := bufio.NewReader(c)
	for {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		answer, then := script(s.requests.Add(1), body)
		if _, err := io.WriteString(c, answer); err != nil {
			return
		}
		switch then {
		case shut:
			return
		case reset:
			_ = c.(*net.TCPConn).SetLinger(0) // the close below is a reset
			return
		case silent:
			_, _ = io.Copy(io.Discard, in) // until the client gives up
			return
		}
	}
}

// echoServer is a proper one, which echoes bodies and says its name.
func echoServer(t *testing.T, network, address, name string, keepAlive func() bool) (net.Listener, *http.Server) {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Instance", name)
		if !keepAlive() {
			w.Header().Set("Connection", "close")
		}
		body, err := io.ReadAll(r.Body)
		if err == nil {
			_, _ = w.Write(body) // the client may have gone
		}
	})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(l) // ends with the server
	}()
	t.Cleanup(func() {
		_ = s.Close() // a test may have closed it
		<-done
	})
	return l, s
}

func always() bool { return true }

func waitUntil(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long: %s", what)
		}
	}
}
