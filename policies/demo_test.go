package policies_test

import (
	"testing"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// What the demo's policy says of itself in its comments holds for the filter that comes of it.
func TestDemoFilter(t *testing.T) {
	p, _ := parse(t, "demo")
	decision, err := seccomp.Resolve(p.Modules[0].Seccomp)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]uint32{
		// The inherited socket cannot be turned into a way out. It can be shut down, by a button: the supervisor brings it back.
		"socket": denied, "socketpair": denied, "connect": denied, "bind": denied, "listen": denied,
		"sendto": denied, "sendmsg": denied, "sendmmsg": denied,
		// After the one exec that starts the command.
		"execve": denied, "execveat": denied, "memfd_create": denied,
		// What io_uring does no filter sees, and what a new namespace or tracer brings.
		"io_uring_setup": denied, "unshare": denied, "setns": denied, "mount": denied, "move_mount": denied, "pivot_root": denied, "chroot": denied,
		"ptrace": denied, "process_vm_readv": denied, "process_vm_writev": denied, "pidfd_getfd": denied, "bpf": denied, "keyctl": denied,
		"ioctl": denied, "prctl": denied, "setuid": denied, "open_by_handle_at": denied, "seccomp": denied,
		// A web server written in Go.
		"accept4": bpf.RetAllow, "read": bpf.RetAllow, "write": bpf.RetAllow, "futex": bpf.RetAllow, "brk": bpf.RetAllow, "clone3": bpf.RetErrno | 38,
		// Attempts that another layer is to answer.
		"mknodat": bpf.RetAllow, "fallocate": bpf.RetAllow, "kill": bpf.RetAllow, "openat": bpf.RetAllow, "prlimit64": bpf.RetAllow,
		"shutdown": bpf.RetAllow,
	} {
		nr, known := seccomp.Number(name)
		if !known {
			t.Errorf("%s is no system call here", name)
			continue
		}
		if got, always := decision.Always(seccomp.Native(), nr); !always || got != want {
			t.Errorf("%s is answered with %#x; want %#x", name, got, want)
		}
	}
	if unknown, always := decision.Always(seccomp.Native(), 5000); !always || unknown != bpf.RetErrno|38 {
		t.Errorf("unknown calls are answered with %#x; want ENOSYS", unknown)
	}
	if n := decision.Allowed(seccomp.Native()); n > 80 {
		t.Errorf("%d calls are allowed; the demo is to be an example of few", n)
	}
}

const denied = bpf.RetErrno | 1 // EPERM

// Nothing of the host is in the demo's root but its own program, and of the protections only the resources may be missing.
func TestDemoSeesNothingOfTheHost(t *testing.T) {
	p, _ := parse(t, "demo")
	m := p.Modules[0]
	for _, f := range m.Filesystem {
		switch {
		case f.Kind == policy.MountBind && f.Path != m.Command[0].V:
			t.Errorf("%s of the host is in its root", f.Path)
		case f.Access&policy.AccessWrite != 0 && (f.Kind != policy.MountTmpfs || f.Access&policy.AccessExecute != 0):
			t.Errorf("%s can be written", f.Path)
		}
	}
	if len(m.BestEffort) != 1 || m.BestEffort[0].V != "resources" {
		t.Errorf("best_effort: %v", m.BestEffort)
	}
	if len(m.Capabilities) != 0 || m.Network.V != policy.NetworkNone || len(m.Namespaces) != 6 {
		t.Errorf("capabilities %v, network mode %d, namespaces %v", m.Capabilities, m.Network.V, m.Namespaces)
	}
	if l := p.Listeners; len(l) != 1 || !l[0].Addr.Addr().IsLoopback() {
		t.Errorf("it listens elsewhere than on the loopback: %+v", l)
	}
}
