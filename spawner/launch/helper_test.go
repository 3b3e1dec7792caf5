package launch_test

import (
	"errors"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/program"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
	"github.com/bulkhead/bulkhead/spawner/compile"
	"github.com/bulkhead/bulkhead/spawner/launch"
)

// facts returns what this host can enforce.
func facts(t testing.TB) host.Facts {
	t.Helper()
	f, err := host.Probe(linux.New())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// needAdmin skips a test that makes mounts and namespaces.
func needAdmin(t testing.TB, f host.Facts) {
	t.Helper()
	if !f.Capabilities.Has(unix.CAP_SYS_ADMIN) {
		t.Skipf("mounts and pid namespaces need CAP_SYS_ADMIN; this process has the capabilities %#x", f.Capabilities.Effective)
	}
}

// pin keeps a test, or a subtest, on one thread: that which enters a pid namespace for a launch must be the one that comes back.
func pin(t testing.TB) {
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
}

// launcher returns a launcher on this test's thread.
func launcher(t testing.TB, k launch.Kernel, o launch.Options) *launch.Launcher {
	t.Helper()
	pin(t)
	l, err := launch.New(k, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	if o.Deadline == 0 && facts(t).Capabilities.Has(unix.CAP_SYS_ADMIN) { // what is given little time is for programs without a seed
		must(t, l.Ready(launch.Request{Program: seeded()}))
	}
	return l
}

// seeded is a program that begins with the launcher's mount namespace, and does nothing.
func seeded() *program.Program {
	b := program.NewBuilder("web", "web.yaml")
	b.Add(program.Prepare{Kind: program.Seed})
	return &b.Program
}

// realHost answers the questions of sandbox.Compile from this host.
type realHost struct{ facts host.Facts }

func (h realHost) Facts() host.Facts { return h.facts }

func (h realHost) File(p string) (sandbox.File, error) {
	f, _, err := h.Head(p)
	return f, err
}

func (h realHost) Head(p string) (sandbox.File, []byte, error) {
	info, err := os.Stat(p)
	var errno posix.Errno
	if errors.As(err, &errno) {
		return sandbox.File{Errno: errno}, nil, nil
	}
	if err != nil {
		return sandbox.File{}, nil, err
	}
	f := sandbox.File{Kind: sandbox.Other, Mode: uint32(info.Mode().Perm())}
	switch {
	case info.IsDir():
		f.Kind = sandbox.Directory
	case info.Mode().IsRegular():
		f.Kind = sandbox.Regular
	case info.Mode()&os.ModeDevice != 0:
		f.Kind = sandbox.Device
	}
	f.Link, _ = os.Readlink(p) // an error means that it is none
	if f.Real, err = filepath.EvalSymlinks(p); err != nil || f.Kind != sandbox.Regular {
		return f, nil, err
	}
	file, err := os.Open(p)
	if err != nil {
		return f, nil, err
	}
	defer func() { _ = file.Close() }()
	head, err := io.ReadAll(io.LimitReader(file, sandbox.HeadSize))
	return f, head, err
}

func (h realHost) User(name string) (sandbox.User, bool, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return sandbox.User{}, false, err
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	return sandbox.User{Name: name, UID: posix.UID(uid), GID: posix.GID(gid)}, true, nil
}

func (h realHost) Disk(name string) (host.Disk, error) { return host.FindDisk(linux.New(), name) }

func (h realHost) Weighing(mount string) (host.Weighing, error) {
	return host.FindWeighing(linux.New(), mount)
}

func (h realHost) Group(string) (posix.GID, bool, error) { return 0, false, nil }

// filters allow what ordinary programs call, and the init of a pid namespace its own calls.
type filters struct{}

func (filters) Module(s policy.Seccomp) (sandbox.Filter, error) {
	var calls []string
	for _, c := range s.Allow {
		calls = append(calls, c.Name)
	}
	return compile.OwnFilter(calls)
}

func (filters) Init(calls []string) (sandbox.Filter, error) { return compile.OwnFilter(calls) }

// confined is a policy for a command in a shell, with all that a launch program can have but control groups.
const confined = `version: 1
kernel: ">=5.13"
listeners:
  http: {address: "127.0.0.1:80"}
modules:
  web:
    command: [/bin/sh, -c, "SCRIPT"]
    user: nobody
    environment: {PATH: "/usr/bin:/bin"}
    listeners: {http: 3}
    network: {mode: loopback}
    filesystem:
      - {path: /usr, access: rx}
      - {path: /bin, access: rx}
      - {path: /lib, access: rx}
      - {path: /lib64, access: rx, if_exists: true}
      - {path: /proc, proc: pid}
      - {path: /tmp, tmpfs: 1M}
      - {path: /dev/null, access: rw}
    seccomp: {allow: ["@system-service"], deny: [execve, execveat]}
`

// compiled compiles confined with a script.
func compiled(t testing.TB, f host.Facts, script string, change ...string) *sandbox.Result {
	t.Helper()
	text := strings.NewReplacer(append(change, "SCRIPT", strings.ReplaceAll(script, "$", "$$"))...).Replace(confined)
	p, ds := policy.Parse("web.yaml", []byte(text), policy.Options{Catalog: seccomp.Catalog()})
	if p == nil {
		t.Fatal(ds)
	}
	res, ds := sandbox.Compile(sandbox.Request{Policy: p, Module: p.Modules[0], Host: realHost{f}, Filters: filters{}})
	if res == nil {
		t.Fatal(ds)
	}
	return res
}

// shell is a program that runs a script in a shell of the host, with nothing taken from it.
func shell(script string) *program.Program {
	b := program.NewBuilder("nginx", "web.yaml")
	b.Call(program.Origin{}, "close_range", unix.SYS_CLOSE_RANGE, program.Int(3), program.Const(uint64(^uint32(0)), "~0U"),
		program.Const(unix.CLOSE_RANGE_CLOEXEC, "CLOSE_RANGE_CLOEXEC"))
	for fd := range 3 {
		from := b.Add(program.Prepare{Kind: program.Stdio, From: fd})
		b.Call(program.Origin{}, "dup3", unix.SYS_DUP3, program.FD(from, "stdio"), program.Int(fd), program.Int(0))
	}
	none := b.Words(0)
	b.Call(program.Origin{}, "rt_sigprocmask", unix.SYS_RT_SIGPROCMASK, program.Const(unix.SIG_SETMASK, "SIG_SETMASK"),
		program.At(none, "[]"), program.Null(), program.Int(8))
	exec(b, "/bin/sh", "sh", "-c", script)
	return &b.Program
}

// exec adds the last step.
func exec(b *program.Builder, path string, argv ...string) {
	at := make([]uint32, len(argv))
	for i, a := range argv {
		at[i] = uint32(b.String(a).Arg.Value)
	}
	b.Call(program.Origin{Line: 3, Col: 15}, "execveat", unix.SYS_EXECVEAT, program.Const(^uint64(99), "AT_FDCWD"), b.String(path),
		program.At(b.Pointers(at...), "argv"), program.At(b.Pointers(), "[]"), program.Int(0))
}

// initProgram starts the init of a pid namespace, as it is.
func initProgram() *program.Program {
	b := program.NewBuilder("nginx", "web.yaml")
	init := b.Add(program.Prepare{Kind: program.InitProgram})
	b.Call(program.Origin{}, "close_range", unix.SYS_CLOSE_RANGE, program.Int(0), program.Const(uint64(^uint32(0)), "~0U"),
		program.Const(unix.CLOSE_RANGE_CLOEXEC, "CLOSE_RANGE_CLOEXEC"))
	b.Call(program.Origin{}, "execveat", unix.SYS_EXECVEAT, program.FD(init, "init"), b.String(""),
		program.At(b.Pointers(uint32(b.String("init").Arg.Value)), "[init]"), program.At(b.Pointers(), "[]"), program.Const(unix.AT_EMPTY_PATH, "AT_EMPTY_PATH"))
	return &b.Program
}

// streams are a process's standard input, kept open, and its output and error output in one.
type streams struct {
	in  *os.File
	out *os.File
	fds [3]posix.FD
	own []*os.File
}

func newStreams(t testing.TB) *streams {
	t.Helper()
	inR, inW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	outR, outW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s := &streams{in: inW, out: outR, own: []*os.File{inR, outW}}
	s.fds = [3]posix.FD{posix.FD(inR.Fd()), posix.FD(outW.Fd()), posix.FD(outW.Fd())}
	t.Cleanup(func() { _, _ = inW.Close(), outR.Close(); s.give() })
	return s
}

// give closes the ends that belong to the child.
func (s *streams) give() {
	for _, f := range s.own {
		_ = f.Close() // twice is no harm
	}
}

// output ends the input and returns all that the process writes.
func (s *streams) output(t testing.TB) string {
	t.Helper()
	s.give()
	_ = s.in.Close()
	if err := s.out.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(s.out)
	if err := errors.Join(err, s.out.Close()); err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// finish reaps a process and ends its init.
func finish(t testing.TB, k posix.Core, p launch.Process) posix.WaitInfo {
	t.Helper()
	var info, last posix.WaitInfo
	if err := errors.Join(k.Waitid(posix.PPidfd, int(p.Pidfd), &info, unix.WEXITED), k.Close(p.Pidfd)); err != nil {
		t.Fatal(err)
	}
	p.Release()
	if p.InitPidfd >= 0 {
		if err := errors.Join(k.PidfdSendSignal(p.InitPidfd, unix.SIGKILL), k.Waitid(posix.PPidfd, int(p.InitPidfd), &last, unix.WEXITED),
			k.Close(p.InitPidfd)); err != nil {
			t.Fatal(err)
		}
		if last.Code != posix.CldKilled || last.Status != int(unix.SIGKILL) {
			t.Errorf("init ended as %+v", last)
		}
	}
	return info
}
