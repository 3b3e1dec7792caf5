package launch_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox/cgroup"
	"github.com/bulkhead/bulkhead/spawner/launch"
)

// births notes which directories children are born into, and what is opened for writing meanwhile.
type births struct {
	posix.Core
	into   []string
	opened []string
}

func (k *births) Clone3(args *posix.CloneArgs) (posix.Child, error) {
	if args.Flags&unix.CLONE_INTO_CGROUP != 0 {
		dir, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", args.Cgroup))
		if err != nil {
			return posix.Child{}, err
		}
		k.into = append(k.into, dir)
	}
	return k.Core.Clone3(args)
}

func (k *births) Openat2(dir posix.FD, path string, how posix.OpenHow) (posix.FD, error) {
	if how.Flags&unix.O_ACCMODE != unix.O_RDONLY {
		k.opened = append(k.opened, path)
	}
	return k.Core.Openat2(dir, path, how)
}

// TestBornInItsGroup: the module's process is cloned into its group of version 2, and nothing moves it there.
func TestBornInItsGroup(t *testing.T) {
	f := facts(t)
	needAdmin(t, f)
	k := &births{Core: linux.New()}
	group := instance(t, k, f)
	if group == nil {
		t.Skip("this host lets this process make no groups")
	}
	dirs := group.Dirs()
	at := slices.IndexFunc(dirs, func(d cgroup.Dir) bool { return d.Version == 2 })
	if at < 0 {
		t.Skipf("this host has no version 2 in which groups can be made: %+v", dirs)
	}
	null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = null.Close() }()
	fd := posix.FD(null.Fd())
	l := launcher(t, k, launch.Options{})
	k.into, k.opened = nil, nil
	p, err := l.Launch(launch.Request{Program: shell("exec sleep 600"), Cgroup: group, Stdio: [3]posix.FD{fd, fd, fd}})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", p.PID))
	if err := k.PidfdSendSignal(p.Pidfd, unix.SIGKILL); err != nil {
		t.Error(err)
	}
	finish(t, k, p)
	dir := dirs[at].Path
	if !slices.Equal(k.into, []string{dir}) {
		t.Errorf("children are born into %q, want %s", k.into, dir)
	}
	if err != nil || !slices.ContainsFunc(strings.Split(string(text), "\n"), func(line string) bool {
		group, is := strings.CutPrefix(line, "0::")
		return is && strings.HasSuffix(dir, group)
	}) {
		t.Errorf("it is in %q, %v; want %s", text, err, dir)
	}
	for _, path := range k.opened {
		if strings.HasPrefix(path, dir+"/") {
			t.Errorf("%s was opened for writing", path)
		}
	}
}
