package seccomp

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/tests/planted"
)

const testSecret = 0x123456789abcdef0

// withOnce returns a program with exec once and a secret, and what it is to answer for just that one.
func withOnce(t *testing.T) (p bpf.Program, patch ExecOncePatch, plain, once *Decision, want func(bpf.Data) uint32) {
	t.Helper()
	plain = allowing("@basic-io").decision(t)
	f, err := Emit(plain)
	if err != nil {
		t.Fatal(err)
	}
	program, patch, err := WithExecOnce(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := Patch(program, patch, testSecret); err != nil {
		t.Fatal(err)
	}
	if p, err = bpf.Decode(program); err != nil {
		t.Fatal(err)
	}
	m := allowing("@basic-io", "execveat")
	m.when(m.section.Allow, compared(secretArg, 64, false, ^uint64(0), policy.RelEq, testSecret))
	return p, patch, plain, m.decision(t), m.want
}

// TestProveOnceFindsMistakes: what is wrong for one secret is not proved for all. The constants that are patched may be anything.
func TestProveOnceFindsMistakes(t *testing.T) {
	p, patch, plain, once, want := withOnce(t)
	if err := ProveOnce(p.Bytes(), patch, plain); err != nil {
		t.Fatal(err)
	}
	secrets := []int{patch.LowAt / bpf.InstructionSize, patch.HighAt / bpf.InstructionSize}
	rejected, patched := 0, 0
	result := planted.NewResult()
	planted.Subject{Name: "exec once", Program: p, Want: want, Native: Native().Audit()}.Plant(func(q bpf.Program) (*planted.Witness, error) {
		one, every := Prove(q, once), ProveOnce(q.Bytes(), patch, plain)
		other := slices.Clone(q)
		for _, at := range secrets {
			other[at].K = p[at].K
		}
		var diff *Difference
		switch {
		case !errors.As(one, &diff):
			return nil, one
		case every != nil:
			rejected++
		case slices.Equal(other, p):
			patched++ // the mistake is another secret
		default:
			t.Errorf("proved for every secret, and wrong for one: %v\n%s", diff, q.Disassemble())
		}
		return &planted.Witness{Call: diff.Call, Got: diff.Got, Want: diff.Want}, nil
	}, result)
	for _, wrong := range result.Wrong {
		t.Error(wrong)
	}
	if rejected < 200 || patched < 2 || patched > 12 {
		t.Errorf("%d mistakes were rejected, %d were other secrets", rejected, patched)
	}
}

// TestProveOnceIsAboutEverySecret: programs that are right for the secret that they hold, and for no other.
func TestProveOnceIsAboutEverySecret(t *testing.T) {
	p, patch, plain, once, _ := withOnce(t)
	low, high := patch.LowAt/bpf.InstructionSize, patch.HighAt/bpf.InstructionSize
	for name, c := range map[string]struct {
		change func(p bpf.Program) (bpf.Program, ExecOncePatch)
		says   string
	}{
		"half of it is never patched": {func(p bpf.Program) (bpf.Program, ExecOncePatch) {
			dead := len(p)
			p = append(p, bpf.Instruction{Code: bpf.LD | bpf.W | bpf.ABS, K: bpf.OffsetArgHigh(secretArg)},
				bpf.Instruction{Code: bpf.JMP | bpf.JEQ | bpf.K, K: testSecret >> 32}, bpf.Instruction{Code: bpf.RET | bpf.K})
			return p, ExecOncePatch{LowAt: patch.LowAt, HighAt: (dead+1)*bpf.InstructionSize + 4}
		}, "for some secrets"},
		"the halves are swapped": {func(p bpf.Program) (bpf.Program, ExecOncePatch) {
			return p, ExecOncePatch{LowAt: patch.HighAt, HighAt: patch.LowAt}
		}, "not compared with the argument"},
		"what is patched is no comparison": {func(p bpf.Program) (bpf.Program, ExecOncePatch) {
			return p, ExecOncePatch{LowAt: patch.LowAt, HighAt: (high+1)*bpf.InstructionSize + 4}
		}, "differs from the policy"},
		"what is patched is no constant": {func(p bpf.Program) (bpf.Program, ExecOncePatch) {
			return p, ExecOncePatch{LowAt: patch.LowAt, HighAt: patch.HighAt + 1}
		}, "not that of an instruction's constant"},
		"what is patched is outside": {func(p bpf.Program) (bpf.Program, ExecOncePatch) {
			return p, ExecOncePatch{LowAt: -4, HighAt: patch.HighAt}
		}, "not that of an instruction's constant"},
		"one place for both": {func(p bpf.Program) (bpf.Program, ExecOncePatch) {
			return p, ExecOncePatch{LowAt: patch.LowAt, HighAt: patch.LowAt}
		}, "differs from the policy"},
		"another argument": {func(p bpf.Program) (bpf.Program, ExecOncePatch) {
			p[low-1].K = bpf.OffsetArgLow(4)
			return p, patch
		}, "not compared with the argument"},
	} {
		t.Run(name, func(t *testing.T) {
			q, patch := c.change(slices.Clone(p))
			if name != "another argument" {
				if err := Prove(q, once); err != nil {
					t.Fatalf("it is wrong for the secret that it holds: %v", err)
				}
			}
			if err := ProveOnce(q.Bytes(), patch, plain); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %q", err, c.says)
			}
		})
	}
	if err := ProveOnce(p.Bytes(), patch, once); err == nil {
		t.Error("the function with one secret was taken for that with every one")
	}
	if err := ProveOnce([]byte{1}, patch, plain); err == nil {
		t.Error("one byte was taken for a program")
	}
	var diff *Difference
	wider := allowing("@basic-io", "reboot").decision(t)
	if err := ProveOnce(p.Bytes(), patch, wider); !errors.As(err, &diff) || diff.Call.Nr != must(t, "reboot") {
		t.Errorf("another policy: %v", err)
	}
}
