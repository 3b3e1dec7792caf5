package seccomp

import (
	"math/rand/v2"
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
	d, err := Resolve(policy.Seccomp{
		Architectures: []policy.Value[string]{{V: "native", Pos: at(1)}},
		Allow:         []policy.Call{namedCall("write", 2), namedCall("read", 3), namedCall("execve", 4), namedCall("read", 5)},
		Deny:          []policy.Call{namedCall("execve", 6), namedCall("ptrace", 7)},
		Denied:        policy.Value[policy.Action]{V: policy.Action{Kind: policy.ActionKillProcess}, Pos: at(8)},
	})
	if err != nil {
		t.Fatal(err)
	}
	native := Native().Audit()
	for _, c := range []struct {
		name string
		d    bpf.Data
		want uint32
	}{
		{"allowed", bpf.Data{Nr: must(t, "read"), Arch: native}, bpf.RetAllow},
		{"denied beats allowed", bpf.Data{Nr: must(t, "execve"), Arch: native}, bpf.RetKillProcess},
		{"known", bpf.Data{Nr: must(t, "openat2"), Arch: native}, bpf.RetKillProcess},
		{"unknown", bpf.Data{Nr: 1000, Arch: native}, bpf.RetErrno | 38},
		{"no call", bpf.Data{Nr: 0xffffffff, Arch: native}, bpf.RetErrno | 38},
		{"other architecture", bpf.Data{Nr: must(t, "read"), Arch: 0x40000003}, bpf.RetKillProcess},
	} {
		if got := d.Want(c.d); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, bpf.Describe(got), bpf.Describe(c.want))
		}
	}
	if n := d.Allowed(Native()); n != 2 {
		t.Errorf("%d calls are allowed, want 2", n)
	}
}

// TestResolveGroups: a group comes on each architecture with the members that only that one has, allowed and denied; the members of the native one are
// the same everywhere.
func TestResolveGroups(t *testing.T) {
	if Native() != X8664 {
		t.Skipf("no other architecture of this test can be opened on %s", Native())
	}
	both := []policy.Value[string]{{V: "native"}, {V: "x86"}}
	allowed, denied := allowing("@network-io").section, allowing("@network-io", "@process").section
	allowed.Architectures, denied.Architectures = both, both
	denied.Deny = allowing("@network-io").section.Allow
	for _, c := range []struct {
		call string
		in   policy.Seccomp
		want uint32
	}{
		{"socketcall", allowed, bpf.RetAllow}, // x86 alone has it
		{"socket", allowed, bpf.RetAllow},
		{"waitpid", allowed, bpf.RetErrno | 1}, // of another group
		{"socketcall", denied, bpf.RetErrno | 1},
		{"waitpid", denied, bpf.RetAllow},
	} {
		d, err := Resolve(c.in)
		if err != nil {
			t.Fatal(err)
		}
		nr, known := X86.Number(c.call)
		if !known {
			t.Fatalf("x86 has no %s", c.call)
		}
		if got := d.Want(bpf.Data{Arch: X86.Audit(), Nr: nr}); got != c.want {
			t.Errorf("%s on x86 is answered with %s, want %s", c.call, bpf.Describe(got), bpf.Describe(c.want))
		}
	}
}

// TestResolveLikeTheModel compares decision functions with the plainest reading of sections, for calls at their borders and at random.
func TestResolveLikeTheModel(t *testing.T) {
	native := []policy.Value[string]{{V: "native"}}
	answers := allowing("@basic-io")
	answers.section.Denied, answers.section.Default = setTo(policy.ActionKillThread, 0), setTo(policy.ActionAllow, 0)
	answers.section.Deny = []policy.Call{{Name: "read"}, {Name: "read", Answer: &policy.Action{Errno: 5}},
		{Name: "read", Answer: &policy.Action{Errno: 6}},
		{Name: "write", Answer: &policy.Action{Errno: 5}}, {Name: "write", Answer: &policy.Action{Kind: policy.ActionTrap}}}
	for name, m := range map[string]model{
		"nothing":         {},
		"a service":       allowing("@system-service"),
		"arguments":       withArguments(),
		"several answers": answers,
		"three architectures": func() model {
			m := withArguments()
			m.section.Architectures = append(native, policy.Value[string]{V: "x86"}, policy.Value[string]{V: "x32"}, policy.Value[string]{V: "arm"})
			for i := range m.section.Allow {
				m.section.Allow[i].Group = "" // members that only others have are not in the model
			}
			return m
		}(),
		"another architecture alone": func() model {
			m := allowing("read", "write")
			m.section.Architectures = []policy.Value[string]{{V: "x32"}}
			return m
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			d := m.decision(t)
			f, err := Emit(d)
			if err != nil {
				t.Fatal(err)
			}
			p, err := bpf.Decode(f.Program)
			if err != nil {
				t.Fatal(err)
			}
			random := rand.New(rand.NewPCG(1, 2))
			if wrong := sweep(p, m.want, random, 50000); wrong != nil {
				t.Fatalf("%+v: %s, want %s", *wrong, bpf.Describe(p.Run(*wrong)), bpf.Describe(m.want(*wrong)))
			}
			if wrong := sweep(p, d.Want, random, 5000); wrong != nil {
				t.Fatalf("%+v: the program and Want differ", *wrong)
			}
			t.Logf("%d instructions", f.Instructions)
		})
	}
}

func TestResolveWithoutActions(t *testing.T) {
	d, err := Resolve(policy.Seccomp{})
	if err != nil {
		t.Fatal(err)
	}
	for nr, want := range map[uint32]uint32{must(t, "read"): bpf.RetErrno | 1, 1000: bpf.RetErrno | 38} {
		if answer, ok := d.Always(Native(), nr); !ok || answer != want {
			t.Errorf("%d: got %s, %t; want EPERM for what is denied and ENOSYS for what is unknown", nr, bpf.Describe(answer), ok)
		}
	}
}

func TestResolveReportsEverything(t *testing.T) {
	_, err := Resolve(policy.Seccomp{
		Architectures: []policy.Value[string]{{V: "native", Pos: at(1)}, {V: "i386", Pos: at(1)}},
		Allow:         []policy.Call{namedCall("raed", 2), {Name: "none", Pos: at(9), IfSupported: true}},
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
	if strings.Contains(err.Error(), "none") {
		t.Errorf("a call that may be missing is reported:\n%v", err)
	}
}

// TestResolveConditions: what is wrong with a condition on one architecture has one place, that of the expression.
func TestResolveConditions(t *testing.T) {
	text := "version: 1\nmodules:\n  a:\n    command: [/x]\n    filesystem: [{path: /usr}]\n    seccomp:\n      architectures: [native, x86]\n" +
		"      allow: [read, {call: mmap, when: \"len < 9 && fd == 3\"}, {call: lseek, when: \"offset == 0x7fffffffff\"}]\n"
	catalog := X8664.Catalog()
	_, ds := policy.Parse("p.yaml", []byte(text), policy.Options{Catalog: catalog})
	if len(ds) != 3 || !strings.Contains(ds[0].String(), `p.yaml:8:41: error[E310]: on x86: mmap has no argument "len"`) {
		t.Errorf("the parser knows the tables of all architectures: %v", ds)
	}
	catalog.On = nil
	p, ds := policy.Parse("p.yaml", []byte(text), policy.Options{Catalog: catalog})
	if p == nil {
		t.Fatal(ds)
	}
	_, err := Resolve(p.Modules[0].Seccomp)
	if err == nil {
		t.Fatal("accepted")
	}
	lines := strings.Split(err.Error(), "\n")
	for i, want := range []string{
		`p.yaml:8:94: 0x7fffffffff does not fit "offset", which has 32 bits`,
		`p.yaml:8:41: mmap has no argument "len"; help: its arguments: arg (on x86)`,
		`p.yaml:8:52: mmap has no argument "fd"`,
	} {
		if len(lines) != 3 || !strings.Contains(err.Error(), want) || strings.Count(lines[i], "p.yaml") != 1 {
			t.Errorf("%q is not in:\n%v", want, err)
		}
	}
}
