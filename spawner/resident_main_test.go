package spawner

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/posix/restrict"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/program"
	"github.com/bulkhead/bulkhead/spawner/compile"
	"github.com/bulkhead/bulkhead/spawner/launch"
	"github.com/bulkhead/bulkhead/spawner/wire"
	"github.com/bulkhead/bulkhead/tests/leak"
)

// soon is how long tests wait for what must happen.
const soon = 20 * time.Second

// resident is a spawner under test, on a thread of its own. Its managers are played by the test; each has a real process, which can be killed.
type resident struct {
	*Resident
	t       *testing.T
	dir     string
	signals chan os.Signal
	lives   chan *fakeManager
	ended   chan struct{}
	echo    time.Duration // as the spawner has it
	status  int
	err     error

	mu    sync.Mutex // guards what follows
	log   bytes.Buffer
	lines []string
	plan  wire.Plan // what compiling gives
	read  error     // what reading gives
}

// Write implements [io.Writer] for the log.
func (s *resident) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(p)
}

func (s *resident) logged() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// WriteLine implements [LineWriter].
func (s *resident) WriteLine(module string, instance int, stream Stream, line []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, fmt.Sprintf("%s[%d]%d %s", module, instance, stream, line))
	return nil
}

func (s *resident) compiles(p wire.Plan) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plan = p
}

// done is a compilation that has ended.
type done struct{ plan wire.Plan }

func (d done) Finish() (wire.Plan, compile.Record, error) { return d.plan, compile.Record{}, nil }

// newResidentTest gets a spawner ready to run. alter may change it before.
func newResidentTest(t *testing.T, plan wire.Plan, alter func(*resident)) *resident {
	t.Helper()
	leak.Check(t)
	s := &resident{t: t, dir: t.TempDir(), signals: make(chan os.Signal, 8), lives: make(chan *fakeManager, 64), ended: make(chan struct{}), plan: plan}
	if err := os.Chmod(s.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	facts, err := host.Probe(linux.New())
	if err != nil {
		t.Fatal(err)
	}
	var kernel Kernel = restrict.New(linux.New(), Operations())
	s.Resident = NewResident(Config{
		Host: &Host{Kernel: kernel}, Facts: facts, Plan: plan, Files: []string{"web.yaml"}, Manager: shell("manager", "exec sleep 1000"),
		Options: wire.Options{Version: "test", Control: filepath.Join(s.dir, "run", "control.sock"), Owner: uint32(os.Geteuid())},
		Runtime: filepath.Join(s.dir, "run", "private"), Output: s, Signals: s.signals,
		Log: slog.New(slog.NewTextHandler(s, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Read: func() ([]compile.Source, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			return []compile.Source{{Name: "web.yaml", Dir: "/", Text: []byte("version: 1\nlisteners:\n  web: {address: x}\n")}}, s.read
		},
	})
	s.stop.echo = 50 * time.Millisecond // almost every test ends with a second request
	s.startManager = s.fakeManager
	s.beginCompile = func(_ compile.Request, ended func()) (compilation, error) {
		go ended()
		s.mu.Lock()
		defer s.mu.Unlock()
		return done{s.plan}, nil
	}
	if alter != nil {
		alter(s)
	}
	return s
}

// run starts it.
func (s *resident) run() *resident {
	s.echo = s.stop.echo
	go func() {
		defer close(s.ended)
		runtime.LockOSThread() // its children are this thread's; it ends with this goroutine
		var l *launch.Launcher
		if l, s.err = launch.New(s.kernel, launch.Options{}); s.err != nil {
			return
		}
		s.Host.Launcher = l
		s.status, s.err = s.Run()
		s.err = errors.Join(s.err, s.Host.Close(), l.Close())
	}()
	s.t.Cleanup(func() {
		select {
		case <-s.ended:
		case <-time.After(20 * time.Millisecond):
			s.signals <- unix.SIGTERM
			time.AfterFunc(s.echo+30*time.Millisecond, func() { s.signals <- unix.SIGTERM })
			s.wait()
		}
		for {
			select {
			case m := <-s.lives:
				m.close()
				continue
			default:
			}
			break
		}
		if left, _ := filepath.Glob(filepath.Join(s.dir, "*")); len(left) > 0 {
			s.t.Errorf("left behind: %q", left)
		}
		if s.t.Failed() {
			s.t.Logf("the log:\n%s", s.logged())
		}
	})
	return s
}

// wait waits for the end and returns how it was.
func (s *resident) wait() (int, error) {
	s.t.Helper()
	select {
	case <-s.ended:
	case <-time.After(soon):
		panic(s.t.Name() + " hangs; the log:\n" + s.logged())
	}
	return s.status, s.err
}

// manager returns the next life of the manager, which has been greeted.
func (s *resident) manager() *fakeManager {
	s.t.Helper()
	select {
	case m := <-s.lives:
		s.t.Cleanup(m.close)
		m.listen()
		return m
	case <-s.ended:
		s.t.Fatalf("it ended: status %d, %v\n%s", s.status, s.err, s.logged())
	case <-time.After(soon):
		s.t.Fatalf("no manager was started; the log:\n%s", s.logged())
	}
	return nil
}

// fakeManager launches a process that does nothing, and hands the channel to the test. It runs on the spawner's thread.
func (s *resident) fakeManager(channel posix.FD) (*Instance, error) {
	k := linux.New()
	null, err := k.Openat2(posix.AtFDCWD, "/dev/null", posix.OpenHow{Flags: unix.O_RDWR | unix.O_CLOEXEC})
	if err != nil {
		return nil, err
	}
	defer func() { _ = k.Close(null) }()
	i, err := s.Host.Start(&s.Manager, "0", [3]posix.FD{null, null, null}, nil)
	if err != nil {
		return nil, err
	}
	fd, err := k.Fcntl(channel, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return i, err
	}
	s.lives <- &fakeManager{t: s.t, kernel: k, fd: posix.FD(fd), pid: int(i.PID), replies: map[uint64]chan answered{}, attached: map[wire.InstanceID][]posix.FD{},
		exits: make(chan wire.ExitedEvent, 64), wishes: make(chan wire.Wish, 64), notices: make(chan wire.Notice, 64), closed: make(chan struct{})}
	return i, nil
}

// planOf is a plan of modules.
func planOf(modules ...wire.Module) wire.Plan { return wire.Plan{Modules: modules} }

// listening adds TCP listeners on ports of the kernel's choice to a plan.
func listening(p wire.Plan, listeners ...policy.Listener) wire.Plan {
	p.Listeners = listeners
	return p
}

// quiet is a module that waits for SIGTERM without a child.
func quiet(t *testing.T, name string) wire.Module {
	t.Helper()
	fifo := t.TempDir() + "/fifo"
	if err := unix.Mkfifo(fifo, 0o666); err != nil {
		t.Fatal(err)
	}
	return shell(name, "trap 'echo bye; exit 0' TERM; echo ready; exec 9<>"+fifo+"; read x <&9")
}

// shellThatIsNotThere is a program whose executable does not exist.
func shellThatIsNotThere() *program.Program {
	b := program.NewBuilder("bad", "web.yaml")
	execute(b, "/nowhere", "x")
	return &b.Program
}

func needNamespaces(t *testing.T) {
	t.Helper()
	f, err := host.Probe(linux.New())
	if err != nil {
		t.Fatal(err)
	}
	if !f.Capabilities.Has(unix.CAP_SYS_ADMIN) {
		t.Skipf("pid namespaces need CAP_SYS_ADMIN; this process has the capabilities %#x", f.Capabilities.Effective)
	}
}

// deafModule does not listen to SIGTERM.
func deafModule(t *testing.T, name string, grace time.Duration) wire.Module {
	t.Helper()
	// It reads from a FIFO that nobody writes to: a shell without children, asleep until it is killed.
	fifo := t.TempDir() + "/fifo"
	if err := unix.Mkfifo(fifo, 0o666); err != nil {
		t.Fatal(err)
	}
	m := shell(name, "trap '' TERM; echo ready; exec 9<>"+fifo+"; read x <&9")
	m.StopGracePeriod = grace
	return m
}
