package seccomp

import (
	"slices"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

func at(line int) policy.Pos { return policy.Pos{File: "web.yaml", Line: line, Col: 5} }

func namedCall(name string, line int) policy.Call { return policy.Call{Name: name, Pos: at(line)} }

func must(t testing.TB, name string) uint32 {
	t.Helper()
	nr, known := Number(name)
	if !known {
		t.Fatalf("no call %q", name)
	}
	return nr
}

func TestResolve(t *testing.T) {
	r, err := Resolve(policy.Seccomp{
		Architectures: []policy.Value[string]{{V: "native", Pos: at(1)}},
		Allow:         []policy.Call{namedCall("write", 2), namedCall("read", 3), namedCall("execve", 4), namedCall("read", 5)},
		Deny:          []policy.Call{namedCall("execve", 6), namedCall("ptrace", 7)},
		Denied:        policy.Value[policy.Action]{V: policy.Action{Kind: policy.ActionKillProcess}, Pos: at(8)},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []uint32{must(t, "read"), must(t, "write")}
	slices.Sort(want)
	if !slices.Equal(r.Allow, want) {
		t.Errorf("allowed: %v, want %v", r.Allow, want)
	}
	for _, c := range []struct {
		name string
		d    bpf.Data
		want uint32
	}{
		{"allowed", bpf.Data{Nr: must(t, "read"), Arch: nativeArch}, bpf.RetAllow},
		{"denied beats allowed", bpf.Data{Nr: must(t, "execve"), Arch: nativeArch}, bpf.RetKillProcess},
		{"known", bpf.Data{Nr: must(t, "openat2"), Arch: nativeArch}, bpf.RetKillProcess},
		{"unknown", bpf.Data{Nr: 1000, Arch: nativeArch}, bpf.RetErrno | 38},
		{"no call", bpf.Data{Nr: 0xffffffff, Arch: nativeArch}, bpf.RetErrno | 38},
		{"other architecture", bpf.Data{Nr: must(t, "read"), Arch: 0x40000003}, bpf.RetKillProcess},
	} {
		if got := r.Want(c.d); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, bpf.Describe(got), bpf.Describe(c.want))
		}
	}
}

func TestResolveWithoutActions(t *testing.T) {
	r, err := Resolve(policy.Seccomp{})
	if err != nil || r.Denied != bpf.RetErrno|1 || r.Default != bpf.RetErrno|38 {
		t.Errorf("got %+v, %v; want EPERM for what is denied and ENOSYS for what is unknown", r, err)
	}
}

func TestResolveReportsEverything(t *testing.T) {
	_, err := Resolve(policy.Seccomp{
		Architectures: []policy.Value[string]{{V: "i386", Pos: at(1)}},
		Allow:         []policy.Call{namedCall("raed", 2)},
		Deny:          []policy.Call{namedCall("wirte", 3)},
		Denied:        policy.Value[policy.Action]{V: policy.Action{Errno: 0}, Pos: at(4)},
		Default:       policy.Value[policy.Action]{V: policy.Action{Errno: 4096}, Pos: at(5)},
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"web.yaml:1:5", "web.yaml:2:5", "web.yaml:3:5", "web.yaml:4:5: errno 0", "web.yaml:5:5: errno 4096"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in:\n%v", want, err)
		}
	}
}
