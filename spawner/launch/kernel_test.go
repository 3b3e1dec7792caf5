package launch_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/cgroup"
	"github.com/bulkhead/bulkhead/spawner/launch"
	"github.com/bulkhead/bulkhead/spawner/wire"
	"github.com/bulkhead/bulkhead/tests/leak"
	"github.com/bulkhead/bulkhead/tests/machine"
)

// The tests in this file and in kernelsweep_test.go launch policies that ship on an in-memory kernel: as root, without being root.

// onKernel is a supervisor on an in-memory kernel, with a module that it can launch.
type onKernel struct {
	*machine.Machine
	t        *testing.T
	self     *kernel.Process // the supervisor
	launcher *launch.Launcher
	module   wire.Module
	group    *cgroup.Instance
	request  launch.Request
	seen     chan view // what the module's program saw
}

// newOnKernel compiles the only module of a policy, whose program looks around, and ends with status 3 when its standard input does. Calls of the
// launcher go through layer.
func newOnKernel(t *testing.T, config kernel.Config, policy, path string, layer func(posix.Core) posix.Core) *onKernel {
	t.Helper()
	leak.Check(t)
	h := &onKernel{Machine: machine.New(t, config), t: t, seen: make(chan view, 1)}
	h.Program(path, func(p *kernel.Process, argv, env []string) int {
		v := lookAround(p, argv, env)
		select {
		case h.seen <- v:
		default: // nobody asked what a launch saw that failed at its very end
		}
		var b [1]byte
		_, _ = p.Read(0, b[:])
		return 3
	})
	for _, f := range []string{"/etc/passwd", "/etc/group", "/etc/shadow", "/etc/nginx/mime.types",
		machine.PolicyDir + "/nginx/nginx.conf", "/usr/share/nginx/index.html"} {
		h.Must(h.WriteFile(f, []byte("text\n"), 0o644))
	}
	h.self = h.Supervisor()
	var err error
	h.launcher, err = launch.New(layer(h.self), launch.Options{})
	h.Must(err)
	h.Must(h.launcher.Ready(launch.Request{Program: seeded()}))
	plan := h.Compile(h.self, h.launcher, policy+".yaml", h.Policy(policy))
	h.module = plan.Modules[0]
	root, err := cgroup.Open(h.self, h.Facts(h.self), cgroup.Options{})
	h.Must(err)
	h.group, err = root.Instance(h.module.Name, "0", nil)
	h.Must(err)
	null, err := h.self.Openat2(posix.AtFDCWD, "/dev/null", posix.OpenHow{Flags: unix.O_RDWR | unix.O_CLOEXEC})
	h.Must(err)
	http := h.listener()
	h.request = launch.Request{Program: h.module.Program, Init: h.module.Init, Cgroup: h.group, Stdio: [3]posix.FD{null, null, null},
		Listeners: map[string]posix.FD{"http": http}}
	t.Cleanup(func() {
		h.Must(errors.Join(h.group.Remove(), root.Close(), h.launcher.Close(), h.self.Close(null), h.self.Close(http)))
		for _, line := range h.Inventory() {
			if strings.HasPrefix(line, "descriptor") || strings.HasPrefix(line, "control group /bulkhead") {
				t.Errorf("left: %s", line)
			}
		}
	})
	return h
}

// listener is a socket that listens on port 8088.
func (h *onKernel) listener() posix.FD {
	h.t.Helper()
	fd, err := h.self.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	h.Must(err)
	h.Must(h.self.Bind(fd, posix.Sockaddr{Family: unix.AF_INET, Addr: netip.MustParseAddrPort("127.0.0.1:8088")}))
	h.Must(h.self.Listen(fd, 16))
	return fd
}

// finish reaps a module, whose program ends because its input does, and its init.
func (h *onKernel) finish(p launch.Process) {
	h.t.Helper()
	if info := finish(h.t, h.self, p); info.Code != posix.CldExited || info.Status != 3 {
		h.t.Errorf("it ended as %+v", info)
	}
}

// status is a line of what /proc/PID/status shows to process 1.
func (h *onKernel) status(pid posix.PID, key string) string {
	h.t.Helper()
	text, err := h.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	h.Must(err)
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); name == key {
			return strings.TrimSpace(value)
		}
	}
	h.t.Errorf("no line %s in %s", key, text)
	return ""
}

// view is what a module's program sees of itself and of the machine.
type view struct {
	argv      []string
	env       map[string]string
	pid, ppid posix.PID
	sid       posix.PID
	open      []posix.FD
	listening bool // descriptor 3
	nofile    posix.Rlimit
	root      []string         // what is in the root directory
	tries     map[string]error // what it tried
}

// lookAround is the program's: it makes no call that could end it.
func lookAround(p *kernel.Process, argv, env []string) view {
	v := view{argv: argv, env: map[string]string{}, pid: p.Getpid(), ppid: p.Getppid(), tries: map[string]error{}}
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		v.env[name] = value
	}
	v.sid, _ = p.Getsid(0)
	for fd := range posix.FD(64) {
		if _, err := p.Fcntl(fd, unix.F_GETFD, 0); err == nil {
			v.open = append(v.open, fd)
		}
	}
	if n, err := p.GetsockoptInt(3, unix.SOL_SOCKET, unix.SO_ACCEPTCONN); err == nil {
		v.listening = n == 1
	}
	_ = p.Prlimit(0, unix.RLIMIT_NOFILE, nil, &v.nofile)
	try := func(what string, err error) { v.tries[what] = err }
	open := func(path string, flags uint64) {
		fd, err := p.Openat2(posix.AtFDCWD, path, posix.OpenHow{Flags: flags, Mode: 0o600 * (flags & unix.O_CREAT) / unix.O_CREAT})
		try("open "+path, err)
		if err == nil {
			_ = p.Close(fd)
		}
	}
	for _, path := range []string{"/etc/shadow", "/root", "/home", "/run", "/etc/passwd", "/usr/sbin/supervisor", "."} {
		open(path, unix.O_RDONLY)
	}
	open("/usr/new", unix.O_WRONLY|unix.O_CREAT)
	open("/tmp/new", unix.O_WRONLY|unix.O_CREAT)
	open("/new", unix.O_WRONLY|unix.O_CREAT)
	_, err := p.OpenTree(posix.AtFDCWD, "/", unix.OPEN_TREE_CLONE)
	try("open_tree", err)
	try("unshare", p.Unshare(unix.CLONE_NEWUTS))
	try("setresuid", p.Setresuid(posix.Uids{}))
	try("kill 1", p.Kill(1, unix.SIGKILL))
	if fd, err := p.Openat2(posix.AtFDCWD, "/", posix.OpenHow{Flags: unix.O_RDONLY | unix.O_DIRECTORY}); err == nil {
		buf := make([]byte, 4096)
		n, _ := p.Getdents(fd, buf)
		for left := buf[:max(n, 0)]; len(left) > 0; left = left[binary.NativeEndian.Uint16(left[16:]):] {
			v.root = append(v.root, unix.ByteSliceToString(left[19:]))
		}
		_ = p.Close(fd)
	}
	slices.Sort(v.root)
	return v
}

// TestLaunchOnKernel: what policies that ship say of a module is what its program finds, and what others see of it.
func TestLaunchOnKernel(t *testing.T) {
	const inside, outside, readOnly, filtered = posix.Errno(0), posix.Errno(unix.ENOENT), posix.Errno(unix.EROFS), posix.Errno(unix.EPERM)
	const unknown = posix.Errno(unix.ENOSYS)
	tests := []struct {
		policy, path string
		user         string // number of user and group
		want         view
		tries        map[string]posix.Errno
	}{
		{"examples/locked", "/usr/bin/sh", "65534", view{
			argv: []string{"/bin/sh"}, env: map[string]string{"HOME": "/tmp", "LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"},
			open: []posix.FD{0, 1, 2}, nofile: posix.Rlimit{Soft: 1024, Hard: 1024},
			root: []string{".", "..", "bin", "dev", "lib", "lib64", "proc", "sbin", "tmp", "usr"},
		}, map[string]posix.Errno{
			"open /etc/shadow": outside, "open /etc/passwd": outside, "open /root": outside, "open /home": outside, "open /run": outside,
			"open /usr/sbin/supervisor": inside, "open .": inside, "open /tmp/new": inside, "open /usr/new": readOnly, "open /new": readOnly,
			"open_tree": filtered, "unshare": filtered, "setresuid": filtered, "kill 1": posix.Errno(unix.EPERM), // Landlock's scope
		}},
		{"nginx", "/usr/sbin/nginx", "33", view{
			argv: []string{"/usr/sbin/nginx", "-e", "stderr", "-c", machine.PolicyDir + "/nginx/nginx.conf"},
			env:  map[string]string{"LANG": "C.UTF-8", "NGINX": "3;"},
			open: []posix.FD{0, 1, 2, 3}, listening: true, nofile: posix.Rlimit{Soft: 4096, Hard: 4096},
			root: []string{".", "..", "dev", "etc", "lib", "lib64", "sbin", "tmp", "usr"},
		}, map[string]posix.Errno{
			"open /etc/shadow": outside, "open /etc/passwd": inside, "open /root": outside, "open /home": outside, "open /run": outside,
			"open /usr/sbin/supervisor": outside, "open .": inside, "open /tmp/new": inside, "open /usr/new": readOnly, "open /new": readOnly,
			"open_tree": filtered, "unshare": filtered, "setresuid": filtered, "kill 1": filtered,
		}},
		{"examples/noexec", "/opt/app/server", "65534", view{ // whose filter says that there is no openat2
			argv: []string{"/opt/app/server"}, env: map[string]string{}, open: []posix.FD{0, 1, 2}, nofile: posix.Rlimit{Soft: 256, Hard: 256},
		}, map[string]posix.Errno{
			"open /etc/shadow": unknown, "open /etc/passwd": unknown, "open /root": unknown, "open /home": unknown, "open /run": unknown,
			"open /usr/sbin/supervisor": unknown, "open .": unknown, "open /tmp/new": unknown, "open /usr/new": unknown, "open /new": unknown,
			"open_tree": filtered, "unshare": filtered, "setresuid": filtered, "kill 1": filtered,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.policy, func(t *testing.T) {
			h := newOnKernel(t, kernel.Config{}, tt.policy, tt.path, func(c posix.Core) posix.Core { return c })
			before := h.Inventory()
			p, err := h.launcher.Launch(h.request)
			h.Must(err)
			got := <-h.seen
			for what, want := range tt.tries {
				if err := got.tries[what]; want != 0 && err != want || want == 0 && err != nil {
					t.Errorf("%s: %v, want %v", what, err, want)
				}
			}
			if len(got.tries) != len(tt.tries) {
				t.Errorf("it tried %d things, %d are known", len(got.tries), len(tt.tries))
			}
			tt.want.pid, tt.want.sid, tt.want.tries = 2, 2, got.tries // in its namespace; its parent is outside
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("it sees\n%+v\nwant\n%+v", got, tt.want)
			}
			none := strings.Repeat("0", 16)
			for key, want := range map[string]string{
				"Uid": strings.Join(slices.Repeat([]string{tt.user}, 4), "\t"), "Gid": strings.Join(slices.Repeat([]string{tt.user}, 4), "\t"), "Groups": "",
				"CapInh": none, "CapPrm": none, "CapEff": none, "CapBnd": none, "CapAmb": none, "NoNewPrivs": "1", "Seccomp": "2", "SigBlk": none, "SigIgn": none,
			} {
				if got := h.status(p.PID, key); got != want {
					t.Errorf("%s of the module is %q, want %q", key, got, want)
				}
			}
			for key, want := range map[string]string{"Uid": strings.Join(slices.Repeat([]string{"65534"}, 4), "\t"), "CapEff": none, "CapBnd": none,
				"NoNewPrivs": "1", "Seccomp": "2"} {
				if got := h.status(p.Init, key); got != want {
					t.Errorf("%s of its init is %q, want %q", key, got, want)
				}
			}
			if text, err := h.ReadFile(fmt.Sprintf("/proc/%d/cgroup", p.PID)); err != nil || !strings.HasSuffix(string(text), "/"+h.module.Name+"/0\n") {
				t.Errorf("it is in control group %q, %v", text, err)
			}
			h.finish(p)
			h.left(before, "a launch")
		})
	}
}

// left fails the test when something is on the machine that was not there before, or no more.
func (h *onKernel) left(before []string, after string) {
	h.t.Helper()
	if now := h.Inventory(); !slices.Equal(before, now) {
		h.t.Errorf("after %s there is\n%s\nbefore there was\n%s", after, strings.Join(now, "\n"), strings.Join(before, "\n"))
	}
}
