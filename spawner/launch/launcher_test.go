package launch_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox/program"
	"github.com/bulkhead/bulkhead/spawner/launch"
	"github.com/bulkhead/bulkhead/tests/leak"
)

func TestLaunch(t *testing.T) {
	k := linux.New()
	l := launcher(t, k, launch.Options{})
	before := leak.Take()
	s := newStreams(t)
	p, err := l.Launch(launch.Request{Program: shell("cat; echo out; echo err >&2; exit 7"), Stdio: s.fds})
	if err != nil {
		t.Fatal(err)
	}
	if p.PID <= 0 || p.InitPidfd != -1 || p.Init != 0 {
		t.Errorf("%+v", p)
	}
	if _, err := s.in.WriteString("in\n"); err != nil {
		t.Fatal(err)
	}
	if got := s.output(t); got != "in\nout\nerr\n" {
		t.Errorf("it wrote %q", got)
	}
	if info := finish(t, k, p); info.Code != posix.CldExited || info.Status != 7 || info.PID != p.PID {
		t.Errorf("it ended as %+v", info)
	}
	if left := before.Left(); left != "" {
		t.Error(left)
	}
}

// TestLaunchInPidNamespace: an ordinary process, not number 1, that signals end as they end any other; and it ends with its init.
func TestLaunchInPidNamespace(t *testing.T) {
	needAdmin(t, facts(t))
	k := linux.New()
	l := launcher(t, k, launch.Options{})
	before := leak.Take()
	t.Run("numbers", func(t *testing.T) {
		pin(t)
		s := newStreams(t)
		p, err := l.Launch(launch.Request{Program: shell("echo $$ $PPID"), Init: initProgram(), Stdio: s.fds})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.output(t); got != "2 0\n" {
			t.Errorf("process and parent in the namespace: %q, want 2 and none", got)
		}
		if info := finish(t, k, p); info.Status != 0 {
			t.Errorf("%+v", info)
		}
	})
	t.Run("kills itself", func(t *testing.T) {
		pin(t)
		s := newStreams(t)
		p, err := l.Launch(launch.Request{Program: shell("kill -9 $$"), Init: initProgram(), Stdio: s.fds})
		if err != nil {
			t.Fatal(err)
		}
		if info := finish(t, k, p); info.Code != posix.CldKilled || info.Status != int(unix.SIGKILL) {
			t.Errorf("%+v", info)
		}
	})
	t.Run("ends with its init", func(t *testing.T) {
		pin(t)
		s := newStreams(t)
		p, err := l.Launch(launch.Request{Program: shell("read x"), Init: initProgram(), Stdio: s.fds})
		if err != nil {
			t.Fatal(err)
		}
		if err := k.PidfdSendSignal(p.InitPidfd, unix.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if info := finish(t, k, p); info.Code != posix.CldKilled || info.Status != int(unix.SIGKILL) {
			t.Errorf("%+v", info)
		}
	})
	t.Run("the thread is back", func(t *testing.T) {
		pin(t)
		away, err := l.Launch(launch.Request{Program: shell("exit 0"), Init: initProgram(), Stdio: newStreams(t).fds})
		if err != nil {
			t.Fatal(err)
		}
		finish(t, k, away)
		s := newStreams(t)
		p, err := l.Launch(launch.Request{Program: shell("echo $$"), Stdio: s.fds})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.output(t); got != fmt.Sprintf("%d\n", p.PID) {
			t.Errorf("the next process has the number %q in its namespace and %d in ours", got, p.PID)
		}
		finish(t, k, p)
	})
	if left := before.Left(); left != "" {
		t.Error(left)
	}
}

// TestInitReapsOrphans watches an orphan become a child of init, and go.
func TestInitReapsOrphans(t *testing.T) {
	needAdmin(t, facts(t))
	k := linux.New()
	l := launcher(t, k, launch.Options{})
	s := newStreams(t)
	p, err := l.Launch(launch.Request{Program: shell("(sleep 0.2 & sleep 0.2 & sleep 0.2 &); read x"), Init: initProgram(), Stdio: s.fds})
	if err != nil {
		t.Fatal(err)
	}
	most, left := 0, []string(nil)
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		left = childrenOf(t, int(p.Init))
		most = max(most, len(left))
		if most >= 3 && len(left) == 0 {
			break
		}
	}
	if most < 3 || len(left) > 0 {
		t.Errorf("init had up to %d orphans, and has %q", most, left)
	}
	s.output(t)
	finish(t, k, p)
}

// childrenOf returns the states of a process's children, dead ones included.
func childrenOf(t *testing.T, pid int) []string {
	t.Helper()
	dirs, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, d := range dirs {
		if _, err := strconv.Atoi(d.Name()); err != nil {
			continue
		}
		text, err := os.ReadFile("/proc/" + d.Name() + "/stat")
		if err != nil {
			continue // it is gone
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		if f := strings.Fields(rest); len(f) > 1 && f[1] == strconv.Itoa(pid) {
			out = append(out, d.Name()+" "+f[0])
		}
	}
	return out
}

// TestConfinedLaunch runs what sandbox.Compile makes, and lets the process say what it sees.
func TestConfinedLaunch(t *testing.T) {
	f := facts(t)
	needAdmin(t, f)
	k := linux.New()
	l := launcher(t, k, launch.Options{})
	before := leak.Take()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	file, err := listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	s := newStreams(t)
	// With its own built-in commands only: it may execute nothing.
	res := compiled(t, f, `echo pid $$ $LISTEN_PID $LISTEN_FDS $LISTEN_FDNAMES; for x in /proc/self/fd/*; do echo $x; done; for x in /*; do echo $x; done; `+
		`while read -r line; do echo \"$line\"; done < /proc/self/status; echo x > /tmp/file && echo wrote; echo x > /usr/file; /bin/true || echo no exec $?; cd /proc; pwd`)
	p, err := l.Launch(launch.Request{Program: res.Program, Init: res.Init, Stdio: s.fds, Listeners: map[string]posix.FD{"http": posix.FD(file.Fd())}})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(file.Close(), listener.Close()); err != nil {
		t.Fatal(err)
	}
	got := s.output(t)
	if info := finish(t, k, p); info.Code != posix.CldExited || info.Status != 0 {
		t.Errorf("it ended as %+v", info)
	}
	for _, want := range []string{
		`^pid 2 2 1 http$`, `^/proc/self/fd/3$`, `^/tmp$`, `^Seccomp:\s2$`, `^NoNewPrivs:\s1$`, `^CapEff:\s0+$`, `^CapBnd:\s0+$`, `^Uid:\s65534\s65534\s65534\s65534$`,
		`^wrote$`, `cannot create /usr/file`, `^no exec 126$`, `^/proc$`,
	} {
		if !regexp.MustCompile(`(?m)` + want).MatchString(got) {
			t.Errorf("no %s in:\n%s", want, got)
		}
	}
	for _, never := range []string{`^/proc/self/fd/[5-9]$` /* 4 is the directory that the shell lists */, `^/etc$`, `^/root$`, `^/proc/self/fd/1[0-8]$`} {
		if regexp.MustCompile(`(?m)` + never).MatchString(got) {
			t.Errorf("%s in:\n%s", never, got)
		}
	}
	if left := before.Left(); left != "" {
		t.Error(left)
	}
}

// failing is a program whose last step but one has the kernel say what want is.
func failing(call func(*program.Builder)) *program.Program {
	b := program.NewBuilder("nginx", "web.yaml")
	call(b)
	exec(b, "/bin/true", "true")
	return &b.Program
}

func TestStepErrors(t *testing.T) {
	line31 := program.Origin{Line: 31, Col: 5}
	tests := []struct {
		name string
		p    *program.Program
		want string
		is   error
		exec bool
	}{
		// listen(2) on a pipe stands in for a kernel with Landlock switched off, which this one may not be.
		{"the form of all of them", failing(func(b *program.Builder) {
			fd := b.Add(program.Prepare{Kind: program.Listener, Path: "datagrams", Origin: line31})
			b.Call(line31, "landlock_restrict_self", unix.SYS_LISTEN, program.FD(fd, "ruleset"), program.Int(0))
		}), "nginx: landlock_restrict_self: operation not supported (policy web.yaml:31)", unix.EOPNOTSUPP, false},
		{"nobody's line", failing(func(b *program.Builder) {
			b.Call(program.Origin{}, "close", unix.SYS_CLOSE, program.Int(1<<20))
		}), "nginx: close: bad file descriptor (policy every module)", unix.EBADF, false},
		{"read back", failing(func(b *program.Builder) {
			b.Expect(line31, program.Int(7), ^uint64(0), 8)
		}), "nginx: expect 7 == 0x8: the kernel says 0x7 (policy web.yaml:31)", nil, false},
		{"command gone", func() *program.Program {
			b := program.NewBuilder("nginx", "web.yaml")
			exec(b, "/nowhere/nginx", "nginx")
			return &b.Program
		}(), "nginx: execveat: no such file or directory (policy web.yaml:3)", os.ErrNotExist, true},
		{"command is a directory", func() *program.Program {
			b := program.NewBuilder("nginx", "web.yaml")
			exec(b, "/usr", "nginx")
			return &b.Program
		}(), "nginx: execveat: permission denied (policy web.yaml:3)", os.ErrPermission, true},
	}
	k := linux.New()
	l := launcher(t, k, launch.Options{})
	datagrams, err := k.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = k.Close(datagrams) }()
	inits := map[string]*program.Program{"": nil}
	if facts(t).Capabilities.Has(unix.CAP_SYS_ADMIN) {
		inits[" with init"] = initProgram()
	}
	for _, tt := range tests {
		for with, init := range inits {
			t.Run(tt.name+with, func(t *testing.T) {
				pin(t)
				before := leak.Take()
				p, err := l.Launch(launch.Request{Program: tt.p, Init: init, Listeners: map[string]posix.FD{"datagrams": datagrams}})
				if err == nil {
					t.Fatalf("it was launched: %+v", p)
				}
				if err.Error() != tt.want {
					t.Errorf("the error is\n%s\nwant\n%s", err, tt.want)
				}
				if tt.is != nil && !errors.Is(err, tt.is) {
					t.Errorf("it is not %v", tt.is)
				}
				var step *launch.StepError
				if !errors.As(err, &step) || step.Exec != tt.exec || step.Module != "nginx" || step.Text == "" {
					t.Errorf("%+v", step)
				}
				if p.Pidfd != -1 || p.InitPidfd != -1 {
					t.Errorf("descriptors came with the error: %+v", p)
				}
				if left := before.LeftNow(); left != "" {
					t.Error(left)
				}
			})
		}
	}
}

// TestInitFails: what goes wrong with the init stops the launch, too.
func TestInitFails(t *testing.T) {
	needAdmin(t, facts(t))
	l := launcher(t, linux.New(), launch.Options{})
	before := leak.Take()
	_, err := l.Launch(launch.Request{Program: shell("exit 0"), Init: failing(func(b *program.Builder) {
		b.Call(program.Origin{Line: 9}, "close", unix.SYS_CLOSE, program.Int(1<<20))
	})})
	if err == nil || err.Error() != "nginx: close: bad file descriptor (policy web.yaml:9)" {
		t.Errorf("%v", err)
	}
	if left := before.LeftNow(); left != "" {
		t.Error(left)
	}
}

// TestPrepareErrors: what cannot be prepared is named with its line, and nothing of the rest stays open.
func TestPrepareErrors(t *testing.T) {
	link := t.TempDir() + "/link"
	if err := os.Symlink("/usr", link); err != nil {
		t.Fatal(err)
	}
	at := program.Origin{Line: 12}
	tests := []struct {
		name  string
		list  []program.Prepare
		want  string
		admin bool
	}{
		{name: "missing path", list: []program.Prepare{{Kind: program.HostPath, Path: "/usr", Directory: true}, {Kind: program.HostPath, Path: "/nowhere", Origin: at}},
			want: "nginx: open /nowhere: no such file or directory (policy web.yaml:12)"},
		{name: "file became a directory", list: []program.Prepare{{Kind: program.HostPath, Path: "/usr", Origin: at}},
			want: "nginx: open /usr: its type changed since the policy was compiled (policy web.yaml:12)"},
		{name: "directory became a file", list: []program.Prepare{{Kind: program.HostPath, Path: "/etc/passwd", Directory: true, Origin: at}},
			want: "nginx: open /etc/passwd: not a directory (policy web.yaml:12)"},
		{name: "became a link", list: []program.Prepare{{Kind: program.HostPath, Path: link, Origin: at}},
			want: "nginx: open " + link + ": its type changed since the policy was compiled (policy web.yaml:12)"},
		{name: "became a link to a directory", list: []program.Prepare{{Kind: program.HostPath, Path: link, Directory: true, Origin: at}},
			want: "nginx: open " + link + ": not a directory (policy web.yaml:12)"},
		{name: "no such listener", list: []program.Prepare{{Kind: program.Listener, Path: "http", Origin: at}},
			want: "nginx: listener http: no such listener is open (policy web.yaml:12)"},
		{name: "no stream", list: []program.Prepare{{Kind: program.Stdio, From: 1, Origin: at}},
			want: "nginx: standard stream stdout: bad file descriptor (policy web.yaml:12)"},
		{name: "bad option", list: []program.Prepare{{Kind: program.Tmpfs, Path: "/tmp", Options: []program.Option{{Key: "size", Value: "much"}}, Origin: at}},
			want: "nginx: new tmpfs /tmp size=much: fsconfig size=much: invalid argument (policy web.yaml:12)", admin: true},
		{name: "bad rights", list: []program.Prepare{{Kind: program.Ruleset, Handled: 1 << 60, Origin: at}},
			want: "nginx: landlock ruleset handling 0x1000000000000000: landlock_create_ruleset: invalid argument (policy web.yaml:12)"},
		{name: "rule beyond the ruleset", list: []program.Prepare{{Kind: program.HostPath, Path: "/usr", Directory: true},
			{Kind: program.Ruleset, Handled: 4, Rules: []program.Rule{{From: 0, Access: 8}}, Origin: at}},
			want: "nginx: landlock ruleset handling 0x4\n        allow 0x8 below open /usr: landlock_add_rule: invalid argument (policy web.yaml:12)"},
		{name: "kind of nobody", list: []program.Prepare{{Kind: program.CgroupProcs, Path: "pids", Origin: at}},
			want: "nginx: open cgroup.procs of pids: bug: no way to prepare kind 4; please report it (policy web.yaml:12)"},
	}
	f := facts(t)
	l := launcher(t, linux.New(), launch.Options{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			pin(t)
			if tt.admin {
				needAdmin(t, f)
			}
			if f.Landlock.ABI == 0 && strings.Contains(tt.want, "landlock") {
				t.Skipf("this kernel has no Landlock: %v", f.Landlock.Errno)
			}
			before := leak.Take()
			p := shell("exit 0")
			p.Prepare, p.Steps = tt.list, p.Steps[len(p.Steps)-1:]
			_, err := l.Launch(launch.Request{Program: p, Stdio: [3]posix.FD{0, -1, 2}})
			if err == nil || err.Error() != tt.want {
				t.Errorf("the error is\n%v\nwant\n%s", err, tt.want)
			}
			if left := before.LeftNow(); left != "" {
				t.Error(left)
			}
		})
	}
}

// TestCgroupTreeWithoutGroup: limits that best_effort gave up leave an empty directory in place of the control group.
func TestCgroupTreeWithoutGroup(t *testing.T) {
	needAdmin(t, facts(t))
	k := linux.New()
	l := launcher(t, k, launch.Options{})
	b := program.NewBuilder("nginx", "web.yaml")
	tree := b.Add(program.Prepare{Kind: program.CgroupTree, Path: "pids", Attr: unix.MOUNT_ATTR_RDONLY})
	b.Call(program.Origin{}, "fchdir", unix.SYS_FCHDIR, program.FD(tree, "group"))
	b.Call(program.Origin{}, "mkdirat", unix.SYS_MKDIRAT, program.FD(tree, "group"), b.String("x"), program.Int(0o755))
	exec(b, "/bin/true", "true")
	_, err := l.Launch(launch.Request{Program: &b.Program})
	if !errors.Is(err, unix.EROFS) {
		t.Errorf("%v; want a file system that cannot be written to", err)
	}
}

// oneWay lets no thread back into the own pid namespace, as in a user namespace, to which that one does not belong.
type oneWay struct {
	posix.Core
	own posix.FD
}

func (k *oneWay) Setns(fd posix.FD, flags int) error {
	if k.own == 0 {
		k.own = fd
	}
	if fd == k.own {
		return posix.Errno(unix.EPERM)
	}
	return k.Core.Setns(fd, flags)
}

// The main thread stays with the main goroutine: it never ends (mexit of Go's runtime/proc.go parks it), so what it made would not be killed at
// its end.
func init() { runtime.LockOSThread() }

// TestThreadOfItsOwn: where no thread comes back, the process lives as long as it is not released, and the launcher's thread stays.
func TestThreadOfItsOwn(t *testing.T) {
	needAdmin(t, facts(t))
	k := &oneWay{Core: linux.New()}
	l := launcher(t, k, launch.Options{})
	before := leak.Take()
	// With the signal that the kernel sends when the thread that made the process ends.
	p := shell("echo started; read x; exit 4")
	b := program.NewBuilder("nginx", "web.yaml")
	b.Call(program.Origin{}, "prctl", unix.SYS_PRCTL, program.Const(unix.PR_SET_PDEATHSIG, "PR_SET_PDEATHSIG"), program.Int(int(unix.SIGKILL)))
	p.Steps = append(b.Steps, p.Steps...)
	var processes [2]launch.Process
	var all [2]*streams
	for i := range processes {
		all[i] = newStreams(t)
		var err error
		if processes[i], err = l.Launch(launch.Request{Program: p, Init: initProgram(), Stdio: all[i].fds}); err != nil {
			t.Fatal(err)
		}
		line := make([]byte, 8)
		if n, err := all[i].out.Read(line); err != nil || string(line[:n]) != "started\n" {
			t.Fatalf("%q, %v", line[:n], err)
		}
	}
	// The second is released too early, and the kernel kills it; the first ends by itself.
	processes[1].Release()
	processes[1].Release()
	if info := finish(t, k, processes[1]); info.Code != posix.CldKilled || info.Status != int(unix.SIGKILL) {
		t.Errorf("after an early release: %+v", info)
	}
	all[0].output(t)
	if info := finish(t, k, processes[0]); info.Code != posix.CldExited || info.Status != 4 {
		t.Errorf("%+v", info)
	}
	all[1].output(t)
	if _, err := l.Launch(launch.Request{Program: failing(func(b *program.Builder) {
		b.Expect(program.Origin{}, program.Int(1), 1, 0)
	}), Init: initProgram()}); err == nil {
		t.Error("a failing program was launched")
	}
	if left := before.Left(); left != "" {
		t.Error(left)
	}
}
