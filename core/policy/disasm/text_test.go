package disasm

import (
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

func jump(op uint16, k uint32, jt, jf uint8) bpf.Instruction {
	return bpf.Instruction{Code: bpf.JMP | op | bpf.K, JT: jt, JF: jf, K: k}
}

func load(offset uint32) bpf.Instruction {
	return bpf.Instruction{Code: bpf.LD | bpf.W | bpf.ABS, K: offset}
}

func ret(k uint32) bpf.Instruction { return bpf.Instruction{Code: bpf.RET | bpf.K, K: k} }

func nr(t *testing.T, a seccomp.Arch, call string) uint32 {
	t.Helper()
	nr, known := a.Number(call)
	if !known {
		t.Fatalf("%s has no %s", a, call)
	}
	return nr
}

func TestText(t *testing.T) {
	x, arm := seccomp.X8664, seccomp.AArch64
	p := bpf.Program{
		0:  load(bpf.OffsetArch),
		1:  jump(bpf.JEQ, x.Audit(), 2, 0),
		2:  jump(bpf.JEQ, arm.Audit(), 7, 0),
		3:  ret(bpf.RetKillProcess),
		4:  load(bpf.OffsetNr),
		5:  jump(bpf.JEQ, nr(t, x, "socket"), 0, 3),
		6:  load(bpf.OffsetArgLow(0)),
		7:  {Code: bpf.ALU | bpf.AND | bpf.K, K: 0xf},
		8:  jump(bpf.JEQ, 2, 4, 3),
		9:  jump(bpf.JGE, 0x40000000|nr(t, x, "read"), 2, 3),
		10: load(bpf.OffsetNr),
		11: jump(bpf.JEQ, nr(t, arm, "openat"), 1, 0),
		12: ret(bpf.RetErrno | 1),
		13: ret(bpf.RetAllow),
		14: ret(bpf.RetTrap),
	}
	text := Text(p, Options{
		Rules: func(call string) []policy.Pos {
			return map[string][]policy.Pos{"socket": {{File: "web.yaml", Line: 29}, {File: "web.yaml", Line: 29}, {File: "web.yaml", Line: 31}}}[call]
		},
		Prototype: func(_ seccomp.Arch, call string) (policy.Prototype, bool) {
			return policy.Prototype{Params: []policy.Param{{Name: "family"}}}, call == "socket"
		},
	})
	lines := strings.Split(text, "\n")
	for i, want := range map[int]string{
		0: "ld [4] ; architecture", 1: "; x86_64 or x32", 2: "; aarch64; from 1", 3: "; kill_process; from 2", 4: "; number; from 1",
		5: "socket", 6: "; family of socket, low half; from 5", 8: "; of argument 0, 0xf", 9: "; read of x32; from 5", 10: "; number; from 2",
		11: "; openat", 12: "; errno EPERM; from 8, 9, 11", 13: "; allow; from 8, 9, 11", 14: "; never reached",
	} {
		line := strings.Join(strings.Fields(lines[i]), " ")
		if !strings.HasSuffix(line, want) && !(i == 5 && strings.Contains(lines[i], "socket, web.yaml:29 web.yaml:31")) &&
			!(i == 11 && strings.Contains(lines[i], want)) {
			t.Errorf("line %d is %q, want … %q", i, lines[i], want)
		}
	}
	if t.Failed() {
		t.Log("\n" + text)
	}
}

// TestWaysDisagree: after two architectures have met, a number has no name.
func TestWaysDisagree(t *testing.T) {
	p := bpf.Program{load(bpf.OffsetArch), jump(bpf.JEQ, seccomp.X8664.Audit(), 1, 0), jump(bpf.JEQ, seccomp.AArch64.Audit(), 0, 2),
		load(bpf.OffsetNr), jump(bpf.JEQ, 0, 0, 0), ret(bpf.RetAllow)}
	lines := strings.Split(Text(p, Options{}), "\n")
	if strings.Contains(lines[4], ";") {
		t.Errorf("%q names the call although the architecture may be any of two", lines[4])
	}
}

func TestCompiled(t *testing.T) {
	text := []byte("version: 1\nmodules:\n  a:\n    command: [/x]\n    filesystem: [{path: /usr}]\n    seccomp:\n      allow:\n" +
		"        - \"@default\"\n        - [read, write]\n")
	p, ds := policy.Parse("p.yaml", text, policy.Options{Catalog: seccomp.Catalog()})
	if p == nil {
		t.Fatal(ds)
	}
	decision, err := seccomp.Resolve(p.Modules[0].Seccomp)
	if err != nil {
		t.Fatal(err)
	}
	filter, err := seccomp.Emit(decision)
	if err != nil {
		t.Fatal(err)
	}
	program, err := bpf.Decode(filter.Program)
	if err != nil {
		t.Fatal(err)
	}
	out := Text(program, Options{Rules: Rules(p.Modules[0].Seccomp)})
	if got := strings.Count(out, "\n"); got != len(program) {
		t.Errorf("%d lines for %d instructions", got, len(program))
	}
	for _, want := range []string{"p.yaml:8", "; errno ENOSYS", "; allow", "; number"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add(bpf.Program{load(bpf.OffsetNr), jump(bpf.JEQ, 1, 0, 1), ret(0), ret(1)}.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		var p bpf.Program
		for ; len(b) >= 8; b = b[8:] { // also what Decode refuses
			p = append(p, bpf.Instruction{Code: uint16(b[0]) | uint16(b[1])<<8, JT: b[2], JF: b[3],
				K: uint32(b[4]) | uint32(b[5])<<8 | uint32(b[6])<<16 | uint32(b[7])<<24})
		}
		if out := Text(p, Options{}); strings.Count(out, "\n") != len(p) {
			t.Errorf("%d instructions as\n%s", len(p), out)
		}
	})
}
