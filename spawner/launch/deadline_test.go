package launch_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox/program"
	"github.com/bulkhead/bulkhead/spawner/launch"
	"github.com/bulkhead/bulkhead/tests/leak"
)

// slow opens paths that end with "slow" only after release.
type slow struct {
	posix.Core
	release atomic.Pointer[chan struct{}]
	opened  atomic.Int64
}

func (k *slow) Openat2(dir posix.FD, path string, how posix.OpenHow) (posix.FD, error) {
	if strings.HasPrefix(path, "/usr") {
		if how.Resolve&0x20 != 0 { // RESOLVE_CACHED
			return -1, posix.Errno(unix.EAGAIN)
		}
		<-*k.release.Load()
		defer k.opened.Add(1)
	}
	return k.Core.Openat2(dir, path, how)
}

// TestDeadline: a file system that does not answer does not hold the launcher, and what it answers later is closed.
func TestDeadline(t *testing.T) {
	k, release := &slow{Core: linux.New()}, make(chan struct{})
	k.release.Store(&release)
	l := launcher(t, k, launch.Options{Deadline: 50 * time.Millisecond})
	before := leak.Take()
	p := shell("exit 0")
	p.Prepare = append(p.Prepare, program.Prepare{Kind: program.HostPath, Path: "/etc", Directory: true},
		program.Prepare{Kind: program.HostPath, Path: "/usr", Directory: true, Origin: program.Origin{Line: 14}},
		program.Prepare{Kind: program.HostPath, Path: "/usr/bin", Directory: true, Origin: program.Origin{Line: 15}})
	start := time.Now()
	_, err := l.Launch(launch.Request{Program: p, Stdio: [3]posix.FD{0, 1, 2}})
	if want := "nginx: open /usr: the file system did not answer in time (50ms; policy web.yaml:14)"; err == nil || err.Error() != want {
		t.Errorf("the error is\n%v\nwant\n%s", err, want)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("it took %s", took)
	}
	close(release)
	for k.opened.Load() < 2 {
		time.Sleep(time.Millisecond)
	}
	if left := before.Left(); left != "" {
		t.Error(left)
	}
}

// TestDeadlineAtTheLastMoment lets answer and deadline meet, again and again: the descriptors go to one of the two.
func TestDeadlineAtTheLastMoment(t *testing.T) {
	const deadline = 300 * time.Microsecond
	k := &slow{Core: linux.New()}
	l := launcher(t, k, launch.Options{Deadline: deadline})
	before := leak.Take()
	failed := failing(func(b *program.Builder) {
		b.Add(program.Prepare{Kind: program.HostPath, Path: "/usr", Directory: true})
		b.Expect(program.Origin{}, program.Int(1), 1, 0)
	})
	late, inTime := 0, 0
	for i := range 300 {
		release := make(chan struct{})
		k.release.Store(&release)
		time.AfterFunc(deadline+time.Duration(i-50)*4*time.Microsecond, func() { close(release) })
		_, err := l.Launch(launch.Request{Program: failed})
		if strings.Contains(err.Error(), "did not answer") {
			late++
		} else {
			inTime++
		}
		<-release
	}
	t.Logf("%d in time, %d late", inTime, late)
	if left := before.Left(); left != "" {
		t.Error(left)
	}
}
