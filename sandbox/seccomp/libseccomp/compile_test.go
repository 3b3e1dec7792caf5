package libseccomp

import (
	"errors"
	"maps"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

func options() Options {
	kernel := linux.New()
	return Options{Files: kernel, Memory: kernel}
}

func calls(names ...string) []policy.Call {
	var out []policy.Call
	groups := seccomp.Catalog().Groups
	for _, n := range names {
		members, isGroup := groups[n]
		if !isGroup {
			members = []string{n}
		}
		for _, m := range members {
			out = append(out, policy.Call{Name: m})
		}
	}
	return out
}

func written[T any](v T) policy.Value[T] {
	return policy.Value[T]{V: v, Pos: policy.Pos{File: "test.yaml", Line: 1, Col: 1}}
}

// TestCompile compares with the rules call by call, on its own terms: the proof inside of Compile is not relied on.
func TestCompile(t *testing.T) {
	everything := slices.Collect(maps.Keys(seccomp.Catalog().Calls))
	for _, c := range []struct {
		name string
		s    policy.Seccomp
	}{
		{"nothing allowed", policy.Seccomp{}},
		{"one call", policy.Seccomp{Allow: calls("read")}},
		{"a group", policy.Seccomp{Allow: calls("@system-service")}},
		{"deny beats allow", policy.Seccomp{Allow: calls("@system-service"), Deny: calls("@network-io", "execve")}},
		{"the newest calls", policy.Seccomp{Allow: calls("listns", "mseal", "file_getattr", "rseq_slice_yield")}},
		{"every call", policy.Seccomp{Allow: calls(everything...)}},
		{"denied as default", policy.Seccomp{
			Allow: calls("read"), Denied: written(policy.Action{Errno: 38}), Default: written(policy.Action{Errno: 38})}},
		{"kill_process", policy.Seccomp{Allow: calls("@basic-io"), Denied: written(policy.Action{Kind: policy.ActionKillProcess})}},
		{"kill_thread and trap", policy.Seccomp{Allow: calls("@basic-io"),
			Denied: written(policy.Action{Kind: policy.ActionKillThread}), Default: written(policy.Action{Kind: policy.ActionTrap})}},
		{"log", policy.Seccomp{Allow: calls("@basic-io"), Denied: written(policy.Action{Kind: policy.ActionLog})}},
		{"default allow", policy.Seccomp{Allow: calls("read"), Default: written(policy.Action{Kind: policy.ActionAllow})}},
		{"largest errno", policy.Seccomp{Allow: calls("read"), Denied: written(policy.Action{Errno: 4094})}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := Compile(c.s, options())
			if err != nil {
				t.Fatal(err)
			}
			p, err := bpf.Decode(f.Program)
			if err != nil {
				t.Fatal(err)
			}
			checkAnswers(t, p, c.s)
			if f.Instructions != len(p) {
				t.Errorf("says %d instructions, has %d", f.Instructions, len(p))
			}
			again, err := Compile(c.s, options())
			if err != nil || string(again.Program) != string(f.Program) {
				t.Errorf("a second compilation differs (error %v)", err)
			}
		})
	}
}

func checkAnswers(t *testing.T, p bpf.Program, s policy.Seccomp) {
	t.Helper()
	answer := map[policy.ActionKind]uint32{
		policy.ActionKillProcess: 0x80000000, policy.ActionKillThread: 0, policy.ActionTrap: 0x30000,
		policy.ActionLog: 0x7ffc0000, policy.ActionAllow: 0x7fff0000,
	}
	of := func(v policy.Value[policy.Action], otherwise uint32) uint32 {
		switch {
		case !v.Set():
			return otherwise
		case v.V.Kind == policy.ActionErrno:
			return 0x50000 | uint32(v.V.Errno)
		}
		return answer[v.V.Kind]
	}
	denied, fallback := of(s.Denied, 0x50001), of(s.Default, 0x50026)
	names := map[string]bool{}
	for _, c := range s.Allow {
		names[c.Name] = true
	}
	for _, c := range s.Deny {
		names[c.Name] = false
	}
	native := nativeArch(t)
	for nr := range uint32(2048) {
		want := fallback
		if name := seccomp.Name(nr); names[name] {
			want = bpf.RetAllow
		} else if name != "" {
			want = denied
		}
		for _, args := range [][6]uint64{{}, {5: ^uint64(0)}} {
			if got := p.Run(bpf.Data{Nr: nr, Arch: native, Args: args}); got != want {
				t.Fatalf("%d (%s): got %s, want %s", nr, seccomp.Name(nr), bpf.Describe(got), bpf.Describe(want))
			}
		}
		for _, arch := range []uint32{0, 0x40000003, 0xc00000b7 ^ 0xc000003e ^ native, 0xffffffff} {
			if got := p.Run(bpf.Data{Nr: nr, Arch: arch}); got != bpf.RetKillProcess {
				t.Fatalf("%d of architecture %#x: got %s", nr, arch, bpf.Describe(got))
			}
		}
		if native == 0xc000003e {
			if got := p.Run(bpf.Data{Nr: nr | 1<<30, Arch: native}); got != bpf.RetKillProcess {
				t.Fatalf("%d of x32: got %s", nr, bpf.Describe(got))
			}
		}
	}
	for _, nr := range []uint32{5000, 1 << 29, 1<<30 - 1, 1<<32 - 1} {
		if got := p.Run(bpf.Data{Nr: nr, Arch: native}); got != fallback {
			t.Fatalf("%#x: got %s, want %s", nr, bpf.Describe(got), bpf.Describe(fallback))
		}
	}
}

func nativeArch(t testing.TB) uint32 {
	t.Helper()
	arch, known := map[string]uint32{"amd64": 0xc000003e, "arm64": 0xc00000b7}[runtime.GOARCH]
	if !known {
		t.Fatalf("no architecture value for %s", runtime.GOARCH)
	}
	return arch
}

func TestCompileRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		s    policy.Seccomp
		want string
	}{
		{"an unknown call", policy.Seccomp{Allow: []policy.Call{{Name: "wirte", Pos: policy.Pos{File: "a.yaml", Line: 3, Col: 9}}}}, `a.yaml:3:9: "wirte"`},
		{"errno 0", policy.Seccomp{Denied: written(policy.Action{})}, "test.yaml:1:1: errno 0"},
		{"errno 4095", policy.Seccomp{Denied: written(policy.Action{Errno: 4095})}, "errno 4095: the library takes"},
		{"an architecture", policy.Seccomp{Architectures: []policy.Value[string]{written("riscv64")}}, `"riscv64" cannot be opened`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Compile(c.s, options()); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}

// memory fails as a kernel that has no descriptors left.
type memory struct{ posix.Memory }

func (memory) MemfdCreate(string, int) (posix.FD, error) { return -1, syscall.EMFILE }

func TestCompileWithoutDescriptors(t *testing.T) {
	opt := options()
	opt.Memory = memory{}
	if _, err := Compile(policy.Seccomp{}, opt); !errors.Is(err, syscall.EMFILE) {
		t.Errorf("got %v, want EMFILE", err)
	}
}

func BenchmarkCompile(b *testing.B) {
	for _, group := range []string{"@basic-io", "@system-service"} {
		b.Run(group, func(b *testing.B) {
			s, opt := policy.Seccomp{Allow: calls(group)}, options()
			var f *seccomp.Filter
			for b.Loop() {
				var err error
				if f, err = Compile(s, opt); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed())/float64(time.Millisecond)/float64(b.N), "ms/compile")
			b.ReportMetric(float64(f.Instructions), "instructions")
			b.ReportMetric(float64(f.Allowed), "calls")
		})
	}
}
