package spawner

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/posix/restrict"
	"github.com/bulkhead/bulkhead/sandbox/program"
	"github.com/bulkhead/bulkhead/spawner/launch"
	"github.com/bulkhead/bulkhead/spawner/wire"
	"github.com/bulkhead/bulkhead/tests/leak"
)

// TestMain fails the run when a test leaves something behind.
func TestMain(m *testing.M) { os.Exit(leak.Main(m)) }

// hostOf returns a Host without control groups, on this test's thread. It may do what the spawner may do.
func hostOf(t testing.TB, k Kernel) *Host {
	t.Helper()
	if core, ok := k.(posix.Core); ok {
		k = restrict.New(core, Operations())
	}
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	l, err := launch.New(k, launch.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return &Host{Kernel: k, Launcher: l}
}

// shell is a module that runs a script in a shell of the host, with nothing taken from it.
func shell(name, script string) wire.Module {
	b := program.NewBuilder(name, "web.yaml")
	b.Call(program.Origin{}, "close_range", unix.SYS_CLOSE_RANGE, program.Int(3), program.Const(uint64(^uint32(0)), "~0U"),
		program.Const(unix.CLOSE_RANGE_CLOEXEC, "CLOSE_RANGE_CLOEXEC"))
	for fd := range 3 {
		from := b.Add(program.Prepare{Kind: program.Stdio, From: fd})
		b.Call(program.Origin{}, "dup3", unix.SYS_DUP3, program.FD(from, "stdio"), program.Int(fd), program.Int(0))
	}
	b.Call(program.Origin{}, "rt_sigprocmask", unix.SYS_RT_SIGPROCMASK, program.Const(unix.SIG_SETMASK, "SIG_SETMASK"),
		program.At(b.Words(0), "[]"), program.Null(), program.Int(8))
	execute(b, "/bin/sh", "sh", "-c", script)
	return wire.Module{Name: name, Replicas: 1, StopSignal: int(unix.SIGTERM), StopGracePeriod: 10 * time.Second, Program: &b.Program}
}

// execute adds the last step.
func execute(b *program.Builder, path string, argv ...string) {
	at := make([]uint32, len(argv))
	for i, a := range argv {
		at[i] = uint32(b.String(a).Arg.Value)
	}
	b.Call(program.Origin{Line: 3, Col: 15}, "execveat", unix.SYS_EXECVEAT, program.Const(^uint64(99), "AT_FDCWD"), b.String(path),
		program.At(b.Pointers(at...), "["+strings.Join(argv, " ")+"]"), program.At(b.Pointers(), "[]"), program.Int(0))
}

// withInit gives a module a pid namespace. A process in it ends with everything that it started.
func withInit(m wire.Module) wire.Module {
	b := program.NewBuilder(m.Name, "web.yaml")
	init := b.Add(program.Prepare{Kind: program.InitProgram})
	b.Call(program.Origin{}, "close_range", unix.SYS_CLOSE_RANGE, program.Int(0), program.Const(uint64(^uint32(0)), "~0U"),
		program.Const(unix.CLOSE_RANGE_CLOEXEC, "CLOSE_RANGE_CLOEXEC"))
	b.Call(program.Origin{}, "execveat", unix.SYS_EXECVEAT, program.FD(init, "init"), b.String(""),
		program.At(b.Pointers(uint32(b.String("init").Arg.Value)), "[init]"), program.At(b.Pointers(), "[]"), program.Const(unix.AT_EMPTY_PATH, "AT_EMPTY_PATH"))
	m.Init = &b.Program
	return m
}

// faultyKernel is the kernel, but for one kind of call that fails from the nth on.
type faultyKernel struct {
	posix.Core
	op    string
	after int
	errno posix.Errno
}

func newFaulty(op string, after int, errno posix.Errno) *faultyKernel {
	return &faultyKernel{Core: linux.New(), op: op, after: after, errno: errno}
}

func (k *faultyKernel) fails(op string) bool {
	if op != k.op {
		return false
	}
	k.after--
	return k.after < 0
}

func (k *faultyKernel) EpollCreate1(flags int) (posix.FD, error) {
	if k.fails("EpollCreate1") {
		return -1, k.errno
	}
	return k.Core.EpollCreate1(flags)
}

func (k *faultyKernel) Eventfd2(initial uint32, flags int) (posix.FD, error) {
	if k.fails("Eventfd2") {
		return -1, k.errno
	}
	return k.Core.Eventfd2(initial, flags)
}

func (k *faultyKernel) EpollCtl(epfd posix.FD, op int, fd posix.FD, event *posix.EpollEvent) error {
	if op == unix.EPOLL_CTL_ADD && k.fails("EpollCtl") {
		return k.errno
	}
	return k.Core.EpollCtl(epfd, op, fd, event)
}

func (k *faultyKernel) EpollWait(epfd posix.FD, events []posix.EpollEvent, timeout int) (int, error) {
	if k.fails("EpollWait") {
		return -1, k.errno
	}
	return k.Core.EpollWait(epfd, events, timeout)
}

func (k *faultyKernel) Openat2(dir posix.FD, path string, how posix.OpenHow) (posix.FD, error) {
	if k.fails("Openat2") {
		return -1, k.errno
	}
	return k.Core.Openat2(dir, path, how)
}

func (k *faultyKernel) Pipe2(flags int) (r, w posix.FD, err error) {
	if k.fails("Pipe2") {
		return -1, -1, k.errno
	}
	return k.Core.Pipe2(flags)
}

func (k *faultyKernel) Fcntl(fd posix.FD, cmd, arg int) (int, error) {
	if k.fails("Fcntl") {
		return -1, k.errno
	}
	return k.Core.Fcntl(fd, cmd, arg)
}

func (k *faultyKernel) Clone3(args *posix.CloneArgs) (posix.Child, error) {
	if k.fails("Clone3") {
		return posix.Child{}, k.errno
	}
	return k.Core.Clone3(args)
}
