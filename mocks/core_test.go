package mocks_test

import (
	"errors"
	"reflect"
	"syscall"
	"testing"

	"go.uber.org/mock/gomock"

	"github.com/bulkhead/bulkhead/mocks"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/errs"
)

func TestErrsSaysWhatAMockRefused(t *testing.T) {
	for _, tt := range []struct {
		name   string
		expect func(*mocks.Core)
		do     func(posix.Core) error
		want   string
		errno  posix.Errno
	}{
		{
			"accept without descriptors left",
			func(m *mocks.Core) {
				m.Sockets.EXPECT().Accept4(posix.FD(3), syscall.SOCK_CLOEXEC).Return(posix.FD(-1), posix.Sockaddr{}, syscall.EMFILE)
			},
			func(c posix.Core) error { _, _, err := c.Accept4(3, syscall.SOCK_CLOEXEC); return err },
			"accept4 fd 3: too many open files", syscall.EMFILE,
		},
		{
			"a file that is not there",
			func(m *mocks.Core) {
				m.Files.EXPECT().Openat2(posix.AtFDCWD, "/etc/x", gomock.Any()).Return(posix.FD(-1), syscall.ENOENT)
			},
			func(c posix.Core) error { _, err := c.Openat2(posix.AtFDCWD, "/etc/x", posix.OpenHow{}); return err },
			"openat2 /etc/x: no such file or directory", syscall.ENOENT,
		},
		{
			"no process left",
			func(m *mocks.Core) {
				m.Processes.EXPECT().Clone3(gomock.Any()).Return(posix.Child{}, syscall.EAGAIN)
			},
			func(c posix.Core) error { _, err := c.Clone3(&posix.CloneArgs{}); return err },
			"clone3: resource temporarily unavailable", syscall.EAGAIN,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			core := mocks.NewCore(gomock.NewController(t))
			tt.expect(core)
			err := tt.do(errs.New(core))
			if err == nil || err.Error() != tt.want || !errors.Is(err, tt.errno) {
				t.Errorf("got %v, want %q that is %v", err, tt.want, tt.errno)
			}
		})
	}
}

// Core must be composed of the mocks of exactly the interfaces that posix.Core is composed of, each made and each with the
// controller that was given: one that is nil would panic, one that is forgotten would not compile.
func TestNewCoreMakesEveryMock(t *testing.T) {
	ctrl := gomock.NewController(t)
	core := reflect.ValueOf(mocks.NewCore(ctrl)).Elem()
	seen := map[string]bool{}
	for i := range core.NumField() {
		f := core.Field(i)
		if f.IsNil() {
			t.Errorf("%s is nil", core.Type().Field(i).Name)
			continue
		}
		if f.Elem().FieldByName("ctrl").Pointer() != reflect.ValueOf(ctrl).Pointer() {
			t.Errorf("%s has another controller", core.Type().Field(i).Name)
		}
		seen[core.Type().Field(i).Name] = true
	}
	for _, op := range posix.Ops() {
		if !seen[op.Interface()] {
			t.Errorf("no mock of %s, which has %s", op.Interface(), op.Method())
		}
	}
}

// A mock notices a call that was announced and not made, and one that was made and not announced.
func TestMocksNotice(t *testing.T) {
	for _, tt := range []struct {
		name  string
		do    func(*mocks.Core)
		fails bool
	}{
		{"as announced", func(m *mocks.Core) {
			m.Signals.EXPECT().Kill(posix.PID(1), syscall.SIGTERM).Return(nil)
			_ = m.Kill(1, syscall.SIGTERM)
		}, false},
		{"not made", func(m *mocks.Core) { m.Signals.EXPECT().Kill(posix.PID(1), syscall.SIGTERM).Return(nil) }, true},
		{"not announced", func(m *mocks.Core) { _ = m.Close(3) }, true},
		{"another argument", func(m *mocks.Core) { m.Files.EXPECT().Close(posix.FD(4)).Return(nil); _ = m.Close(3) }, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var r recorder
			func() {
				defer func() { _ = recover() }()
				ctrl := gomock.NewController(&r)
				tt.do(mocks.NewCore(ctrl))
				ctrl.Finish()
			}()
			if r.failed != tt.fails {
				t.Errorf("failed is %v, want %v", r.failed, tt.fails)
			}
		})
	}
}

// recorder is a test that only notes whether it failed.
type recorder struct{ failed bool }

func (r *recorder) Errorf(string, ...any) { r.failed = true }
func (r *recorder) Fatalf(string, ...any) { r.failed = true; panic("fatal") }
