package notify

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/poll"
	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/spawner/wire"
	"github.com/bulkhead/bulkhead/tests/leak"
	"github.com/bulkhead/bulkhead/tests/linger"
)

type refusal struct {
	why string
	n   int
}

// stage is a receiver with one socket, and who sends to it.
type stage struct {
	t       *testing.T
	kernel  posix.Core
	r       *Receiver
	path    string
	from    posix.FD
	got     chan Message
	from7   chan bool
	refused chan refusal
	loop    *poll.Loop
	done    chan error
}

// start is for tests of what only Linux does.
func start(t *testing.T) *stage {
	return startOn(t, linux.New(), t.TempDir(), posix.PID(os.Getpid()), true)
}

// startOn is a stage in a process, whose sockets are in dir. pid is that of the main process.
func startOn(t *testing.T, k posix.Core, dir string, pid posix.PID, passcred bool) *stage {
	t.Helper()
	before := leak.Take()
	s := &stage{t: t, kernel: k, path: filepath.Join(dir, "notify"),
		got: make(chan Message, 10_000), from7: make(chan bool, 100), refused: make(chan refusal, 10_000), done: make(chan error, 1)}
	var err error
	if s.loop, err = poll.New(s.kernel); err != nil {
		t.Fatal(err)
	}
	s.r = New(s.loop, s.kernel, Options{
		Notified: func(id wire.InstanceID, m Message) {
			if id != 7 {
				t.Errorf("instance %d", id)
			}
			s.got <- m
		},
		Refused: func(_ wire.InstanceID, why string, n int) { s.refused <- refusal{why, n} },
	})
	fd, err := s.kernel.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	if passcred {
		if err := s.kernel.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSCRED, 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.kernel.Bind(fd, posix.Sockaddr{Family: unix.AF_UNIX, Path: s.path}); err != nil {
		t.Fatal(err)
	}
	if s.from, err = s.kernel.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
		t.Fatal(err)
	}
	go func() { s.done <- s.loop.Run() }()
	s.r.Add(7, pid, fd)
	t.Cleanup(func() {
		s.r.Close()
		s.r.Remove(7)
		s.loop.Stop()
		if err := <-s.done; err != nil {
			t.Error(err)
		}
		_ = s.kernel.Close(s.from)
		if left := before.Left(); left != "" {
			t.Error(left)
		}
	})
	return s
}

func (s *stage) send(text string, fds ...posix.FD) {
	s.t.Helper()
	_, err := s.kernel.Sendmsg(s.from, &posix.Msg{Data: []byte(text), Control: posix.Rights(fds...), Addr: posix.Sockaddr{Family: unix.AF_UNIX, Path: s.path}}, 0)
	if err != nil {
		s.t.Fatal(err)
	}
}

func wait[T any](t *testing.T, ch chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(10 * time.Second):
		t.Fatal("nothing has come")
		panic("not reached")
	}
}

// inMemory runs a test in a process of an in-memory kernel, in virtual time.
func inMemory(t *testing.T, test func(t *testing.T, p *kernel.Process)) {
	synctest.Test(t, func(t *testing.T) {
		k := kernel.New(kernel.Config{GoTime: true})
		t.Cleanup(func() {
			if err := k.Close(); err != nil {
				t.Error(err)
			}
		})
		test(t, k.Init())
	})
}

func TestReceive(t *testing.T) {
	inMemory(t, func(t *testing.T, p *kernel.Process) {
		s := startOn(t, p, "/run", p.Getpid(), true)
		s.send("READY=1\nSTATUS=here")
		if m := wait(t, s.got); !m.Ready || m.Status == nil || *m.Status != "here" {
			t.Errorf("%+v", m)
		}
		s.send("WATCHDOG=1")
		if m := wait(t, s.got); !m.Watchdog || m.Ready {
			t.Errorf("%+v", m)
		}
	})
}

func TestDescriptorsAreNotTaken(t *testing.T) {
	s := start(t)
	s.send("READY=1")
	wait(t, s.got)
	before := leak.Take()
	for range 20 {
		s.send("FDSTORE=1\nFDNAME=x", s.from, s.from, s.from)
		wait(t, s.got)
	}
	if left := before.Left(); left != "" {
		t.Error(left)
	}
}

// TestDescriptorsThatCannotBeClosed: a module that sends some waits for itself, and for nobody else; and its socket can be closed with them in it.
func TestDescriptorsThatCannotBeClosed(t *testing.T) {
	s := start(t)
	other := filepath.Join(t.TempDir(), "notify")
	fd, err := s.kernel.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.kernel.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSCRED, 1),
		s.kernel.Bind(fd, posix.Sockaddr{Family: unix.AF_UNIX, Path: other}),
		s.kernel.Connect(s.from, posix.Sockaddr{Family: unix.AF_UNIX, Path: other})); err != nil {
		t.Fatal(err)
	}
	s.r.o.Notified = func(id wire.InstanceID, m Message) { s.got <- m; s.from7 <- id == 7 }
	linger.Leave(t, s.from, []byte("STATUS=first"))
	linger.Leave(t, s.from, []byte("STATUS=second"))
	linger.Quick(t, func() {
		s.r.Add(8, posix.PID(os.Getpid()), fd)
		if m := wait(t, s.got); m.Status == nil || *m.Status != "first" || <-s.from7 {
			t.Errorf("%+v", m)
		}
		s.send("READY=1")
		if m := wait(t, s.got); !m.Ready || !<-s.from7 {
			t.Errorf("%+v", m)
		}
		s.r.Remove(8)
		s.send("READY=1")
		if m := wait(t, s.got); !m.Ready || !<-s.from7 {
			t.Errorf("%+v", m)
		}
	})
}

func TestRefused(t *testing.T) {
	tests := []struct {
		name     string
		pid      posix.PID
		passcred bool
		text     string
		want     string
		notified bool
	}{
		{"somebody else", 2, true, "READY=1", "by process " + "1 of user 0", false},
		{"a socket that does not tell", 1, false, "READY=1", "nobody knows", false},
		{"malformed", 1, true, "READY", "malformed", false},
		{"too long", 1, true, strings.Repeat("X=1\n", 1024) + "\n", "longer than 4096", false},
		{"much too long", 1, true, "READY=1\n" + strings.Repeat("X=1\n", 10_000), "longer than 4096", false},
		{"another main process", 1, true, "MAINPID=1\nREADY=1", "MAINPID", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inMemory(t, func(t *testing.T, p *kernel.Process) {
				s := startOn(t, p, "/run", test.pid, test.passcred)
				s.send(test.text)
				if r := wait(t, s.refused); !strings.Contains(r.why, test.want) || r.n != 1 {
					t.Errorf("%+v", r)
				}
				if test.notified {
					wait(t, s.got)
				}
				if len(s.got) != 0 {
					t.Errorf("it was taken: %+v", <-s.got)
				}
				// It is not reported again at once.
				for range 5 {
					s.send(test.text)
				}
				s.send("STATUS=end")
				if test.want == "malformed" || test.notified {
					for m := wait(t, s.got); m.Status == nil; m = wait(t, s.got) {
					}
					if len(s.refused) != 0 {
						t.Errorf("reported again: %+v", <-s.refused)
					}
				}
			})
		})
	}
}

// A child of the main process is somebody else.
func TestChildIsRefused(t *testing.T) {
	inMemory(t, func(t *testing.T, p *kernel.Process) {
		child, err := p.Child()
		if err != nil {
			t.Fatal(err)
		}
		s := startOn(t, p, "/run", p.Getpid(), true)
		from, err := child.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, err = child.Sendmsg(from, &posix.Msg{Data: []byte("READY=1"), Addr: posix.Sockaddr{Family: unix.AF_UNIX, Path: s.path}}, 0)
		if err := errors.Join(err, child.Setresuid(posix.Uids{Real: 7, Effective: 7, Saved: 7})); err != nil {
			t.Fatal(err)
		}
		_, err = child.Sendmsg(from, &posix.Msg{Data: []byte("READY=1"), Addr: posix.Sockaddr{Family: unix.AF_UNIX, Path: s.path}}, 0)
		if !errors.Is(err, posix.Errno(unix.EACCES)) {
			t.Errorf("another user may write to the socket: %v", err)
		}
		if err := child.Close(from); err != nil {
			t.Fatal(err)
		}
		if r := wait(t, s.refused); !strings.Contains(r.why, fmt.Sprintf("by process %d of user 0", child.Getpid())) {
			t.Errorf("%+v", r)
		}
		if len(s.got) != 0 {
			t.Error("it was taken")
		}
	})
}

// Who sends more than is read waits, and loses nothing.
func TestFlood(t *testing.T) {
	inMemory(t, func(t *testing.T, p *kernel.Process) {
		s := startOn(t, p, "/run", p.Getpid(), true)
		const n = 2*perSecond + 10
		began := time.Now()
		for i := range n {
			s.send(fmt.Sprintf("ERRNO=%d", i+1))
		}
		for i := range n {
			if m := wait(t, s.got); m.Errno != i+1 {
				t.Fatalf("%d has come as number %d", m.Errno, i+1)
			}
		}
		if d := time.Since(began); d != 2*time.Second {
			t.Errorf("%d datagrams were read in %s", n, d)
		}
		if len(s.refused) != 0 {
			t.Errorf("%+v", <-s.refused)
		}
	})
}
