package machine

import (
	"runtime/debug"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox/seccomp/libseccomp"
	"github.com/bulkhead/bulkhead/spawner/compile"
	"github.com/bulkhead/bulkhead/spawner/launch/pidinit"
)

// supervisorPath is where the supervisor's program is.
const supervisorPath = "/usr/sbin/supervisor"

// Machine is an in-memory kernel with what a host has. It ends with the test.
type Machine struct {
	*kernel.Kernel
	t    testing.TB
	runs chan *kernel.Process // supervisors, when they have been executed
	end  chan struct{}
	once sync.Once
}

// New boots a machine. Calls may come from many goroutines: config.Concurrent is set.
func New(t testing.TB, config kernel.Config) *Machine {
	t.Helper()
	config.Concurrent = true
	m := &Machine{Kernel: kernel.New(config), t: t, runs: make(chan *kernel.Process), end: make(chan struct{})}
	t.Cleanup(m.Close)
	m.Recognize(pidinit.Executable, kernel.Reaper)
	root := m.Init()
	for _, name := range []string{"bin", "lib", "lib64", "sbin"} {
		m.Must(m.Mkdir("/usr/"+name, 0o755))
		m.Must(m.Mkdir("/"+name, 0o755))
		m.Must(root.Unlinkat(posix.AtFDCWD, "/"+name, unix.AT_REMOVEDIR))
		m.Must(m.Symlink("usr/"+name, "/"+name))
	}
	m.Program(supervisorPath, m.supervise)
	return m
}

// Must ends the test when something that sets it up cannot be done.
func (m *Machine) Must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

// Close ends everything that runs on the machine. It does nothing the second time.
func (m *Machine) Close() {
	m.once.Do(func() {
		close(m.end)
		if err := m.Kernel.Close(); err != nil {
			m.t.Error(err)
		}
	})
}

// Program installs a program at path. To who looks at the file it is a static executable.
func (m *Machine) Program(path string, main kernel.Main) {
	m.t.Helper()
	contents := append(elfHeader(), path...)
	m.Recognize(contents, main)
	m.Must(m.WriteFile(path, contents, 0o755))
}

// elfHeader is that of a static executable without segments. Source: elf(5).
func elfHeader() []byte {
	head := make([]byte, 64)
	copy(head, "\x7fELF\x02\x01\x01")
	head[16], head[18], head[20] = 2, 62, 1   // ET_EXEC, EM_X86_64, EV_CURRENT
	head[52], head[54], head[58] = 64, 56, 64 // sizes of the header, of a segment's and of a section's
	return head
}

// Supervisor executes the supervisor's program as a child of process 1, and returns the process, which the test drives: it ends with the machine.
func (m *Machine) Supervisor() *kernel.Process {
	m.t.Helper()
	_, err := m.Init().Fork(func(child *kernel.Process) {
		if err := child.Execve(supervisorPath, []string{"supervisor"}, nil); err != nil {
			panic(err)
		}
	})
	m.Must(err)
	return <-m.runs
}

// supervise is the supervisor's program: the compile process, or one that the test drives.
func (m *Machine) supervise(p *kernel.Process, argv, _ []string) int {
	// As the runtime of Go does, so that a write to a pipe that nobody reads is EPIPE. Source: os/signal.
	if err := p.Sigaction(unix.SIGPIPE, kernel.Action{Handler: func(posix.SignalInfo) {}, Restart: true}); err != nil {
		return 1
	}
	if len(argv) < 2 || argv[1] != compile.Role {
		select {
		case m.runs <- p:
			<-m.end
		case <-m.end:
		}
		return 0
	}
	// Serve sets them for a process that soon ends.
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(-1))
	if err := compile.Serve(&compiler{p, linux.New()}, libseccomp.Chooser(&compiler{p, linux.New()})); err != nil {
		return 1
	}
	return 0
}
