package oci

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	docker "github.com/moby/profiles/seccomp"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// dockerProfile is Docker's default profile as JSON.
func dockerProfile(t testing.TB) []byte {
	t.Helper()
	text, err := json.MarshalIndent(docker.DefaultProfile(), "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func parsed(t testing.TB, text []byte, o Options) *Profile {
	t.Helper()
	p, err := Parse(text, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestDockerDefault(t *testing.T) {
	text := dockerProfile(t)
	x := parsed(t, text, Options{Arch: seccomp.X8664})
	if !slices.Equal(x.Arches, []seccomp.Arch{seccomp.X8664, seccomp.X86, seccomp.X32}) {
		t.Fatalf("architectures %v", x.Arches)
	}
	if a := parsed(t, text, Options{Arch: seccomp.AArch64}); !slices.Equal(a.Arches, []seccomp.Arch{seccomp.AArch64, seccomp.ARM}) {
		t.Fatalf("architectures %v", a.Arches)
	}
	admin := parsed(t, text, Options{Arch: seccomp.X8664, Capabilities: []string{"CAP_SYS_ADMIN"}})
	old := parsed(t, text, Options{Arch: seccomp.X8664, Kernel: policy.KernelVersion{Major: 4, Minor: 7}})
	const family = uint64(1) << 32
	cases := []struct {
		name string
		p    *Profile
		arch seccomp.Arch
		call string
		args [6]uint64
		want uint32
	}{
		{"read", x, seccomp.X8664, "read", [6]uint64{}, bpf.RetAllow},
		{"mount needs a capability", x, seccomp.X8664, "mount", [6]uint64{}, bpf.RetErrno | 1},
		{"mount with it", admin, seccomp.X8664, "mount", [6]uint64{}, bpf.RetAllow},
		{"chroot is one of the fourteen", x, seccomp.X8664, "chroot", [6]uint64{}, bpf.RetAllow},
		{"clone3 falls back", x, seccomp.X8664, "clone3", [6]uint64{}, bpf.RetErrno | 38},
		{"clone3 with a capability", admin, seccomp.X8664, "clone3", [6]uint64{}, bpf.RetAllow},
		{"clone of a thread", x, seccomp.X8664, "clone", [6]uint64{0x3d0f00}, bpf.RetAllow},
		{"clone of a user namespace", x, seccomp.X8664, "clone", [6]uint64{0x10000000}, bpf.RetErrno | 1},
		{"ptrace", x, seccomp.X8664, "ptrace", [6]uint64{}, bpf.RetAllow},
		{"ptrace on an old kernel", old, seccomp.X8664, "ptrace", [6]uint64{}, bpf.RetErrno | 1},
		{"socket", x, seccomp.X8664, "socket", [6]uint64{2}, bpf.RetAllow},
		{"AF_ALG", x, seccomp.X8664, "socket", [6]uint64{38}, bpf.RetErrno | 1},
		{"AF_VSOCK", x, seccomp.X8664, "socket", [6]uint64{40}, bpf.RetErrno | 1},
		{"AF_ALG with an upper half gets past", x, seccomp.X8664, "socket", [6]uint64{family | 38}, bpf.RetAllow},
		{"on i386 it does not", x, seccomp.X86, "socket", [6]uint64{family | 38}, bpf.RetErrno | 1},
		{"nor on x32", x, seccomp.X32, "socket", [6]uint64{family | 38}, bpf.RetErrno | 1},
		{"i386's bind through socketcall", x, seccomp.X86, "socketcall", [6]uint64{2}, bpf.RetAllow},
		{"personality", x, seccomp.X8664, "personality", [6]uint64{0x20008}, bpf.RetAllow},
		{"other personality", x, seccomp.X8664, "personality", [6]uint64{0x20009}, bpf.RetErrno | 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			nr, has := c.arch.Number(c.call)
			if !has {
				t.Fatalf("%s has no %s", c.arch, c.call)
			}
			if got := c.p.Answer(bpf.Data{Nr: nr, Arch: c.arch.Audit(), Args: c.args}); got != c.want {
				t.Errorf("%s, want %s", bpf.Describe(got), bpf.Describe(c.want))
			}
		})
	}
	for _, closed := range []bpf.Data{{Arch: seccomp.AArch64.Audit()}, {Arch: 0}} {
		if got := x.Answer(closed); got != bpf.RetKillThread {
			t.Errorf("closed architecture: %s", bpf.Describe(got))
		}
	}
	left := strings.Builder{}
	for _, n := range x.Notes {
		left.WriteString(n.String() + "\n")
	}
	for _, want := range []string{`SCMP_ARCH_S390X`, `containers with CAP_SYS_ADMIN`, `"s390", "s390x", and the host is amd64`} {
		if !strings.Contains(left.String(), want) {
			t.Errorf("no note about %s in\n%s", want, left.String())
		}
	}
}

// interesting returns values around those that a profile compares with.
func interesting(p *Profile) []uint64 {
	values := []uint64{0, 1, 1<<32 - 1, 1 << 32, ^uint64(0)}
	for _, r := range p.expanded() {
		for _, c := range r.Compare {
			for _, v := range []uint64{c.Value, c.Mask, c.Mask & -c.Mask, ^c.Mask, c.Value ^ c.Mask&-c.Mask} {
				values = append(values, v-1, v, v+1, v|1<<32, v^1<<63)
			}
		}
	}
	slices.Sort(values)
	return slices.Compact(values)
}

// sameAnswers compares two functions on every number of every open architecture and its neighbours, with many arguments.
func sameAnswers(t *testing.T, p *Profile, a, b func(bpf.Data) uint32) {
	t.Helper()
	values := interesting(p)
	random := rand.New(rand.NewPCG(1, 2))
	tried, wrong := 0, 0
	try := func(d bpf.Data) {
		tried++
		if x, y := a(d), b(d); x != y && wrong < 5 {
			wrong++
			t.Errorf("%#x of %#x with %#x: %s and %s", d.Nr, d.Arch, d.Args, bpf.Describe(x), bpf.Describe(y))
		}
	}
	for _, arch := range seccomp.Arches() {
		decided := p.resolve(arch)
		numbers := []uint32{0, 0x3fffffff, 0x40000000, 0xfffffffe, 0xffffffff, 5000}
		for _, nr := range arch.Calls() {
			numbers = append(numbers, nr, nr+1)
		}
		for _, nr := range numbers {
			d := bpf.Data{Nr: nr, Arch: arch.Audit()}
			try(d)
			if decided[nr].whole || len(decided[nr].rules) == 0 {
				continue
			}
			for range 4000 {
				for i := range d.Args {
					d.Args[i] = values[random.IntN(len(values))]
				}
				try(d)
			}
		}
	}
	if tried < 1000 {
		t.Errorf("only %d calls were tried", tried)
	}
}

func TestProgramAnswersAlike(t *testing.T) {
	for _, arch := range []seccomp.Arch{seccomp.X8664, seccomp.AArch64} {
		for name, caps := range map[string][]string{"default": nil, "admin": {"CAP_SYS_ADMIN"}} {
			t.Run(arch.Name()+" "+name, func(t *testing.T) {
				p := parsed(t, dockerProfile(t), Options{Arch: arch, Capabilities: caps})
				program, err := p.Program()
				if err != nil {
					t.Fatal(err)
				}
				if err := program.Check(); err != nil {
					t.Fatal(err)
				}
				cached := map[seccomp.Arch]map[uint32]numbers{}
				sameAnswers(t, p, program.Run, func(d bpf.Data) uint32 { return answerWith(p, cached, d) })
			})
		}
	}
}

// answerWith is Answer without resolving again for each call.
func answerWith(p *Profile, cached map[seccomp.Arch]map[uint32]numbers, d bpf.Data) uint32 {
	arch := p.archFor(d)
	if arch == 0 {
		return p.Closed
	}
	if cached[arch] == nil {
		cached[arch] = p.resolve(arch)
	}
	for _, r := range cached[arch][d.Nr].rules {
		if r.holds(arch, d.Args) {
			return r.Answer
		}
	}
	return p.Default
}
