package seccomp

import (
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// TestWithExecOnce proves the patched program for every call there can be: the filter's answer and one more thing allowed.
func TestWithExecOnce(t *testing.T) {
	m := allowing("@basic-io")
	f, err := Emit(m.decision(t))
	if err != nil {
		t.Fatal(err)
	}
	before := string(f.Program)
	prog, patch, err := WithExecOnce(f)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []uint64{1, 1 << 32, 0xffffffffffffffff, 0x123456789abcdef0} {
		if err := Patch(prog, patch, secret); err != nil {
			t.Fatal(err)
		}
		p, err := bpf.Decode(prog)
		if err != nil {
			t.Fatal(err)
		}
		if rest, ok := WithoutExecOnce(p); !ok || string(rest.Bytes()) != before {
			t.Errorf("secret %#x: the filter behind is %d instructions, %t", secret, len(rest), ok)
		}
		p[3].K++
		if rest, ok := WithoutExecOnce(p); ok || len(rest) != len(p) {
			t.Error("taken for exec once although it is about another call")
		}
		p[3].K--
		m := allowing("@basic-io", "execveat")
		m.when(m.section.Allow, compared(5, 64, false, ^uint64(0), policy.RelEq, secret))
		if err := Prove(p, m.decision(t)); err != nil {
			t.Errorf("secret %#x: %v", secret, err)
		}
		if got := p.Run(bpf.Data{Nr: must(t, "execveat"), Arch: Native().Audit(), Args: [6]uint64{5: secret}}); got != bpf.RetAllow {
			t.Errorf("secret %#x: execveat is answered with %s", secret, bpf.Describe(got))
		}
	}
	if string(f.Program) != before {
		t.Error("the filter itself was changed")
	}
}

func TestWithExecOnceUnpatched(t *testing.T) {
	f, err := Emit(model{}.decision(t))
	if err != nil {
		t.Fatal(err)
	}
	prog, _, err := WithExecOnce(f)
	if err != nil {
		t.Fatal(err)
	}
	p, err := bpf.Decode(prog)
	if err != nil {
		t.Fatal(err)
	}
	for _, arg := range []uint64{0, 1, ^uint64(0)} {
		if got := p.Run(bpf.Data{Nr: must(t, "execveat"), Arch: Native().Audit(), Args: [6]uint64{5: arg}}); got != bpf.RetErrno|1 {
			t.Errorf("execveat with %#x is answered with %s", arg, bpf.Describe(got))
		}
	}
}

func TestWithExecOnceTooLong(t *testing.T) {
	long := make(bpf.Program, bpf.MaxInstructions-8)
	for i := range long {
		long[i] = bpf.Instruction{Code: bpf.RET, K: bpf.RetAllow}
	}
	d, err := FromProgram(long)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := WithExecOnce(&Filter{Program: long.Bytes(), Decision: d}); err == nil || !strings.Contains(err.Error(), "4097 instructions") {
		t.Errorf("got %v", err)
	}
	if _, _, err := WithExecOnce(&Filter{Program: long[1:].Bytes(), Decision: d}); err != nil {
		t.Errorf("4096 instructions: %v", err)
	}
	if _, _, err := WithExecOnce(&Filter{Program: long[1:].Bytes()}); err == nil {
		t.Error("a filter of which nobody knows what it should answer was accepted")
	}
}

func TestPatchRefuses(t *testing.T) {
	prog := make([]byte, 64)
	for name, c := range map[string]struct {
		p      ExecOncePatch
		secret uint64
	}{
		"secret 0":   {ExecOncePatch{44, 60}, 0},
		"behind":     {ExecOncePatch{44, 61}, 1},
		"before":     {ExecOncePatch{-1, 60}, 1},
		"far behind": {ExecOncePatch{1 << 40, 60}, 1},
	} {
		if err := Patch(prog, c.p, c.secret); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
