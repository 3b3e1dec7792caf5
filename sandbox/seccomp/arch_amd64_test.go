package seccomp

import (
	"testing"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

func TestX32IsClosed(t *testing.T) {
	m := allowing("@known")
	m.section.Default = setTo(policy.ActionAllow, 0)
	d := m.decision(t)
	f, err := Emit(d)
	if err != nil {
		t.Fatal(err)
	}
	p, err := bpf.Decode(f.Program)
	if err != nil {
		t.Fatal(err)
	}
	for _, nr := range []uint32{0x40000000, 0x40000001, 0x4000003b, 0x40000208, 0x7fffffff, 0x80000000, 0xc0000000, 0xfffffffe} {
		if got := p.Run(bpf.Data{Nr: nr, Arch: 0xc000003e}); got != bpf.RetKillProcess {
			t.Errorf("%#x: %s", nr, bpf.Describe(got))
		}
	}
	if got := p.Run(bpf.Data{Nr: 0x3fffffff, Arch: 0xc000003e}); got != bpf.RetAllow {
		t.Errorf("the number below x32: %s", bpf.Describe(got))
	}
	opened := append(bpf.Program{
		{Code: bpf.LD | bpf.W | bpf.ABS, K: bpf.OffsetNr},
		{Code: bpf.JMP | bpf.JEQ | bpf.K, K: 0x40000208, JF: 1}, // execve of x32
		{Code: bpf.RET, K: bpf.RetAllow},
	}, p...)
	if _, err := Verify(opened.Bytes(), d); err == nil {
		t.Error("a program that allows one call of x32 was accepted")
	}
}
