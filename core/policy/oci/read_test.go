package oci

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/core/policy/exchange"
	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

func TestErrors(t *testing.T) {
	cases := []struct{ name, text, want string }{
		{"empty", ``, `p.json:1:1: the file ends in the middle`},
		{"byte order mark", "\ufeff{}", `p.json:1:1: the file starts with a byte order mark`},
		{"not UTF-8", "{\"a\xff\":1}", `p.json:1:4: the file is not UTF-8`},
		{"no object", `[]`, `p.json:1:1: a profile is an object, and this is an array`},
		{"cut off", `{"defaultAction": "SCMP_ACT_ALLOW"`, `p.json:1:35: the file ends in the middle`},
		{"syntax", "{\n  \"defaultAction\": SCMP\n}", `p.json:2:20: invalid character 'S'`},
		{"more text", `{"defaultAction": "SCMP_ACT_ALLOW"} {}`, `p.json:1:37: more text after the end`},
		{"no default", `{}`, `p.json:1:1: defaultAction is missing`},
		{"unknown key", `{"defaultAction": "SCMP_ACT_ALLOW", "sysCalls": []}`, `p.json:1:37: unknown key "sysCalls"`},
		{"key twice", `{"defaultAction": "SCMP_ACT_ALLOW", "defaultAction": "SCMP_ACT_LOG"}`, `p.json:1:37: the key "defaultAction" comes twice`},
		{"unknown action", `{"defaultAction": "SCMP_ACT_NO"}`, `p.json:1:19: unknown action "SCMP_ACT_NO"`},
		{"wrong type", `{"defaultAction": 7}`, `p.json:1:19: defaultAction is a string, and this is a number`},
		{"errno too large", `{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 4096}`,
			`p.json:1:56: defaultErrnoRet is a whole number from 0 to 4095`},
		{"both lists of architectures", `{"defaultAction": "SCMP_ACT_LOG", "architectures": ["SCMP_ARCH_X86"],
			"archMap": [{"architecture": "SCMP_ARCH_X86"}]}`, `p.json:2:15: architectures and archMap are both there`},
		{"unknown architecture", `{"defaultAction": "SCMP_ACT_LOG", "architectures": ["SCMP_ARCH_VAX"]}`,
			`p.json:1:53: unknown architecture "SCMP_ARCH_VAX"`},
		{"unknown flag", `{"defaultAction": "SCMP_ACT_LOG", "flags": ["X"]}`, `p.json:1:45: unknown flag "X"`},
		{"no names", `{"defaultAction": "SCMP_ACT_LOG", "syscalls": [{"action": "SCMP_ACT_ALLOW"}]}`, `p.json:1:48: an entry of syscalls without names`},
		{"no action", `{"defaultAction": "SCMP_ACT_LOG", "syscalls": [{"names": ["read"]}]}`, `p.json:1:48: an entry of syscalls without an action`},
		{"name and names", `{"defaultAction": "SCMP_ACT_LOG", "syscalls": [{"names": ["read"], "name": "read", "action": "SCMP_ACT_ALLOW"}]}`,
			`p.json:1:76: name and names are both there`},
		{"argument 6", profile(`{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 6, "value": 1, "op": "SCMP_CMP_EQ"}]}`),
			`index is a whole number from 0 to 5`},
		{"negative", profile(`{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 1, "value": -1, "op": "SCMP_CMP_EQ"}]}`),
			`value is a whole number`},
		{"no operator", profile(`{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 1, "value": 1}]}`),
			`a comparison needs index, value and op`},
		{"unknown operator", profile(`{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 1, "value": 1, "op": "=="}]}`),
			`unknown operator "=="`},
		{"kernel", profile(`{"names": ["read"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "new"}}`), `"new" is not a kernel version`},
		{"contradiction", profile(`{"names": ["dup2"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 5, "op": "SCMP_CMP_LT"}]},
			{"names": ["dup2"], "action": "SCMP_ACT_KILL", "args": [{"index": 0, "value": 4, "op": "SCMP_CMP_EQ"}]}`),
			`p.json:2:15: this rule answers dup2 with kill_thread and the one on line 1 with allow`},
		{"deep", strings.Repeat("[", 1000), `nested deeper than 32`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse([]byte(c.text), Options{File: "p.json", Arch: seccomp.X8664})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
}

// profile makes a profile of entries that answers others with EPERM.
func profile(entries string) string {
	return `{"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"], "syscalls": [` + entries + `]}`
}

func TestMeaning(t *testing.T) {
	const conditionOn = `{"names": ["dup2"], "action": "SCMP_ACT_KILL", "args": [{"index": 0, "value": 3, "op": "SCMP_CMP_EQ"}]}`
	const allow, kill = `{"names": ["dup2"], "action": "SCMP_ACT_ALLOW"}`, `{"names": ["dup2"], "action": "SCMP_ACT_KILL"}`
	socket := `{"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 38, "op": "SCMP_CMP_LT"}, ` +
		`{"index": 1, "value": 5, "op": "SCMP_CMP_EQ"}]}`
	const eperm = bpf.RetErrno | 1
	cases := []struct {
		name, text string
		arch       seccomp.Arch
		call       string
		args       [6]uint64
		want       uint32
	}{
		{"the first without comparisons", profile(allow + "," + kill), seccomp.X8664, "dup2", [6]uint64{3}, bpf.RetAllow},
		{"before one with", profile(allow + "," + conditionOn), seccomp.X8664, "dup2", [6]uint64{3}, bpf.RetAllow},
		{"after one with", profile(conditionOn + "," + allow), seccomp.X8664, "dup2", [6]uint64{3}, bpf.RetAllow},
		{"as the default does", profile(`{"names": ["dup2"], "action": "SCMP_ACT_ERRNO"},` + allow), seccomp.X8664, "dup2", [6]uint64{}, bpf.RetAllow},
		{"two arguments, both", profile(socket), seccomp.X8664, "socket", [6]uint64{1, 5}, bpf.RetAllow},
		{"two arguments, one", profile(socket), seccomp.X8664, "socket", [6]uint64{1, 6}, eperm},
		{"upper half", profile(socket), seccomp.X8664, "socket", [6]uint64{1, 1<<32 | 5}, eperm},
		{"upper half on i386", profile(socket), seccomp.X86, "socket", [6]uint64{1, 1<<32 | 5}, bpf.RetAllow},
		{"upper half on x32", profile(socket), seccomp.X32, "socket", [6]uint64{1, 1<<32 | 5}, bpf.RetAllow},
		{"socketcall keeps the second comparison", profile(socket), seccomp.X86, "socketcall", [6]uint64{1, 5}, bpf.RetAllow},
		{"and needs it", profile(socket), seccomp.X86, "socketcall", [6]uint64{1}, eperm},
		{"one argument twice", profile(`{"names": ["dup2"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 9, "op": "SCMP_CMP_GT"},
			{"index": 0, "value": 4, "op": "SCMP_CMP_LT"}]}`), seccomp.X8664, "dup2", [6]uint64{3}, bpf.RetAllow},
		{"a value outside of the mask",
			profile(`{"names": ["dup2"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 255, "valueTwo": 264, "op": "SCMP_CMP_MASKED_EQ"}]}`),
			seccomp.X8664, "dup2", [6]uint64{8}, bpf.RetAllow},
		{"a value too large for " +
			"i386", profile(`{"names": ["dup2"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 4294967304, "op": "SCMP_CMP_EQ"}]}`),
			seccomp.X86, "dup2", [6]uint64{8}, bpf.RetAllow},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := parsed(t, []byte(c.text), Options{Arch: seccomp.X8664})
			nr, _ := c.arch.Number(c.call)
			d := bpf.Data{Nr: nr, Arch: c.arch.Audit(), Args: c.args}
			if got := p.Answer(d); got != c.want {
				t.Errorf("%s, want %s", bpf.Describe(got), bpf.Describe(c.want))
			}
			program, err := p.Program()
			if err != nil {
				t.Fatal(err)
			}
			sameAnswers(t, p, program.Run, p.Answer)
		})
	}
}

// FuzzParse starts from short texts. The fuzzer makes whatever finds something new as short as it can and tries nothing else meanwhile; of a text as
// long as Docker's profile that takes the whole minute that it gives itself, so that the fuzzing seems to stand. TestDamaged has the long one.
func FuzzParse(f *testing.F) {
	f.Add([]byte(profile(`{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 1, "value": 1, "op": "SCMP_CMP_NE"}]}`)))
	f.Add([]byte(`{"ociVersion": "1.2", "linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW"}}}`))
	f.Add([]byte(`{"defaultAction": "SCMP_ACT_KILL", "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}], ` +
		`"syscalls": [{"name": "ptrace", "action": "SCMP_ACT_ERRNO", "errnoRet": 38, "includes": {"minKernel": "4.8", "caps": ["CAP_SYS_PTRACE"]}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 1<<12 {
			return
		}
		p, err := Parse(text, Options{Arch: seccomp.X8664})
		if err != nil {
			return
		}
		if program, err := p.Program(); err == nil && len(program) <= bpf.MaxInstructions {
			if err := program.Check(); err != nil {
				t.Fatal(err)
			}
			d := bpf.Data{Nr: 0, Arch: seccomp.X8664.Audit(), Args: [6]uint64{1, 1}}
			if got, want := program.Run(d), p.Answer(d); got != want {
				t.Fatalf("the program answers %s, the profile %s", bpf.Describe(got), bpf.Describe(want))
			}
		}
		p.Policy(PolicyOptions{})
	})
}

// TestDamaged: Docker's profile with a byte changed, and cut off, is read or refused with a place, never more.
func TestDamaged(t *testing.T) {
	whole := dockerProfile(t)
	random := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		text := slices.Clone(whole)
		at := random.IntN(len(text))
		text[at] = `{}[]",:0 a\\n`[random.IntN(13)]
		if random.IntN(3) == 0 {
			text = text[:at]
		}
		var errs exchange.Errors
		if _, err := Parse(text, Options{Arch: seccomp.X8664}); err != nil && (!errors.As(err, &errs) || errs[0].Pos.Line < 1) {
			t.Errorf("%v", err)
		}
	}
}
