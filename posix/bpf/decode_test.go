package bpf

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

var allow = Instruction{Code: RET | K, K: RetAllow}

func TestCheck(t *testing.T) {
	long := make(Program, MaxInstructions)
	for i := range long {
		long[i] = allow
	}
	for _, c := range []struct {
		name string
		p    Program
		want string // part of the error, empty when the program is right
	}{
		{"shortest", Program{allow}, ""},
		{"empty", Program{}, "0 instructions"},
		{"longest", long, ""},
		{"too long", append(long, allow), "4097 instructions"},
		{"no end", Program{allow, {Code: LD | W | ABS}}, "does not return"},
		{"return of X", Program{{Code: RET | X}}, "does not have"},
		{"load a byte", Program{{Code: LD | ABS | 0x10}, allow}, "does not have"},
		{"indirect load", Program{{Code: LD | W | 0x40}, allow}, "does not have"},
		{"modulo", Program{{Code: ALU | 0x90, K: 2}, allow}, "does not have"},
		{"last word", Program{{Code: LD | W | ABS, K: 60}, allow}, ""},
		{"word behind the data", Program{{Code: LD | W | ABS, K: 64}, allow}, "not of a word"},
		{"crooked word", Program{{Code: LD | W | ABS, K: 6}, allow}, "not of a word"},
		{"division by zero", Program{{Code: ALU | DIV, K: 0}, allow}, "division by zero"},
		{"shift by 31", Program{{Code: ALU | LSH, K: 31}, allow}, ""},
		{"shift by 32", Program{{Code: ALU | RSH, K: 32}, allow}, "shift"},
		{"scratch word 16", Program{{Code: ST, K: 16}, allow}, "16 words"},
		{"jump to the end", Program{{Code: JMP | JA, K: 1}, allow, allow}, ""},
		{"jump out", Program{{Code: JMP | JA, K: 1}, allow}, "leaves the program"},
		{"jump that wraps", Program{{Code: JMP | JA, K: 0xffffffff}, allow}, "leaves the program"},
		{"true branch out", Program{{Code: JMP | JEQ, JT: 1}, allow}, "leaves the program"},
		{"false branch out", Program{{Code: JMP | JEQ, JF: 1}, allow}, "leaves the program"},
		{"scratch stored", Program{{Code: ST, K: 3}, {Code: LD | MEM, K: 3}, allow}, ""},
		{"scratch not stored", Program{{Code: ST, K: 2}, {Code: LDX | MEM, K: 3}, allow}, "may not have been stored"},
		{"scratch stored on one path", Program{{Code: JMP | JEQ, JT: 1}, {Code: ST, K: 3}, {Code: LD | MEM, K: 3}, allow}, "may not have been stored"},
		{"scratch stored on both paths", Program{
			{Code: JMP | JEQ, JT: 2}, {Code: ST, K: 3}, {Code: JMP | JA, K: 1}, {Code: STX, K: 3}, {Code: LD | MEM, K: 3}, allow,
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Decode(c.p.Bytes())
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got.Bytes(), c.p.Bytes()) {
					t.Error("decoding changed the program")
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}

func TestDecodeHalfInstruction(t *testing.T) {
	if _, err := Decode(make([]byte, 12)); err == nil {
		t.Error("12 bytes were accepted")
	}
}

func TestRandomProgramsAreOftenValid(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	valid := 0
	for range 1000 {
		if randomProgram(r, 1, func(k uint32) uint32 { return k }).Check() == nil {
			valid++
		}
	}
	if valid < 200 || valid > 900 {
		t.Errorf("%d of 1000 programs are valid; the comparison with the kernel needs both kinds", valid)
	}
}

func FuzzDecode(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		f.Add(randomProgram(r, 39, func(k uint32) uint32 { return k }).Bytes(), uint32(39), uint64(r.Uint64()))
	}
	f.Fuzz(func(t *testing.T, b []byte, nr uint32, arg uint64) {
		p, err := Decode(b)
		if err != nil {
			return
		}
		if !bytes.Equal(p.Bytes(), b) {
			t.Fatal("Bytes does not return what Decode took")
		}
		d := Data{Nr: nr, Arch: uint32(arg), Args: [6]uint64{arg, arg >> 1, ^arg, arg << 7, 0, arg}}
		if first, second := p.Run(d), p.Run(d); first != second {
			t.Fatalf("two runs gave %#x and %#x", first, second)
		}
		if text := p.Disassemble(); strings.Contains(text, "code 0x") || strings.Count(text, "\n") != len(p) {
			t.Fatalf("an instruction that was accepted has no notation:\n%s", text)
		}
	})
}
