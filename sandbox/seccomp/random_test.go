package seccomp

import (
	"math/rand/v2"
	"testing"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// source makes choices from bytes; when they are used up, all choices are 0.
type source struct {
	bytes  []byte
	values []uint32 // constants that were chosen
}

func (s *source) n(n int) int {
	if len(s.bytes) == 0 {
		return 0
	}
	b := s.bytes[0]
	s.bytes = s.bytes[1:]
	return int(b) % n
}

func (s *source) value() uint64 {
	kinds := []uint64{0, 1, 2, 4, 7, 0x10, 0xff, 0x20008, 0x7e020000, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff, 1 << 32, 1 << 63, ^uint64(0)}
	v := kinds[s.n(len(kinds))]
	if s.n(3) == 0 {
		v += uint64(s.n(256))<<s.n(64) - uint64(s.n(3))
	}
	s.values = append(s.values, uint32(v), uint32(v>>32))
	return v
}

func (s *source) condition(depth int) *policy.Condition {
	switch kind := s.n(6); {
	case depth > 0 && kind == 1:
		return all(s.condition(depth-1), s.condition(depth-1))
	case depth > 0 && kind == 2:
		return oneOf(s.condition(depth-1), s.condition(depth-1))
	case depth > 0 && kind == 3:
		return not(s.condition(depth - 1))
	case kind == 4 && s.n(20) == 0:
		return &policy.Condition{Op: []policy.ConditionOp{policy.CondTrue, policy.CondFalse}[s.n(2)]}
	}
	width, whole := 64, ^uint64(0)
	if s.n(2) == 0 {
		width, whole = 32, 0xffffffff
	}
	mask, signed := whole, s.n(3) == 0
	if !signed && s.n(2) == 0 {
		mask &= s.value()
	}
	return compared(s.n(6), width, signed, mask, policy.Relation(s.n(6)), s.value()&whole)
}

var randomCalls = []string{"read", "socket", "ioctl", "clone", "mmap", "prctl", "fcntl", "execveat"}

func (s *source) model() model {
	var m model
	kinds := []policy.ActionKind{policy.ActionErrno, policy.ActionKillProcess, policy.ActionKillThread,
		policy.ActionTrap, policy.ActionLog, policy.ActionAllow}
	m.section.Denied = setTo(kinds[s.n(len(kinds))], uint16(1+s.n(200)))
	m.section.Default = setTo(kinds[s.n(len(kinds))], uint16(1+s.n(200)))
	for _, name := range [][]string{{"native"}, {"native", "x86"}, {"native", "x32"}, {"native", "x86", "x32"}, {"x32"}, {"native", "arm"}}[s.n(6)] {
		m.section.Architectures = append(m.section.Architectures, policy.Value[string]{V: name})
	}
	for range s.n(8) {
		list := &m.section.Allow
		c := policy.Call{Name: randomCalls[s.n(len(randomCalls))], Pos: at(1), IfSupported: true}
		if s.n(4) == 0 {
			list = &m.section.Deny
			if s.n(2) == 0 {
				c.Answer = &policy.Action{Kind: kinds[s.n(len(kinds)-1)], Errno: uint16(1 + s.n(100))}
			}
		}
		*list = append(*list, c)
		if s.n(4) > 0 {
			m.when(*list, s.condition(3))
		}
	}
	return m
}

// compileProve emits the filter of a section made of bytes, proves it, and compares it with the model, on a number of random calls, and with its
// own way back.
func compileProve(t *testing.T, bytes []byte, calls int) {
	s := source{bytes: bytes}
	m := s.model()
	d, err := resolve(m.section, m.lower)
	if err != nil {
		t.Fatal(err)
	}
	p, err := emit(d)
	if err != nil {
		t.Skip(err) // more than a filter can hold
	}
	if err := Prove(p, d); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, uint64(len(bytes))))
	want := func(call bpf.Data) uint32 { return m.want(call) }
	numbers := make([]uint32, 0, len(randomCalls))
	for _, name := range randomCalls {
		numbers = append(numbers, must(t, name))
	}
	for range calls {
		call := bpf.Data{Nr: numbers[random.IntN(len(numbers))], Arch: Native().Audit()}
		if random.IntN(4) == 0 {
			call.Arch, call.Nr = X86.Audit(), random.Uint32N(400)
		}
		if random.IntN(8) == 0 {
			call.Nr |= x32Bit
		}
		for i := range call.Args {
			call.Args[i] = random.Uint64() >> random.IntN(64)
			if len(s.values) > 0 && random.IntN(4) > 0 {
				call.Args[i] = uint64(s.values[random.IntN(len(s.values))]) + uint64(random.IntN(3)) - 1
				call.Args[i] |= uint64(s.values[random.IntN(len(s.values))]) << 32 * uint64(random.IntN(2))
			}
		}
		if got, w := p.Run(call), want(call); got != w {
			t.Fatalf("%+v: the program that was proved answers %s, the section says %s", call, bpf.Describe(got), bpf.Describe(w))
		}
	}
	back, err := FromProgram(p)
	if err != nil {
		t.Fatal(err)
	}
	if differences := Compare(d, back, 3); len(differences) > 0 || d.Key() != back.Key() {
		t.Fatalf("the function of the program differs from the one that it was made of: %v", differences)
	}
}

func TestRandomSections(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 12))
	for range 300 {
		bytes := make([]byte, 40+random.IntN(200))
		for i := range bytes {
			bytes[i] = byte(random.Uint32())
		}
		compileProve(t, bytes, 500)
	}
}

func FuzzCompileProve(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("0123456789abcdefghijklmnopqrstuvwxyz"))
	f.Add([]byte{1, 3, 5, 3, 7, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30})
	f.Fuzz(func(t *testing.T, b []byte) {
		compileProve(t, b[:min(len(b), 200)], 60)
	})
}

// FuzzFromProgram reads arbitrary programs: what can be decided agrees with the kernel's rules on calls at the program's constants and at random.
func FuzzFromProgram(f *testing.F) {
	own, err := AllowList([]string{"read", "write", "exit_group"}, bpf.RetErrno|1)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(own.Program)
	f.Add(bpf.Program{
		{Code: bpf.LD | bpf.W | bpf.ABS, K: 16}, {Code: bpf.MISC | bpf.TAX}, {Code: bpf.LD | bpf.W | bpf.ABS, K: 24},
		{Code: bpf.ALU | bpf.DIV | bpf.X}, {Code: bpf.ALU | bpf.LSH | bpf.K, K: 3}, {Code: bpf.ST, K: 2}, {Code: bpf.LDX | bpf.MEM, K: 2},
		{Code: bpf.JMP | bpf.JSET | bpf.X, JT: 1}, {Code: bpf.RET | bpf.A}, {Code: bpf.RET},
	}.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := bpf.Decode(b)
		if err != nil {
			return
		}
		d, err := FromProgram(p)
		if err != nil {
			return // too large to be decided
		}
		random := rand.New(rand.NewPCG(3, uint64(len(b))))
		if call := sweep(p, d.Want, random, 500); call != nil {
			t.Fatalf("%+v: the program answers %#x, its function %#x", *call, p.Run(*call), d.Want(*call))
		}
		if err := Prove(p, d); err != nil {
			t.Fatal(err)
		}
		if q, err := emit(d); err == nil && q.Check() == nil {
			if err := Prove(q, d); err != nil {
				t.Fatalf("the function of a program, emitted again: %v", err)
			}
		}
	})
}
