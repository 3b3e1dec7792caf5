// Command before is an echo server as one writes it with net, os and os/exec: it answers lines, keeps a journal of them, and keeps a helper running.
//
//	before -listen 127.0.0.1:7007 -journal /var/log/echo -helper /usr/lib/echo-helper
//
// docs/guide-testing.md takes it to package posix, and shows on the way what is wrong with it. It is as it is on purpose.
//
//posixvet:exempt what the guide begins with: a server before it was moved to posix.Core
package main

import (
	"bufio"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// server answers lines.
type server struct {
	listener net.Listener
	journal  *os.File
	helper   string        // path of the program to keep running; empty: none
	pause    time.Duration // between the end of the helper and its next start

	mu    sync.Mutex // guards conns
	conns map[net.Conn]bool

	wg sync.WaitGroup
}

// newServer opens what the server needs.
func newServer(address, journal, helper string) (*server, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(journal, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
	if err != nil {
		_ = l.Close()
		return nil, err
	}
	return &server{listener: l, journal: f, helper: helper, pause: time.Second, conns: map[net.Conn]bool{}}, nil
}

// serve answers until the listener is closed, and returns why.
func (s *server) serve() error {
	if s.helper != "" {
		go s.keepHelper()
	}
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		s.track(c, true)
		s.wg.Add(1)
		go func() {
			defer s.wg.Done()
			defer s.track(c, false)
			s.talk(c)
		}()
	}
}

// track remembers the connections that are open.
func (s *server) track(c net.Conn, open bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if open {
		s.conns[c] = true
		return
	}
	delete(s.conns, c)
}

// talk answers each line with the line.
func (s *server) talk(c net.Conn) {
	defer c.Close()
	in := bufio.NewScanner(c)
	for in.Scan() {
		line := in.Text()
		fmt.Fprintln(s.journal, line)
		if _, err := fmt.Fprintln(c, line); err != nil {
			return
		}
	}
}

// keepHelper runs the helper, again whenever it ends.
func (s *server) keepHelper() {
	for {
		cmd := exec.Command(s.helper)
		cmd.Stderr = os.Stderr
		err := cmd.Run()
		log.Printf("helper ended: %v", err)
		time.Sleep(s.pause)
	}
}

// close ends the server.
func (s *server) close() {
	_ = s.listener.Close()
	s.mu.Lock()
	for c := range s.conns {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
	_ = s.journal.Close()
}

func main() {
	address := flag.String("listen", "127.0.0.1:7007", "TCP address")
	journal := flag.String("journal", "echo.journal", "file that lines are appended to")
	helper := flag.String("helper", "", "program to keep running")
	flag.Parse()
	s, err := newServer(*address, *journal, *helper)
	if err != nil {
		log.Fatal(err)
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-signals
		s.close()
		os.Exit(0)
	}()
	log.Print("listening on ", s.listener.Addr())
	if err := s.serve(); err != nil {
		log.Fatal(err)
	}
}
