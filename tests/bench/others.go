package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/bulkhead/bulkhead/core/policy/oci"
)

// others are the tools besides bwrap, as far as they are installed, each running the workload's program as alike as it can.
func (b *bench) others(w *workload) ([]contender, error) {
	var out []contender
	add := func(name string, args func(path string) ([]string, error)) error {
		path, err := exec.LookPath(name)
		if err != nil {
			fmt.Printf("  %s: not measured: it is not installed (./bootstrap peers installs it)\n", name)
			return nil
		}
		argv, err := args(path)
		if err != nil {
			return err
		}
		c := command{argv: argv, env: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + b.dir}, filter: -1}
		out = append(out, contender{name, b.starter(c.child(b.null))})
		return nil
	}
	for _, runtime := range []string{"crun", "runc"} {
		err := add(runtime, func(path string) ([]string, error) {
			limits := runtime != "crun" || b.facts.Cgroup.V2.Mount == "" || b.facts.Cgroup.Memory.Mount == ""
			bundle, err := b.bundle(w, runtime, limits)
			argv := []string{path, "--root", filepath.Join(bundle, "state")}
			if !limits {
				fmt.Println("  crun: without a control group: it does not support hosts with both versions")
				argv = append(argv, "--cgroup-manager=disabled")
			}
			return append(argv, "run", "--bundle", bundle, "bulkhead-bench-"+runtime), err
		})
		if err != nil {
			return nil, err
		}
	}
	err := add("firejail", func(path string) ([]string, error) {
		return []string{path, "--quiet", "--noprofile", "--net=none", "--ipc-namespace", "--hostname=bench", "--caps.drop=all", "--nonewprivs", "--seccomp",
			"--private-dev", "--keep-var-tmp", "--rlimit-nofile=1024", "--", w.path}, nil
	})
	return out, err
}

// bundle makes what a runtime of the Open Container Initiative is started with: the workload's namespaces, binds, limits and calls. Source: the runtime
// specification, config.md and config-linux.md.
func (b *bench) bundle(w *workload, name string, limits bool) (string, error) {
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
	if linux := config["linux"].(object); !limits {
		delete(linux, "cgroupsPath")
		delete(linux, "resources")
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
