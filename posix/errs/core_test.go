package errs_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"syscall"
	"testing"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/errs"
	"github.com/bulkhead/bulkhead/posix/internal/trial"
)

// refusing answers everything with err.
type refusing struct {
	posix.Unimplemented
	err error
}

func (r refusing) Openat2(posix.FD, string, posix.OpenHow) (posix.FD, error) { return -1, r.err }
func (r refusing) Read(posix.FD, []byte) (int, error)                        { return 0, r.err }
func (r refusing) Close(posix.FD) error                                      { return r.err }

func TestSubjects(t *testing.T) {
	tcp := posix.Sockaddr{Family: syscall.AF_INET, Addr: netip.MustParseAddrPort("127.0.0.1:80")}
	core := errs.New(posix.Unimplemented{})
	for _, tt := range []struct {
		err  func() error
		want posix.Error
	}{
		{func() error { _, err := core.Openat2(5, "a", posix.OpenHow{}); return err }, posix.Error{Op: posix.OpOpenat2, FD: 5, Path: "a"}},
		{func() error { _, err := core.Read(3, nil); return err }, posix.Error{Op: posix.OpRead, FD: 3}},
		{func() error { return core.Symlinkat("target", 4, "path") }, posix.Error{Op: posix.OpSymlinkat, FD: 4, Path: "path"}},
		{func() error { return core.Dup3(8, 9, 0) }, posix.Error{Op: posix.OpDup3, FD: 8}},
		{func() error { return core.EpollCtl(8, 1, 9, nil) }, posix.Error{Op: posix.OpEpollCtl, FD: 9}},
		{func() error { return core.Bind(6, tcp) }, posix.Error{Op: posix.OpBind, FD: 6, Path: "127.0.0.1:80"}},
		{func() error { return core.Connect(6, posix.Sockaddr{Family: syscall.AF_UNIX, Path: "/s"}) }, posix.Error{Op: posix.OpConnect, FD: 6, Path: "/s"}},
		{func() error {
			return core.Renameat2(posix.Rename{OldDir: 2, OldPath: "a", NewDir: 3, NewPath: "b"})
		}, posix.Error{Op: posix.OpRenameat2, FD: 2, Path: "a -> b"}},
		{func() error {
			return core.MoveMount(posix.Move{FromDir: 2, FromPath: "", ToDir: 3, ToPath: "/mnt"})
		}, posix.Error{Op: posix.OpMoveMount, FD: 2, Path: "fd 2 -> /mnt"}},
		{func() error { return core.Fchownat(posix.Chown{Dir: 2, Path: "p"}) }, posix.Error{Op: posix.OpFchownat, FD: 2, Path: "p"}},
		{func() error { return core.Fsconfig(posix.FsConfig{FS: 7, Key: "size", Value: "1m"}) }, posix.Error{Op: posix.OpFsconfig, FD: 7, Path: "size"}},
		{func() error { _, err := core.Fsopen("tmpfs", 0); return err }, posix.Error{Op: posix.OpFsopen, FD: posix.NoFD, Path: "tmpfs"}},
		{func() error { _, err := core.MemfdCreate("m", 0); return err }, posix.Error{Op: posix.OpMemfdCreate, FD: posix.NoFD, Path: "m"}},
		{func() error { _, err := core.Socket(1, 1, 0); return err }, posix.Error{Op: posix.OpSocket, FD: posix.NoFD}},
		{func() error { _, err := core.Clone3(&posix.CloneArgs{Cgroup: 4}); return err }, posix.Error{Op: posix.OpClone3, FD: posix.NoFD}},
		{func() error { return core.Execve("/bin/true", nil, nil) }, posix.Error{Op: posix.OpExecve, FD: posix.NoFD, Path: "/bin/true"}},
		{func() error { return core.Kill(1, 9) }, posix.Error{Op: posix.OpKill, FD: posix.NoFD}},
	} {
		tt.want.Errno = syscall.ENOSYS
		var got *posix.Error
		if err := tt.err(); !errors.As(err, &got) || *got != tt.want {
			t.Errorf("got %+v (%v), want %+v", got, err, tt.want)
		}
	}
}

func TestOtherErrorsPassUnchanged(t *testing.T) {
	for _, err := range []error{
		nil,
		fs.ErrClosed,
		fmt.Errorf("denied: %w", syscall.EPERM),
		&posix.Error{Op: posix.OpClose, FD: 9, Errno: syscall.EIO},
	} {
		core := errs.New(refusing{err: err})
		if got := core.Close(3); got != err {
			t.Errorf("got %v, want %v itself", got, err)
		}
	}
}

func TestNamesItself(t *testing.T) {
	if got := posix.Describe(errs.New(refusing{})); got != "errs > errs_test.refusing" {
		t.Error(got)
	}
}

func TestNoAllocationOnSuccess(t *testing.T) {
	var core posix.Core = errs.New(refusing{})
	buf := make([]byte, 8)
	for name, do := range map[string]func(){
		"openat2": func() { _, _ = core.Openat2(posix.AtFDCWD, "/etc/x", posix.OpenHow{}) },
		"read":    func() { _, _ = core.Read(3, buf) },
		"close":   func() { _ = core.Close(3) },
	} {
		if n := testing.AllocsPerRun(100, do); n != 0 {
			t.Errorf("%s: %v allocations, want 0", name, n)
		}
	}
	failing := errs.New(refusing{err: syscall.EAGAIN})
	if n := testing.AllocsPerRun(100, func() { _, _ = failing.Read(3, buf) }); n != 1 {
		t.Errorf("a failure: %v allocations, want the error only", n)
	}
}

func ExampleNew() {
	core := errs.New(posix.Unimplemented{}) // in a program, linux.New()
	_, err := core.Openat2(posix.AtFDCWD, "/etc/x", posix.OpenHow{})
	fmt.Println(err)
	fmt.Println(errors.Is(err, errors.ErrUnsupported))
	// Output:
	// openat2 /etc/x: function not implemented
	// true
}

// Every operation passes a success on, and says what failed.
func TestEveryOperation(t *testing.T) {
	for _, a := range trial.Every(errs.New(trial.Succeeding{})) {
		if a.Err != nil {
			t.Errorf("%s: %v", a.Op, a.Err)
		}
	}
	for _, a := range trial.Every(errs.New(posix.Unimplemented{})) {
		var e *posix.Error
		if a.Fails && (!errors.As(a.Err, &e) || e.Op != a.Op || e.Errno != syscall.ENOSYS) {
			t.Errorf("%s: %v", a.Op, a.Err)
		}
	}
}
