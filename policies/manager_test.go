package policies_test

import (
	"testing"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// The manager decides what happens to processes, and can do nothing to any by itself.
func TestManagerFilter(t *testing.T) {
	p, _ := parse(t, "manager")
	decision, err := seccomp.Resolve(p.Modules[0].Seccomp)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		"kill": false, "tkill": false, "tgkill": false, "rt_sigqueueinfo": false, "pidfd_send_signal": false, "pidfd_open": false, "pidfd_getfd": false, "ptrace": false,
		"process_vm_readv": false, "process_vm_writev": false, "process_madvise": false, "setpriority": false, "fork": false, "vfork": false,
		"execve": false, "execveat": false, "memfd_create": false, "unshare": false, "setns": false, "mount": false, "seccomp": false, "bpf": false,
		"io_uring_setup": false, "keyctl": false, "ioctl": false, "prctl": false, "setuid": false, "open_by_handle_at": false,
		// Nobody is to be able to connect to a manager but through the sockets that it was given.
		"bind": false, "listen": false, "socketpair": false,
		// What it is there for.
		"recvmsg": true, "sendmsg": true, "accept4": true, "tee": true, "epoll_pwait": true, "ppoll": true, "connect": true, "clone3": false,
	} {
		nr, known := seccomp.Number(name)
		if !known {
			t.Errorf("%s is no system call here", name)
			continue
		}
		answer, always := decision.Always(seccomp.Native(), nr)
		if got := always && answer == bpf.RetAllow; got != want {
			t.Errorf("%s allowed: %t; want %t", name, got, want)
		}
	}
	if n := decision.Allowed(seccomp.Native()); n > 75 {
		t.Errorf("%d calls are allowed", n)
	}
}

// It has no files but its program, a user of its own, and no capability.
func TestManagerHasNothing(t *testing.T) {
	p, _ := parse(t, "manager")
	if len(p.Modules) != 1 || p.Modules[0].Name != "manager" || len(p.Listeners) != 0 {
		t.Fatalf("%d modules, %d listeners", len(p.Modules), len(p.Listeners))
	}
	m := p.Modules[0]
	if len(m.Filesystem) != 1 || m.Filesystem[0].Kind != policy.MountBind || m.Filesystem[0].Path != m.Command[0].V {
		t.Errorf("files: %+v", m.Filesystem)
	}
	if !m.DynamicUser.V || len(m.Capabilities) != 0 {
		t.Errorf("dynamic user: %t, capabilities %v", m.DynamicUser.V, m.Capabilities)
	}
}
