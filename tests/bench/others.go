package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/policy/oci"
	"github.com/bulkhead/bulkhead/posix"
)

// others are the tools besides bwrap, as far as they are installed, each running the workload's program as alike as it can; crun where only one
// version of control groups is mounted.
func (b *bench) others(w *workload, one posix.FD) ([]contender, error) {
	var out []contender
	add := func(name string, mounts posix.FD, args func(path string) ([]string, error)) error {
		path, err := exec.LookPath(name)
		if err != nil {
			fmt.Printf("  %s: not measured: it is not installed (./bootstrap peers installs it)\n", name)
			return nil
		}
		argv, err := args(path)
		if err != nil {
			return err
		}
		c := command{argv: argv, env: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + b.dir}, filter: -1, mounts: mounts}
		out = append(out, contender{name, b.starter(c.child(b.null))})
		return nil
	}
	for _, r := range []struct {
		name   string
		mounts posix.FD
	}{{"crun", one}, {"runc", 0}} {
		err := add(r.name, r.mounts, func(path string) ([]string, error) {
			bundle, err := b.bundle(w, r.name)
			return []string{path, "--root", filepath.Join(bundle, "state"), "run", "--bundle", bundle, "bulkhead-bench-" + r.name}, err
		})
		if err != nil {
			return nil, err
		}
	}
	err := add("firejail", 0, func(path string) ([]string, error) {
		return []string{path, "--quiet", "--noprofile", "--net=none", "--ipc-namespace", "--hostname=bench", "--caps.drop=all", "--nonewprivs", "--seccomp",
			"--private-dev", "--keep-var-tmp", "--rlimit-nofile=1024", "--", w.path}, nil
	})
	return out, err
}

// oneVersion makes a mount namespace without control groups of version 2 where both versions are mounted, which crun does not support; 0 where that is
// not so. The caller closes it.
func (b *bench) oneVersion() (posix.FD, error) {
	mount := b.facts.Cgroup.V2.Mount
	if mount == "" || b.facts.Cgroup.Memory.Mount == "" {
		return 0, nil
	}
	fmt.Printf("  crun: without %s, as it does not support hosts with both versions of control groups\n", mount)
	type made struct {
		ns  posix.FD
		err error
	}
	done := make(chan made)
	go func() {
		runtime.LockOSThread() // for ever: the thread ends with the goroutine
		ns, err := func() (posix.FD, error) {
			if err := b.kernel.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
				return -1, err
			}
			private := posix.MountAttr{Propagation: unix.MS_PRIVATE}
			if err := b.kernel.MountSetattr(posix.AtFDCWD, "/", unix.AT_RECURSIVE, &private); err != nil {
				return -1, err
			}
			if err := b.kernel.Umount2(mount, 0); err != nil {
				return -1, err
			}
			return b.kernel.Openat2(posix.AtFDCWD, "/proc/thread-self/ns/mnt", posix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC})
		}()
		done <- made{ns, err}
	}()
	m := <-done
	if m.err != nil {
		return -1, fmt.Errorf("make a mount namespace without %s: %w", mount, m.err)
	}
	return m.ns, nil
}

// bundle makes what a runtime of the Open Container Initiative is started with: the workload's namespaces, binds, limits and calls. Source: the runtime
// specification, config.md and config-linux.md.
func (b *bench) bundle(w *workload, name string) (string, error) {
	dir := filepath.Join(b.dir, "bundle-"+name)
	if err := os.MkdirAll(filepath.Join(dir, "rootfs"), 0o755); err != nil {
		return "", err
	}
	profile, _, err := oci.Export(w.policy.Modules[0].Seccomp)
	if err != nil {
		return "", err
	}
	type object = map[string]any
	mounts := []object{
		{"destination": "/proc", "type": "proc", "source": "proc"},
		{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": []string{"nosuid", "nodev", "size=16m"}},
		{"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": []string{"nosuid", "size=64k", "mode=755"}},
	}
	for _, path := range []string{"/usr", "/etc", b.dir} {
		mounts = append(mounts, object{"destination": path, "type": "bind", "source": path, "options": []string{"rbind", "ro", "nosuid", "nodev"}})
	}
	var namespaces []object
	for _, kind := range []string{"pid", "mount", "ipc", "uts", "network", "cgroup"} {
		namespaces = append(namespaces, object{"type": kind})
	}
	id := b.facts.OverflowUID
	config := object{
		"ociVersion": "1.0.2",
		"hostname":   "bench",
		"root":       object{"path": "rootfs", "readonly": true},
		"mounts":     mounts,
		"process": object{
			"args": []string{w.path}, "cwd": "/", "env": []string{}, "noNewPrivileges": true, "user": object{"uid": id, "gid": id},
			"capabilities": object{}, "rlimits": []object{{"type": "RLIMIT_NOFILE", "soft": 1024, "hard": 1024}},
		},
		"linux": object{
			"namespaces": namespaces, "cgroupsPath": "/bulkhead-bench-" + name, "seccomp": json.RawMessage(profile),
			"resources": object{"memory": object{"limit": 512 << 20}, "pids": object{"limit": 128}},
		},
	}
	text, err := json.Marshal(config)
	if err != nil {
		return "", err
	}
	return dir, os.WriteFile(filepath.Join(dir, "config.json"), text, 0o644)
}

// globInto adds the names that match.
func globInto(out map[string]bool, pattern string) error {
	names, err := filepath.Glob(pattern)
	for _, name := range names {
		if target, err := os.Readlink(name); err == nil {
			name += " " + target
		}
		out[name] = true
	}
	return err
}
