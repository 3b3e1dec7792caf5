package linux

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

func TestPrlimit(t *testing.T) {
	k := New()
	cmd := child(t, "cat") // somebody else's limits, so that ours stay
	pid := posix.PID(cmd.Process.Pid)
	var old, now posix.Rlimit
	check(t, "read", k.Prlimit(pid, unix.RLIMIT_CORE, nil, &old), 0)
	lower := posix.Rlimit{Soft: 0, Hard: old.Hard}
	var before posix.Rlimit
	check(t, "set and read", k.Prlimit(pid, unix.RLIMIT_CORE, &lower, &before), 0)
	check(t, "read again", k.Prlimit(pid, unix.RLIMIT_CORE, nil, &now), 0)
	if before != old || now != lower {
		t.Errorf("was %+v, then %+v, now %+v", old, before, now)
	}
	zero := posix.Rlimit{}
	check(t, "set only", k.Prlimit(pid, unix.RLIMIT_CORE, &zero, nil), 0)
	want := posix.Errno(unix.EPERM)
	if capable(t, unix.CAP_SYS_RESOURCE) {
		want = 0
	}
	check(t, "raise a hard limit", k.Prlimit(pid, unix.RLIMIT_CORE, &posix.Rlimit{Hard: 1}, nil), want)
	check(t, "soft above hard", k.Prlimit(pid, unix.RLIMIT_NOFILE, &posix.Rlimit{Soft: 2, Hard: 1}, nil), unix.EINVAL)
	check(t, "no such limit", k.Prlimit(0, 99, nil, &now), unix.EINVAL)
	check(t, "nobody", k.Prlimit(1<<22+1, unix.RLIMIT_CORE, nil, &now), unix.ESRCH)
}

func TestUname(t *testing.T) {
	u, err := New().Uname()
	must(t, "Uname", err)
	for _, tt := range []struct{ file, got string }{
		{"ostype", u.Sysname}, {"hostname", u.Nodename}, {"osrelease", u.Release}, {"version", u.Version},
	} {
		text, err := os.ReadFile("/proc/sys/kernel/" + tt.file)
		must(t, "read "+tt.file, err)
		if want := strings.TrimSuffix(string(text), "\n"); tt.got != want {
			t.Errorf("%s is %q, /proc says %q", tt.file, tt.got, want)
		}
	}
	if u.Machine == "" {
		t.Error("no machine")
	}
}
