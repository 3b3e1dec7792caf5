package spawner

import (
	"errors"
	"strings"
	"testing"

	"go.uber.org/mock/gomock"
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/host"
)

func TestCheckLimits(t *testing.T) {
	tests := []struct {
		name    string
		have    posix.Rlimit
		set     *posix.Rlimit
		says    string
		reading error
		setting error
	}{
		{name: "plenty", have: posix.Rlimit{Soft: 1024, Hard: 4096}},
		{name: "just enough", have: posix.Rlimit{Soft: 64, Hard: 64}},
		{name: "raised", have: posix.Rlimit{Soft: 3, Hard: 1 << 20}, set: &posix.Rlimit{Soft: 1024, Hard: 1 << 20}},
		{name: "raised to the hard limit", have: posix.Rlimit{Soft: 63, Hard: 100}, set: &posix.Rlimit{Soft: 100, Hard: 100}},
		{name: "unlimited above", have: posix.Rlimit{Soft: 10, Hard: ^uint64(0)}, set: &posix.Rlimit{Soft: 1024, Hard: ^uint64(0)}},
		{name: "too few", have: posix.Rlimit{Soft: 3, Hard: 3}, says: "RLIMIT_NOFILE) is 3; the supervisor needs at least 64"},
		{name: "one too few", have: posix.Rlimit{Soft: 63, Hard: 63}, says: "is 63"},
		{name: "cannot be read", reading: posix.Errno(unix.EPERM), says: "read RLIMIT_NOFILE"},
		{name: "cannot be raised", have: posix.Rlimit{Soft: 3, Hard: 100}, set: &posix.Rlimit{Soft: 100, Hard: 100}, setting: posix.Errno(unix.EPERM), says: "raise RLIMIT_NOFILE from 3 to 100"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := mocks.NewCore(gomock.NewController(t))
			c.Limits.EXPECT().Prlimit(posix.PID(0), unix.RLIMIT_NOFILE, nil, gomock.Any()).DoAndReturn(
				func(_ posix.PID, _ int, _, old *posix.Rlimit) error { *old = tt.have; return tt.reading })
			if tt.set != nil {
				c.Limits.EXPECT().Prlimit(posix.PID(0), unix.RLIMIT_NOFILE, tt.set, nil).Return(tt.setting)
			}
			err := CheckLimits(c)
			if (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, want %q", err, tt.says)
			}
			if cause := errors.Join(tt.reading, tt.setting); cause != nil && !errors.Is(err, unix.EPERM) {
				t.Errorf("%v does not wrap the errno", err)
			}
		})
	}
}

func TestPrivileged(t *testing.T) {
	var f host.Facts
	if Privileged(f) {
		t.Error("without capabilities it is privileged")
	}
	f.Capabilities.Effective = 1 << unix.CAP_SYS_ADMIN
	if !Privileged(f) {
		t.Error("with CAP_SYS_ADMIN it is not privileged")
	}
}
