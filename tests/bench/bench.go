package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/errs"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/posix/retry"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/spawner"
	"github.com/bulkhead/bulkhead/spawner/launch"
)

// bench is one run.
type bench struct {
	kernel     posix.Core
	facts      host.Facts
	launcher   *launch.Launcher // nil unless root
	bwrap      string
	supervisor string
	locked     string // a policy
	tree       string // the repository
	dir        string // of ours, which others may read
	null       posix.FD
	scale      float64
}

// newBench gets ready. The caller closes the bench.
func newBench(supervisor, locked, tree string, scale float64) (_ *bench, err error) {
	b := &bench{kernel: errs.New(retry.New(linux.New())), tree: tree, null: -1, scale: scale}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close())
		}
	}()
	unix.Umask(0o022) // a policy that others may write is refused
	if err := spawner.CheckLimits(b.kernel); err != nil {
		return nil, err
	}
	if b.facts, err = host.Probe(b.kernel); err != nil {
		return nil, err
	}
	// The path of the launches' program must not be below /tmp: both sandboxes put a new file system there.
	if b.dir, err = os.MkdirTemp("/var/tmp", "bulkhead-bench-"); err != nil {
		return nil, err
	}
	if err := os.Chmod(b.dir, 0o755); err != nil {
		return nil, err
	}
	if b.supervisor, err = b.copy(supervisor, 0o755); err != nil {
		return nil, fmt.Errorf("%w (make build makes it)", err)
	}
	if b.locked, err = b.copy(locked, 0o644); err != nil {
		return nil, err
	}
	if b.null, err = b.kernel.Openat2(posix.AtFDCWD, "/dev/null", posix.OpenHow{Flags: unix.O_RDWR | unix.O_CLOEXEC}); err != nil {
		return nil, err
	}
	if b.root() {
		b.launcher, err = launch.New(b.kernel, launch.Options{})
	}
	return b, err
}

func (b *bench) root() bool {
	return spawner.Privileged(b.facts) && b.facts.UserNS.Initial && b.facts.EUID == 0
}

// copy puts a file where every user may read it, and only the one who runs this may write it.
func (b *bench) copy(path string, mode os.FileMode) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	return b.write(filepath.Base(path), data, mode)
}

func (b *bench) write(name string, data []byte, mode os.FileMode) (string, error) {
	path := filepath.Join(b.dir, name)
	return path, os.WriteFile(path, data, mode)
}

// rounds returns a number of rounds on the scale that was asked for.
func (b *bench) rounds(n int) int { return max(int(float64(n)*b.scale), 1) }

func (b *bench) close() error {
	var failed []error
	if b.launcher != nil {
		failed = append(failed, b.launcher.Close())
	}
	if b.null >= 0 {
		failed = append(failed, b.kernel.Close(b.null))
	}
	if b.dir != "" {
		failed = append(failed, os.RemoveAll(b.dir))
	}
	return errors.Join(failed...)
}
