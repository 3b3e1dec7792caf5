package launch_test

import (
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/spawner/launch"
	"github.com/bulkhead/bulkhead/tests/leak"
)

// births counts the network namespaces that are made, and can refuse to make any.
type births struct {
	posix.Core
	made    atomic.Int64
	refused atomic.Bool
}

func (k *births) Clone3(args *posix.CloneArgs) (posix.Child, error) {
	if args.Flags&unix.CLONE_NEWNET != 0 {
		if k.refused.Load() {
			return posix.Child{}, posix.Errno(unix.ENOSPC)
		}
		k.made.Add(1)
	}
	return k.Core.Clone3(args)
}

// network launches a module that says which network namespace it is in.
func network(t *testing.T, k posix.Core, l *launch.Launcher) (string, error) {
	t.Helper()
	res := compiled(t, facts(t), "readlink /proc/self/ns/net", "deny: [execve, execveat]", "deny: []")
	s := newStreams(t)
	p, err := l.Launch(launch.Request{Program: res.Program, Init: res.Init, Stdio: s.fds, Listeners: map[string]posix.FD{"http": s.fds[0]}})
	if err != nil {
		return "", err
	}
	s.give()
	out := s.output(t)
	if info := finish(t, k, p); info.Status != 0 {
		t.Errorf("it ended as %+v, and said %s", info, out)
	}
	return out, nil
}

// TestNetworkNamespaces: every launch gets one of its own, whether it was made before or for it.
func TestNetworkNamespaces(t *testing.T) {
	needAdmin(t, facts(t))
	own, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	for name, spare := range map[string]bool{"made for it": false, "spare": true} {
		t.Run(name, func(t *testing.T) {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			before := leak.Take()
			k := &births{Core: linux.New()}
			l, err := launch.New(k, launch.Options{Spare: spare})
			if err != nil {
				t.Fatal(err)
			}
			for n := int64(1); n <= 3; n++ {
				l.Refill()
				l.Settle()
				ready := k.made.Load()
				namespace, err := network(t, k, l)
				if err != nil {
					t.Fatal(err)
				}
				if !strings.HasPrefix(namespace, "net:[") || strings.TrimSpace(namespace) == own {
					t.Errorf("launch %d ran in %q; this is %s", n, namespace, own)
				}
				if made := k.made.Load(); made != n || spare != (ready == n) {
					t.Errorf("launch %d: %d namespaces were ready, %d are made", n, ready, made)
				}
			}
			l.Refill()
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			if left := before.Left(); left != "" {
				t.Error(left)
			}
		})
	}
}

// TestNetworkRefused: a spare namespace that cannot be made is no error; the launch says why it has none.
func TestNetworkRefused(t *testing.T) {
	needAdmin(t, facts(t))
	k := &births{Core: linux.New()}
	l := launcher(t, k, launch.Options{Spare: true})
	k.refused.Store(true)
	l.Refill()
	l.Settle()
	_, err := network(t, k, l)
	const want = "web: new network namespace: create a process in it: no space left on device (a limit on namespaces: /proc/sys/user/max_*_namespaces) (policy "
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("the error is\n%v\nwant\n%s", err, want)
	}
	k.refused.Store(false)
	if _, err := network(t, k, l); err != nil {
		t.Error(err)
	}
}
