package launch_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox"
	"github.com/bulkhead/bulkhead/spawner/launch"
	"github.com/bulkhead/bulkhead/tests/leak"
)

// onThread runs f on a thread that ends afterwards: what it loses nobody else has lost.
func onThread(t testing.TB, f func() error) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked
		done <- f()
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// sets returns the capability sets of the calling thread, or of what a program has written.
func sets(text string) string {
	var out []string
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.HasPrefix(key, "Cap") {
			out = append(out, key+"="+strings.TrimLeft(strings.TrimSpace(value), "0"))
		}
	}
	return strings.Join(out, " ")
}

func ownSets() (string, error) {
	text, err := os.ReadFile("/proc/thread-self/status")
	return sets(string(text)), err
}

// TestNarrow: a thread gives up for its children what no program keeps, once; each child has exactly what its policy says, whoever came before.
func TestNarrow(t *testing.T) {
	f := facts(t)
	needAdmin(t, f)
	if f.Capabilities.Bounding&(1<<unix.CAP_NET_BIND_SERVICE|1<<unix.CAP_CHOWN) != 1<<unix.CAP_NET_BIND_SERVICE|1<<unix.CAP_CHOWN {
		t.Skipf("modules of this test keep two capabilities, and this process's bounding set is %#x", f.Capabilities.Bounding)
	}
	k := linux.New()
	const script = `while read l; do case $l in Cap*) echo $l;; esac; done </proc/self/status`
	with := func(caps string) *sandbox.Result {
		return compiled(t, f, script, "network: {mode: loopback}", "network: {mode: loopback}\n    capabilities: ["+caps+"]")
	}
	none, bind, both := with(""), with("net_bind_service"), with("net_bind_service, chown")
	mapped := compiled(t, f, script, "network: {mode: loopback}", "network: {mode: loopback}\n    namespaces: [mount, pid, ipc, uts, cgroup, network, user]")
	// runs launches a module and compares what it says; ahead: into a sandbox that was made before.
	runs := func(l *launch.Launcher, res *sandbox.Result, keep uint64, ahead bool, caps string) error {
		s := newStreams(t)
		r := launch.Request{Program: res.Program, Init: res.Init, Keep: keep, Stdio: s.fds, Listeners: map[string]posix.FD{"http": s.fds[0]}}
		if ahead {
			var err error
			if r.Sandbox, err = l.Sandbox(r); err != nil {
				return err
			}
		}
		p, err := l.Launch(r)
		if err != nil {
			return err
		}
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Init))
		if got := sets(string(status)); err != nil || got != "CapInh= CapPrm= CapEff= CapBnd= CapAmb=" {
			err = errors.Join(err, fmt.Errorf("the init has %s", got))
		}
		want := strings.NewReplacer("X", caps).Replace("CapInh=X CapPrm=X CapEff=X CapBnd=X CapAmb=X")
		if got := sets(s.output(t)); got != want {
			err = errors.Join(err, fmt.Errorf("a module has %s, want %s", got, want))
		}
		if info := finish(t, k, p); info.Code != posix.CldExited || info.Status != 0 {
			err = errors.Join(err, fmt.Errorf("it ended as %+v", info))
		}
		return err
	}
	full := fmt.Sprintf("%x", f.Capabilities.Bounding)
	tests := []struct {
		name   string
		narrow bool
		keep   uint64
		bound  string // of the thread, afterwards
	}{
		{"not asked for", false, 0, full},
		{"as the first one", true, 0, ""},
		{"as some are known to need", true, 1 << unix.CAP_NET_BIND_SERVICE, "400"},
		{"as one is known to need all", true, launch.Needs(shell("")), full},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := leak.Take()
			onThread(t, func() (err error) {
				was, err := ownSets()
				if err != nil {
					return err
				}
				l, err := launch.New(k, launch.Options{Narrow: tt.narrow})
				if err != nil {
					return err
				}
				defer func() { err = errors.Join(err, l.Close()) }()
				for i, m := range []struct {
					res  *sandbox.Result
					caps string
				}{{none, ""}, {bind, "400"}, {none, ""}, {both, "401"}, {mapped, ""}, {bind, "400"}} {
					for _, ahead := range []bool{false, true} {
						if err := runs(l, m.res, tt.keep, ahead, m.caps); err != nil {
							return fmt.Errorf("launch %d, ahead %v: %w", i+1, ahead, err)
						}
					}
				}
				now, err := ownSets()
				if want := strings.Replace(was, "CapBnd="+full, "CapBnd="+tt.bound, 1); now != want {
					err = errors.Join(err, fmt.Errorf("the thread has %s, want %s", now, want))
				}
				return err
			})
			if left := before.Left(); left != "" {
				t.Error(left)
			}
		})
	}
	if own, err := ownSets(); err != nil || !strings.Contains(own, "CapBnd="+full) {
		t.Errorf("another thread has %s, %v", own, err)
	}
}
