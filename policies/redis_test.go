package policies_test

import (
	"slices"
	"testing"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// Redis is never there twice, is ready when it says so, and can write to its data and nothing else.
func TestRedisKeepsState(t *testing.T) {
	p, _ := parse(t, "redis")
	m := p.Modules[0]
	if m.UpdateOrder.V != "stop-first" || m.Health.Kind.V != "notify" || len(p.Listeners) != 0 || m.Network.V != policy.NetworkHost {
		t.Errorf("update order %q, healthcheck %q, %d listeners, network mode %d", m.UpdateOrder.V, m.Health.Kind.V, len(p.Listeners), m.Network.V)
	}
	i := slices.IndexFunc(m.Command, func(v policy.Value[string]) bool { return v.V == "--dir" })
	if i < 0 || i+1 == len(m.Command) {
		t.Fatalf("its command names no directory: %v", m.Command)
	}
	data := m.Command[i+1].V
	found := false
	for _, f := range m.Filesystem {
		if f.Access&policy.AccessWrite == 0 || f.Path == "/dev/null" {
			continue
		}
		if f.Path != data || f.Access&policy.AccessExecute != 0 {
			t.Errorf("%s can be written", f.Path)
		}
		found = found || f.Path == data
	}
	if !found {
		t.Errorf("it cannot write to %s", data)
	}
}

// Whoever takes Redis over can start nothing and gets at no call that no Redis makes.
func TestRedisFilter(t *testing.T) {
	p, _ := parse(t, "redis")
	decision, err := seccomp.Resolve(p.Modules[0].Seccomp)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		"execve": false, "execveat": false, "ptrace": false, "mount": false, "unshare": false, "setns": false, "io_uring_setup": false, "bpf": false,
		"memfd_create": false, "keyctl": false, "chmod": false, "fchmod": false, "chown": false, "mknod": false, "mknodat": false, "symlink": false, "link": false,
		"setuid": false, "process_vm_writev": false, "pidfd_getfd": false, "open_by_handle_at": false, "sendmmsg": false, "recvmsg": false,
		"bind": true, "listen": true, "accept4": true, "clone3": false, "openat": true, "fdatasync": true, "rename": true, "sendmsg": true,
	} {
		nr, known := seccomp.Number(name)
		if !known {
			t.Errorf("%s is no system call here", name)
			continue
		}
		answer, always := decision.Always(seccomp.Native(), nr)
		if got := always && answer == bpf.RetAllow; got != want {
			t.Errorf("%s is allowed: %t; want %t", name, got, want)
		}
	}
}
