package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
	"github.com/bulkhead/bulkhead/sandbox/seccomp/libseccomp"
)

// launchPolicy is what the launches run under. It allows exec (@system-service has it): bwrap loads the same filter before its own.
const launchPolicy = `version: 1
modules:
  noop:
    command: [%[1]s/noop]
    user: nobody
    namespaces: [mount, pid, ipc, uts, cgroup, network]
    network: {mode: loopback}
    capabilities: []
    filesystem:
      - {path: /usr, access: rx}
      - {path: /etc, access: r}
      - {path: %[1]s, access: rx}
      - {path: /proc, proc: pid}
      - {path: /tmp, tmpfs: 16M, access: rw}
      - {path: /dev/null, access: rw}
    rlimits: {nofile: 1024, core: 0}
    resources: {memory.max: 512M, pids.max: 128}
    seccomp:
      default: errno ENOSYS
      denied: errno EPERM
      allow: ["@system-service"]
`

// leastCalls is how many calls the filter of the launches must allow for the comparison to mean something.
const leastCalls = 150

func parse(name, text string) (*policy.Policy, error) {
	pol, ds := policy.Parse(name, []byte(text), policy.Options{Catalog: seccomp.Catalog(), Dir: "/"})
	if len(ds) == 0 {
		return pol, nil
	}
	var rendered strings.Builder
	if err := policy.Render(&rendered, ds, []byte(text)); err != nil {
		return nil, err
	}
	return nil, errors.New("a policy of the benchmarks has findings:\n" + rendered.String())
}

// compileHere compiles the only module of a policy in this process.
func (b *bench) compileHere(pol *policy.Policy) (*sandbox.Result, error) {
	res, ds := sandbox.Compile(sandbox.Request{Policy: pol, Module: pol.Modules[0], Host: thisHost{b.facts}, Filters: maker{b.kernel}})
	if res == nil {
		return nil, fmt.Errorf("compile %s: %v", pol.File, ds)
	}
	return res, nil
}

// maker makes the filters as the compile process does.
type maker struct{ core posix.Core }

func (f maker) Module(s policy.Seccomp) (sandbox.Filter, error) {
	decision, err := seccomp.Resolve(s)
	if err != nil {
		return sandbox.Filter{}, err
	}
	made, how, err := libseccomp.Choose(decision, libseccomp.Options{Files: f.core, Memory: f.core})
	if err != nil {
		return sandbox.Filter{}, err
	}
	return sandbox.Filter{Program: made.Program, Detail: how}, nil
}

// library returns what libseccomp makes.
func (f maker) library(s policy.Seccomp) (*seccomp.Filter, error) {
	return libseccomp.Compile(s, libseccomp.Options{Files: f.core, Memory: f.core})
}

func (maker) Init(calls []string) (sandbox.Filter, error) {
	list, err := seccomp.AllowList(calls, bpf.RetErrno|uint32(syscall.EPERM))
	if err != nil {
		return sandbox.Filter{}, err
	}
	prog, patch, err := seccomp.WithExecOnce(list)
	return sandbox.Filter{Program: prog, Cookie: []int{patch.LowAt, patch.HighAt}}, err
}

// thisHost answers for the host. It knows the files and the user that the policies of the benchmarks name.
type thisHost struct{ facts host.Facts }

func (h thisHost) Facts() host.Facts { return h.facts }

func (thisHost) File(path string) (sandbox.File, error) {
	st, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return sandbox.File{Errno: syscall.ENOENT}, nil
	}
	if err != nil {
		return sandbox.File{}, err
	}
	f := sandbox.File{Kind: sandbox.Regular, Mode: uint32(st.Mode().Perm())}
	f.Link, _ = os.Readlink(path) // fails for what is no link
	switch {
	case st.IsDir():
		f.Kind = sandbox.Directory
	case st.Mode()&os.ModeDevice != 0:
		f.Kind = sandbox.Device
	}
	f.Real, err = filepath.EvalSymlinks(path)
	return f, err
}

func (h thisHost) Head(path string) (sandbox.File, []byte, error) {
	f, err := h.File(path)
	if err != nil || f.Kind != sandbox.Regular {
		return f, nil, err
	}
	data, err := os.ReadFile(path)
	return f, data[:min(len(data), sandbox.HeadSize)], err
}

func (h thisHost) User(name string) (sandbox.User, bool, error) {
	return sandbox.User{Name: name, UID: h.facts.OverflowUID, GID: h.facts.OverflowGID}, true, nil
}

func (thisHost) Disk(name string) (host.Disk, error) { return host.FindDisk(linux.New(), name) }

func (thisHost) Weighing(mount string) (host.Weighing, error) {
	return host.FindWeighing(linux.New(), mount)
}

func (h thisHost) Group(string) (posix.GID, bool, error) { return h.facts.OverflowGID, true, nil }
