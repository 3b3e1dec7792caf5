package seccomp

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

func service(t *testing.T) Rules {
	t.Helper()
	var calls []policy.Call
	for _, name := range Catalog().Groups["@system-service"] {
		calls = append(calls, policy.Call{Name: name})
	}
	r, err := Resolve(policy.Seccomp{Allow: calls})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// linear makes the filter of rules as libseccomp does without its tree: one comparison after the other.
func linear(t *testing.T, r Rules) *Filter {
	t.Helper()
	ranges := r.ranges()
	p := bpf.Program{
		{Code: bpf.LD | bpf.W | bpf.ABS, K: bpf.OffsetArch},
		{Code: bpf.JMP | bpf.JEQ | bpf.K, JT: 1, K: nativeArch},
		{Code: bpf.RET | bpf.K, K: bpf.RetKillProcess},
		{Code: bpf.LD | bpf.W | bpf.ABS, K: bpf.OffsetNr},
	}
	for i := len(ranges) - 1; i > 0; i-- {
		p = append(p, bpf.Instruction{Code: bpf.JMP | bpf.JGE | bpf.K, K: ranges[i].from, JF: 1}, bpf.Instruction{Code: bpf.RET | bpf.K, K: ranges[i].answer})
	}
	p = append(p, bpf.Instruction{Code: bpf.RET | bpf.K, K: ranges[0].answer})
	for range 50 { // a compiler that repeats itself
		p = append(p, bpf.Instruction{Code: bpf.RET | bpf.K, K: ranges[0].answer})
	}
	f, err := Verify(p.Bytes(), r)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestSmaller(t *testing.T) {
	theirs := linear(t, service(t))
	f, how := Smaller(theirs)
	if f == theirs || f.Instructions >= theirs.Instructions {
		t.Fatalf("the larger program was chosen: %s", how)
	}
	if want := fmt.Sprintf("%d instructions, proved", f.Instructions); !strings.HasPrefix(how, want) || !strings.Contains(how, fmt.Sprint(theirs.Instructions)) {
		t.Errorf("it says %q", how)
	}
	if again, _ := Smaller(f); again != f {
		t.Error("a program that is not larger was exchanged")
	}
}

// TestSmallerNotUsed gives the choice emitters that make mistakes: the library's program is loaded, and the report says why.
func TestSmallerNotUsed(t *testing.T) {
	theirs := linear(t, service(t))
	for _, c := range []struct {
		name string
		emit func(Rules) (*Filter, error)
		says string
	}{
		{"it cannot be made", func(Rules) (*Filter, error) { return nil, errors.New("no way") }, "not used: no way"},
		{"it allows another call", func(r Rules) (*Filter, error) {
			r.Allow = append([]uint32{must(t, "reboot")}, r.Allow...)
			slices.Sort(r.Allow)
			return Emit(r)
		}, "(reboot)"},
		{"it allows another architecture", func(r Rules) (*Filter, error) {
			f, err := Emit(r)
			if err != nil {
				return nil, err
			}
			p, err := bpf.Decode(bytes.Clone(f.Program))
			p[2].K = bpf.RetAllow
			return &Filter{Program: p.Bytes(), Instructions: len(p)}, err
		}, "architecture"},
		{"it is no program", func(Rules) (*Filter, error) { return &Filter{Program: []byte{1}}, nil }, "not used"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, how := smaller(theirs, c.emit)
			if f != theirs {
				t.Fatal("the wrong program was chosen")
			}
			if !strings.Contains(how, c.says) || !strings.Contains(how, "report") {
				t.Errorf("it says %q, want %q", how, c.says)
			}
		})
	}
}

func TestEqual(t *testing.T) {
	theirs := linear(t, service(t))
	own, err := Emit(theirs.Rules)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(Equal(own.Program, theirs.Program), Equal(theirs.Program, own.Program)); err != nil {
		t.Error(err)
	}
	// Every answer of the program changed in turn: each is found.
	p, err := bpf.Decode(own.Program)
	if err != nil {
		t.Fatal(err)
	}
	for i := range p {
		if p[i].Code != bpf.RET|bpf.K {
			continue
		}
		changed := append(bpf.Program{}, p...)
		changed[i].K = bpf.RetErrno | 99
		var d *Difference
		if err := Equal(changed.Bytes(), theirs.Program); !errors.As(err, &d) || d.Got != bpf.RetErrno|99 {
			t.Fatalf("instruction %d: %v", i, err)
		}
	}
	for _, junk := range [][2][]byte{{{1}, own.Program}, {own.Program, {1}}, {own.Program, nil}} {
		if Equal(junk[0], junk[1]) == nil {
			t.Errorf("% x and % x were taken for equal", junk[0], junk[1])
		}
	}
}
