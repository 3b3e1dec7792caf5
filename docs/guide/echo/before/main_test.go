package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
)

// What can be tested of it without root, a full disk and patience.
func TestEcho(t *testing.T) {
	journal := filepath.Join(t.TempDir(), "journal")
	s, err := newServer("127.0.0.1:0", journal, "")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.serve() }()
	c, err := net.Dial("tcp", s.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintln(c, "hello"); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(c).ReadString('\n'); line != "hello\n" || err != nil {
		t.Errorf("answered %q, %v", line, err)
	}
	s.close()
	if err := <-done; err == nil {
		t.Error("serve returned nil after close")
	}
	_ = c.Close()
	if got, err := os.ReadFile(journal); string(got) != "hello\n" || err != nil {
		t.Errorf("journal %q, %v", got, err)
	}
}

// What the guide mends: each is what happens, not what should.
func TestWhatIsWrong(t *testing.T) {
	core := linux.New()
	dir := t.TempDir()
	open := func(journal string) (*server, chan error, net.Conn) {
		s, err := newServer("127.0.0.1:0", journal, "")
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- s.serve() }()
		c, err := net.Dial("tcp", s.listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return s, done, c
	}
	t.Run("too many open files end the server", func(t *testing.T) {
		s, done, _ := open(filepath.Join(dir, "journal"))
		defer s.close()
		late, err := core.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = core.Close(late) }()
		for s.open() == 0 { // the first connection has not been taken yet
			runtime.Gosched()
		}
		free, err := core.Fcntl(late, unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		_ = core.Close(posix.FD(free))
		var old posix.Rlimit
		if err := core.Prlimit(0, unix.RLIMIT_NOFILE, nil, &old); err != nil {
			t.Fatal(err)
		}
		if err := core.Prlimit(0, unix.RLIMIT_NOFILE, &posix.Rlimit{Soft: uint64(free), Hard: old.Hard}, nil); err != nil {
			t.Fatal(err)
		}
		at := s.listener.Addr().(*net.TCPAddr).AddrPort()
		err = core.Connect(late, posix.Sockaddr{Family: unix.AF_INET, Addr: at})
		ended := <-done
		if err := core.Prlimit(0, unix.RLIMIT_NOFILE, &old, nil); err != nil {
			t.Fatal(err)
		}
		if err != nil || !errors.Is(ended, unix.EMFILE) {
			t.Errorf("connect: %v; the server ended with %v, want EMFILE", err, ended)
		}
	})
	t.Run("a disk that is full, and nobody is told", func(t *testing.T) {
		s, _, c := open("/dev/full") // takes no byte, and says ENOSPC
		defer s.close()
		if _, err := fmt.Fprintln(c, "hello"); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(c).ReadString('\n'); line != "hello\n" || err != nil {
			t.Errorf("answered %q, %v; want the line, as if it had been kept", line, err)
		}
	})
}

// open returns how many connections are open.
func (s *server) open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}
