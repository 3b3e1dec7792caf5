package libseccomp

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// source makes choices from bytes; when they are used up, all choices are 0.
type source struct{ bytes []byte }

func (s *source) n(n int) int {
	if len(s.bytes) == 0 {
		return 0
	}
	b := s.bytes[0]
	s.bytes = s.bytes[1:]
	return int(b) % n
}

func one[T any](s *source, of ...T) T { return of[s.n(len(of))] }

// arguments are calls with an argument each that they have on every architecture.
var arguments = [][2]string{
	{"socket", "family"}, {"ioctl", "cmd"}, {"mprotect", "prot"}, {"personality", "personality"}, {"fcntl", "cmd"}, {"prctl", "option"},
}

func (s *source) expression(argument string, depth int) string {
	value := func() string {
		return one(s, "0", "1", "2", "7", "0x10", "0xff", "0x20008", "0x7fffffff", "0x80000000", "0xfffffff0", "0xffffffff")
	}
	if depth > 0 {
		switch s.n(4) {
		case 1:
			return fmt.Sprintf("(%s) && (%s)", s.expression(argument, depth-1), s.expression(argument, depth-1))
		case 2:
			return fmt.Sprintf("(%s) || (%s)", s.expression(argument, depth-1), s.expression(argument, depth-1))
		case 3:
			return fmt.Sprintf("!(%s)", s.expression(argument, depth-1))
		}
	}
	if s.n(3) == 0 {
		return fmt.Sprintf("(%s & %s) %s %s", argument, value(), one(s, "==", "!="), value())
	}
	return fmt.Sprintf("%s %s %s", argument, one(s, "==", "!=", "<", "<=", ">", ">="), value())
}

func (s *source) section(t *testing.T) policy.Seccomp {
	var out policy.Seccomp
	action := func() policy.Action {
		kinds := []policy.ActionKind{policy.ActionErrno, policy.ActionKillProcess, policy.ActionKillThread, policy.ActionTrap, policy.ActionLog}
		return policy.Action{Kind: one(s, kinds...), Errno: uint16(1 + s.n(100))}
	}
	out.Denied, out.Default = written(action()), written(action())
	for _, a := range one(s, []string{"native"}, []string{"native"}, []string{"native"}, []string{"native", "x86"}, []string{"native", "x86", "x32"}) {
		if seccomp.Native() == seccomp.X8664 || a == "native" {
			out.Architectures = append(out.Architectures, written(a))
		}
	}
	if s.n(2) == 0 {
		out.Allow = calls("@basic-io")
	}
	for range s.n(6) {
		of := one(s, arguments...)
		c := policy.Call{Name: of[0]}
		if s.n(4) > 0 {
			e, err := policy.ParseExpr(s.expression(of[1], 2))
			if err != nil {
				t.Fatal(err)
			}
			c.When = e
		}
		if s.n(4) > 0 {
			out.Allow = append(out.Allow, c)
			continue
		}
		if a := action(); s.n(2) == 0 {
			c.Answer = &a
		}
		out.Deny = append(out.Deny, c)
	}
	return out
}

// choose compiles a section made of bytes with both compilers. They may not differ, and what is chosen has to be proved once more.
func choose(t *testing.T, bytes []byte) (compared bool) {
	s := source{bytes}
	section := s.section(t)
	d, err := seccomp.Resolve(section)
	if err != nil {
		return false // a condition that never holds, for example, is an error
	}
	f, how, err := Choose(d, options())
	if err != nil {
		t.Fatalf("%v: %v", section, err)
	}
	p, err := bpf.Decode(f.Program)
	if err != nil {
		t.Fatal(err)
	}
	if err := seccomp.Prove(p, d); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(how, "differs") || strings.Contains(how, "bug of ours") {
		t.Fatalf("%+v: %s", section, how)
	}
	return strings.HasSuffix(how, "of libseccomp do")
}

// FuzzChoose compiles random sections with both compilers, which have to agree. FuzzCompileProve of package seccomp is the same without C, and a
// hundred times faster.
func FuzzChoose(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("0123456789abcdefghijklmnopqrstuvwxyz"))
	f.Add([]byte("00001012101")) // x32 has registers of 64 bits, of which the library compares 32
	f.Add([]byte{1, 3, 5, 3, 7, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30})
	f.Fuzz(func(t *testing.T, b []byte) { choose(t, b[:min(len(b), 256)]) })
}

// TestRandomSections: most random sections can be compared.
func TestRandomSections(t *testing.T) {
	random := rand.New(rand.NewPCG(41, 42))
	compared := 0
	const sections = 60
	for range sections {
		bytes := make([]byte, 20+random.IntN(100))
		for i := range bytes {
			bytes[i] = byte(random.Uint32())
		}
		if choose(t, bytes) {
			compared++
		}
	}
	if compared < sections/4 {
		t.Errorf("only %d of %d sections were compared", compared, sections)
	}
	t.Logf("%d of %d sections were compared with libseccomp", compared, sections)
}
