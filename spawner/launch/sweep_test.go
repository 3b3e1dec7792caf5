package launch_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox/cgroup"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/program"
	"github.com/bulkhead/bulkhead/spawner/launch"
	"github.com/bulkhead/bulkhead/tests/leak"
)

// faulty is the kernel, but for one call, which fails. Close, Waitid and PidfdSendSignal are spared: they clean up, and real kernels
// do not refuse them for want of something.
type faulty struct {
	posix.Core
	mu     sync.Mutex // guards what follows: a launch prepares on another thread
	at     int        // number of the call that fails, counted from 1; 0 is none
	errno  posix.Errno
	calls  int
	failed string
}

func (f *faulty) fault(op string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	if f.calls != f.at {
		return nil
	}
	f.failed = op
	return f.errno
}

func (f *faulty) Openat2(dir posix.FD, path string, how posix.OpenHow) (posix.FD, error) {
	if err := f.fault("Openat2 " + path); err != nil {
		return -1, err
	}
	return f.Core.Openat2(dir, path, how)
}

func (f *faulty) Read(fd posix.FD, p []byte) (int, error) {
	if err := f.fault("Read"); err != nil {
		return -1, err
	}
	return f.Core.Read(fd, p)
}

func (f *faulty) Write(fd posix.FD, p []byte) (int, error) {
	if err := f.fault("Write"); err != nil {
		return -1, err
	}
	return f.Core.Write(fd, p)
}

func (f *faulty) Fstat(fd posix.FD, st *posix.Stat) error {
	if err := f.fault("Fstat"); err != nil {
		return err
	}
	return f.Core.Fstat(fd, st)
}

func (f *faulty) Fchmodat(dir posix.FD, path string, mode uint32) error {
	if err := f.fault("Fchmodat"); err != nil {
		return err
	}
	return f.Core.Fchmodat(dir, path, mode)
}

func (f *faulty) Fcntl(fd posix.FD, cmd, arg int) (int, error) {
	if err := f.fault(fmt.Sprintf("Fcntl %d", cmd)); err != nil {
		return -1, err
	}
	return f.Core.Fcntl(fd, cmd, arg)
}

func (f *faulty) MemfdCreate(name string, flags int) (posix.FD, error) {
	if err := f.fault("MemfdCreate"); err != nil {
		return -1, err
	}
	return f.Core.MemfdCreate(name, flags)
}

func (f *faulty) Getrandom(p []byte, flags int) (int, error) {
	if err := f.fault("Getrandom"); err != nil {
		return -1, err
	}
	return f.Core.Getrandom(p, flags)
}

func (f *faulty) Clone3(args *posix.CloneArgs) (posix.Child, error) {
	if err := f.fault("Clone3"); err != nil {
		return posix.Child{}, err
	}
	return f.Core.Clone3(args)
}

func (f *faulty) Setns(fd posix.FD, flags int) error {
	if err := f.fault("Setns"); err != nil {
		return err
	}
	return f.Core.Setns(fd, flags)
}

func (f *faulty) OpenTree(dir posix.FD, path string, flags uint32) (posix.FD, error) {
	if err := f.fault("OpenTree " + path); err != nil {
		return -1, err
	}
	return f.Core.OpenTree(dir, path, flags)
}

func (f *faulty) MountSetattr(dir posix.FD, path string, flags int, attr *posix.MountAttr) error {
	if err := f.fault("MountSetattr"); err != nil {
		return err
	}
	return f.Core.MountSetattr(dir, path, flags, attr)
}

func (f *faulty) Fsopen(fs string, flags uint32) (posix.FD, error) {
	if err := f.fault("Fsopen"); err != nil {
		return -1, err
	}
	return f.Core.Fsopen(fs, flags)
}

func (f *faulty) Fsconfig(c posix.FsConfig) error {
	if err := f.fault("Fsconfig " + c.Key); err != nil {
		return err
	}
	return f.Core.Fsconfig(c)
}

func (f *faulty) Fsmount(fs posix.FD, flags, attr uint32) (posix.FD, error) {
	if err := f.fault("Fsmount"); err != nil {
		return -1, err
	}
	return f.Core.Fsmount(fs, flags, attr)
}

func (f *faulty) LandlockCreateRuleset(attr *posix.LandlockRulesetAttr) (posix.FD, error) {
	if err := f.fault("LandlockCreateRuleset"); err != nil {
		return -1, err
	}
	return f.Core.LandlockCreateRuleset(attr)
}

func (f *faulty) LandlockAddPathRule(ruleset posix.FD, rule *posix.LandlockPathBeneath) error {
	if err := f.fault("LandlockAddPathRule"); err != nil {
		return err
	}
	return f.Core.LandlockAddPathRule(ruleset, rule)
}

var errnos = []posix.Errno{unix.EMFILE, unix.ENOMEM, unix.EAGAIN}

// TestEveryCallFails lets each call of a launch fail once: the error names it, and nothing is left.
func TestEveryCallFails(t *testing.T) {
	f := facts(t)
	needAdmin(t, f)
	k := &faulty{Core: linux.New()}
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
	seen := map[string]bool{}
	for _, errno := range errnos {
		for n := 1; ; n++ {
			k.at, k.errno, k.calls, k.failed = n, errno, 0, ""
			p, err := l.Launch(r)
			if k.failed == "" {
				if err != nil {
					t.Fatalf("without a fault, after %d launches that failed: %v", n-1, err)
				}
				if info := finish(t, k, p); info.Code != posix.CldExited || info.Status != 3 {
					t.Fatalf("without a fault it ended as %+v", info)
				}
				break
			}
			op, _, _ := strings.Cut(k.failed, " ")
			seen[op] = true
			what := fmt.Sprintf("call %d, %s, fails with %s", n, k.failed, unix.ErrnoName(errno))
			switch {
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
			if n > 1000 {
				t.Fatal("a launch has no end of calls")
			}
		}
	}
	k.at = 0
	for _, op := range []string{"Openat2", "Fcntl", "Fstat", "Getrandom", "Clone3", "Setns", "OpenTree", "MountSetattr", "Fsopen", "Fsconfig", "Fsmount"} {
		if !seen[op] {
			t.Errorf("%s was never made to fail", op)
		}
	}
	if f.Landlock.ABI > 0 && !(seen["LandlockCreateRuleset"] && seen["LandlockAddPathRule"]) {
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
	for _, errno := range append(errnos, unix.EINVAL) {
		for n := 1; n < 100; n++ {
			k := &faulty{Core: linux.New(), at: n, errno: errno}
			l, err := launch.New(k, launch.Options{})
			op, _, _ := strings.Cut(k.failed, " ")
			switch {
			case k.failed == "":
				n = 100
				fallthrough
			case op == "Setns", op == "MemfdCreate" && errno == unix.EINVAL:
				// A thread that cannot come back is served by threads of their own; MFD_EXEC is not of every kernel.
				if err != nil {
					t.Errorf("%s fails with %s: %v", k.failed, unix.ErrnoName(errno), err)
					continue
				}
				if err := l.Close(); err != nil {
					t.Error(err)
				}
			case !errors.Is(err, errno) || l != nil:
				t.Errorf("%s fails with %s: %v", k.failed, unix.ErrnoName(errno), err)
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
	l := launcher(t, k, launch.Options{})
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
