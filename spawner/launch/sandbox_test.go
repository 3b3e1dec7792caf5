package launch_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/fault"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox"
	"github.com/bulkhead/bulkhead/spawner/launch"
	"github.com/bulkhead/bulkhead/tests/leak"
)

// isolation says what an instance is in and what others left there, and leaves something itself.
const isolation = `for kind in mnt pid ipc uts net cgroup; do readlink /proc/self/ns/$kind; done; ls /tmp; ls /dev/shm 2>/dev/null; touch /tmp/left; exec > /dev/null 2>&1; sleep 1000`

// request is one of a script, with the streams of its process.
func request(t *testing.T, res *sandbox.Result) (launch.Request, *streams) {
	t.Helper()
	s := newStreams(t)
	return launch.Request{Program: res.Program, Init: res.Init, Stdio: s.fds, Listeners: map[string]posix.FD{"http": s.fds[0]}}, s
}

// TestSandboxIsNobodyElses: of what was made ahead nothing is ever given to a second instance, and it is what an instance gets that was not made ahead.
func TestSandboxIsNobodyElses(t *testing.T) {
	needAdmin(t, facts(t))
	k := linux.New()
	l := launcher(t, k, launch.Options{})
	res := compiled(t, facts(t), isolation, "deny: [execve, execveat]", "deny: []")
	before := leak.Take()
	seen := map[string]int{}
	for _, path := range []string{"mnt", "pid", "ipc", "uts", "net", "cgroup"} {
		link, err := os.Readlink("/proc/self/ns/" + path)
		if err != nil {
			t.Fatal(err)
		}
		seen[link] = -1
	}
	var processes []launch.Process // all stay until the end, so that no number comes twice
	for n := range 6 {
		r, s := request(t, res)
		if n%3 != 0 {
			var err error
			if r.Sandbox, err = l.Sandbox(r); err != nil {
				t.Fatal(err)
			}
			if !r.Sandbox.Current() {
				t.Error("a sandbox is not current right after it was made")
			}
		}
		p, err := l.Launch(r)
		if err != nil {
			t.Fatal(err)
		}
		processes = append(processes, p)
		lines := strings.Fields(s.output(t))
		if len(lines) != 6 {
			t.Fatalf("launch %d says %q, want six namespaces and nothing that another one left", n, lines)
		}
		for _, ns := range lines {
			if at, known := seen[ns]; known {
				t.Errorf("launch %d is in %s, as launch %d (-1: this process)", n, ns, at)
			}
			seen[ns] = n
		}
		if r.Sandbox != nil {
			if _, err := l.Launch(r); err == nil {
				t.Error("a second instance was launched into a sandbox")
			}
		}
	}
	for _, p := range processes {
		must(t, k.PidfdSendSignal(p.Pidfd, unix.SIGKILL))
		finish(t, k, p)
	}
	if left := before.LeftNow(); left != "" {
		t.Error(left)
	}
}

// TestSandboxGrowsStale: one whose init was killed, and one that shows what is no longer there, is not used.
func TestSandboxGrowsStale(t *testing.T) {
	needAdmin(t, facts(t))
	k := linux.New()
	l := launcher(t, k, launch.Options{})
	dir, err := os.MkdirTemp("/var/tmp", "bulkhead-test-stale-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	file := filepath.Join(dir, "config")
	write := func(name string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(file)
	res := compiled(t, facts(t), "exit 0", "- {path: /tmp,", "- {path: "+file+", access: r}\n      - {path: /tmp,")
	before := leak.Take()
	for name, spoil := range map[string]func(s *launch.Sandbox){
		"init killed":   func(s *launch.Sandbox) { killInit(t, k, s) },
		"file replaced": func(*launch.Sandbox) { write(file + ".new"); must(t, os.Rename(file+".new", file)) },
		"file removed":  func(*launch.Sandbox) { must(t, os.Remove(file)) },
	} {
		write(file)
		s, err := l.Sandbox(launch.Request{Program: res.Program, Init: res.Init})
		if err != nil {
			t.Fatal(err)
		}
		if !s.Current() {
			t.Errorf("%s: it was stale before", name)
		}
		spoil(s)
		if s.Current() {
			t.Errorf("%s: it is used all the same", name)
		}
		if err := errors.Join(s.Abandon(), s.Abandon()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if left := before.LeftNow(); left != "" {
		t.Error(left)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// killInit ends the init of a sandbox, as somebody could who may.
func killInit(t *testing.T, k posix.Core, s *launch.Sandbox) {
	t.Helper()
	fd, err := k.PidfdOpen(s.Init(), 0)
	must(t, err)
	var info posix.WaitInfo
	must(t, errors.Join(k.PidfdSendSignal(fd, unix.SIGKILL), k.Waitid(posix.PPidfd, int(fd), &info, unix.WEXITED|unix.WNOWAIT), k.Close(fd)))
}

// TestEveryCallOfASandboxFails lets each call fail once that makes a sandbox: the error names it, and nothing is left.
func TestEveryCallOfASandboxFails(t *testing.T) {
	f := facts(t)
	needAdmin(t, f)
	k := fault.New(linux.New())
	l := launcher(t, k, launch.Options{})
	group := instance(t, k, f)
	res := compiled(t, f, "exit 3")
	before := leak.Take()
	for _, errno := range errnos {
		for range k.Each(fault.Nth(1, errno).Except(spared...)) {
			s, err := l.Sandbox(launch.Request{Program: res.Program, Init: res.Init, Cgroup: group})
			failed := k.Failed()
			switch {
			case err == nil && len(failed) > 0 && !cached(failed[0].Op, errno):
				t.Errorf("%s: it was made all the same", failed[0])
			case err != nil && (len(failed) == 0 || !errors.Is(err, errno) || !strings.HasPrefix(err.Error(), "web: ")):
				t.Errorf("%v: %v", failed, err)
			}
			if s != nil {
				must(t, s.Abandon())
			}
			if left := before.LeftNow(); left != "" {
				t.Fatalf("%v: %s", failed, left)
			}
		}
	}
}

// cached tells whether a call may fail without a harm: EAGAIN says that the path is not in the kernel's caches, and then it is opened by another
// thread.
func cached(op posix.Op, errno posix.Errno) bool {
	return errno == unix.EAGAIN && (op == posix.OpOpenat2 || op == posix.OpFstatat)
}
