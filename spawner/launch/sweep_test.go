package launch_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/fault"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/posix/retry"
	"github.com/bulkhead/bulkhead/sandbox/cgroup"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/program"
	"github.com/bulkhead/bulkhead/spawner/launch"
	"github.com/bulkhead/bulkhead/tests/leak"
)

// spared never fail: they clean up, and real kernels do not refuse them for want of something.
var spared = []posix.Op{posix.OpClose, posix.OpWaitid, posix.OpPidfdSendSignal}

var errnos = []posix.Errno{unix.EMFILE, unix.ENOMEM, unix.EAGAIN}

// TestEveryCallFails lets each call of a launch fail once: the error names it, and nothing is left.
func TestEveryCallFails(t *testing.T) {
	f := facts(t)
	needAdmin(t, f)
	k := fault.New(linux.New())
	l := launcher(t, k, launch.Options{})
	group := instance(t, k, f)
	change := []string{}
	if group != nil {
		change = append(change, "    seccomp:", "    resources: {pids.max: 64}\n    seccomp:", "- {path: /tmp,", "- {path: /sys/fs/cgroup, cgroup: own}\n      - {path: /tmp,")
	}
	res := compiled(t, f, "exit 3", change...)
	null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = null.Close() }()
	fd := posix.FD(null.Fd())
	r := launch.Request{Program: res.Program, Init: res.Init, Cgroup: group, Stdio: [3]posix.FD{fd, fd, fd}, Listeners: map[string]posix.FD{"http": fd}}
	before := leak.Take()
	seen := map[posix.Op]bool{}
	for _, errno := range errnos {
		for n := range k.Each(fault.Nth(1, errno).Except(spared...)) {
			p, err := l.Launch(r)
			failed := k.Failed()
			if len(failed) == 0 {
				if err != nil {
					t.Fatalf("without a fault, after %d launches that failed: %v", n-1, err)
				}
				if info := finish(t, k, p); info.Code != posix.CldExited || info.Status != 3 {
					t.Fatalf("without a fault it ended as %+v", info)
				}
				break
			}
			seen[failed[0].Op] = true
			what := failed[0].String()
			switch {
			case err == nil && cached(failed[0].Op, errno):
				finish(t, k, p)
			case err == nil:
				t.Errorf("%s: it was launched all the same", what)
				finish(t, k, p)
			case !errors.Is(err, errno) || !strings.HasPrefix(err.Error(), "web: "):
				t.Errorf("%s: %v", what, err)
			case p.Pidfd != -1 || p.InitPidfd != -1:
				t.Errorf("%s: descriptors came with the error: %+v", what, p)
			}
			if left := before.LeftNow(); left != "" {
				t.Fatalf("%s: %s", what, left)
			}
		}
	}
	for _, op := range []posix.Op{
		posix.OpOpenat2, posix.OpFcntl, posix.OpFstatat, posix.OpGetrandom, posix.OpClone3, posix.OpSetns, posix.OpOpenTree,
		posix.OpMountSetattr, posix.OpFsopen, posix.OpFsconfig, posix.OpFsmount, posix.OpSocketpair,
	} {
		if !seen[op] {
			t.Errorf("%s was never made to fail", op)
		}
	}
	if f.Landlock.ABI > 0 && !(seen[posix.OpLandlockCreateRuleset] && seen[posix.OpLandlockAddPathRule]) {
		t.Error("Landlock was never made to fail")
	}
}

// instance makes a control group to launch into, where this host lets us; nil elsewhere.
func instance(t *testing.T, k posix.Core, f host.Facts) *cgroup.Instance {
	t.Helper()
	limits := []policy.Resource{{Key: "pids.max", Limit: 64}}
	root, err := cgroup.Open(k, f, cgroup.Options{Name: "bulkhead-test-launch", Controllers: cgroup.Controllers(limits...)})
	var none *cgroup.UnavailableError
	if errors.As(err, &none) {
		t.Logf("without a control group: %v", err)
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	i, err := root.Instance("web", "0", limits)
	if err != nil {
		t.Fatal(errors.Join(err, root.Close()))
	}
	t.Cleanup(func() {
		if err := errors.Join(i.Remove(), root.Close()); err != nil {
			t.Error(err)
		}
	})
	return i
}

// TestNewFails lets each call of New fail once.
func TestNewFails(t *testing.T) {
	before := leak.Take()
	k := fault.New(linux.New())
	for _, errno := range append(errnos, unix.EINVAL) {
		for range k.Each(fault.Nth(1, errno).Except(spared...)) {
			l, err := launch.New(k, launch.Options{})
			failed := k.Failed()
			switch {
			case len(failed) == 0, failed[0].Op == posix.OpSetns, failed[0].Op == posix.OpMemfdCreate && errno == unix.EINVAL:
				// A thread that cannot come back is served by threads of their own; MFD_EXEC is not of every kernel.
				if err != nil {
					t.Errorf("%v: %v", failed, err)
					continue
				}
				if err := l.Close(); err != nil {
					t.Error(err)
				}
			case !errors.Is(err, errno) || l != nil:
				t.Errorf("%v: %v", failed, err)
			}
		}
	}
	if left := before.LeftNow(); left != "" {
		t.Error(left)
	}
}

// TestLostThread: while the thread cannot leave a module's pid namespace nothing is launched, and nothing is left; then it goes on.
func TestLostThread(t *testing.T) {
	needAdmin(t, facts(t))
	k := &lost{Core: linux.New()}
	l := launcher(t, k, launch.Options{})
	r := launch.Request{Program: shell("exit 0"), Init: initProgram()}
	null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = null.Close() }()
	r.Stdio = [3]posix.FD{posix.FD(null.Fd()), posix.FD(null.Fd()), posix.FD(null.Fd())}
	before := leak.Take()
	k.home = true
	for range 2 {
		_, err := l.Launch(r)
		if !errors.Is(err, unix.ENOMEM) || !strings.Contains(err.Error(), "nginx: return to the own pid namespace") {
			t.Errorf("%v", err)
		}
		if left := before.LeftNow(); left != "" {
			t.Error(left)
		}
	}
	k.home = false
	p, err := l.Launch(r)
	if err != nil {
		t.Fatal(err)
	}
	finish(t, k, p)
}

// lost does not let a thread come home, when home is set.
type lost struct {
	posix.Core
	home  bool
	first posix.FD // the own namespace is entered first of all, in New
}

func (k *lost) Setns(fd posix.FD, flags int) error {
	if k.first == 0 {
		k.first = fd
	}
	if k.home && fd == k.first {
		return posix.Errno(unix.ENOMEM)
	}
	return k.Core.Setns(fd, flags)
}

// interrupted answers the first waits with EINTR.
type interrupted struct {
	posix.Core
	left int
}

func (k *interrupted) Waitid(idtype posix.IDType, id int, info *posix.WaitInfo, options int) error {
	if k.left--; k.left >= 0 {
		return posix.Errno(unix.EINTR)
	}
	return k.Core.Waitid(idtype, id, info, options)
}

// TestReapingIsRepeated: a child whose program failed is reaped although signals interrupt the wait.
func TestReapingIsRepeated(t *testing.T) {
	k := &interrupted{Core: linux.New(), left: 3}
	l := launcher(t, retry.New(k), launch.Options{})
	before := leak.Take()
	_, err := l.Launch(launch.Request{Program: failing(func(b *program.Builder) {
		b.Call(program.Origin{}, "close", unix.SYS_CLOSE, program.Int(1<<20))
	})})
	if !errors.Is(err, unix.EBADF) || k.left >= 0 {
		t.Errorf("%v, with %d interruptions left", err, k.left)
	}
	if left := before.LeftNow(); left != "" {
		t.Error(left)
	}
}
