package seccomp

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// larger makes a program larger and leaves what it answers.
func larger(t *testing.T, f *Filter) []byte {
	t.Helper()
	p, err := bpf.Decode(f.Program)
	if err != nil {
		t.Fatal(err)
	}
	return append(slices.Repeat(bpf.Program{{Code: bpf.LD | bpf.IMM}}, 10), p...).Bytes()
}

func TestChoose(t *testing.T) {
	d, wrong := allowing("@system-service").decision(t), allowing("@system-service", "reboot").decision(t)
	own, err := Emit(d)
	if err != nil {
		t.Fatal(err)
	}
	bad, err := Emit(wrong)
	if err != nil {
		t.Fatal(err)
	}
	good := larger(t, own)
	unsaid := []Unsaid{{Native(), must(t, "read")}, {Native(), must(t, "write")}}
	fewer, err := d.part(Part{Arch: Native(), Unsaid: unsaid})
	if err != nil {
		t.Fatal(err)
	}
	lacks, err := Emit(fewer)
	if err != nil {
		t.Fatal(err)
	}
	lacking := larger(t, lacks)
	broken := errors.New("no way")
	fails := func(*Decision) (*Filter, error) { return nil, broken }
	lies := func(*Decision) (*Filter, error) { return bad, nil }
	grows := func(d *Decision) (*Filter, error) { return Verify(larger(t, own), d) }
	for _, c := range []struct {
		name   string
		theirs []byte
		unsaid []Unsaid
		failed error
		emit   func(*Decision) (*Filter, error)
		want   []byte
		says   string
	}{
		{"both are proved", good, nil, nil, Emit, own.Program, "as the policy says and as"},
		{"the library's is wrong", bad.Program, nil, nil, Emit, own.Program, "(reboot)"},
		{"the library's is no program", []byte{1}, nil, nil, Emit, own.Program, "not compared with libseccomp: "},
		{"the library cannot say it", nil, nil, broken, Emit, own.Program, "not compared with libseccomp: no way"},
		{"ours cannot be made", good, nil, nil, fails, good, "not used: no way"},
		{"ours is wrong", good, nil, nil, lies, good, "(reboot)"},
		{"ours is larger", own.Program, nil, nil, grows, own.Program, "instructions of libseccomp"},
		{"neither", bad.Program, nil, nil, fails, nil, "no filter is proved"},
		{"neither can be made", nil, nil, broken, fails, nil, "no filter is proved"},
		{"but for some calls", lacking, unsaid, nil, Emit, own.Program, "but for 2 calls that it has no words for, as"},
		{"it says what it has no words for", good, unsaid, nil, Emit, own.Program, "differs for call"},
		{"it lacks another call", lacking, unsaid[:1], nil, Emit, own.Program, "differs for call"},
		{"ours cannot be made, and it lacks calls", lacking, unsaid, nil, fails, nil, "is not for all of it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, how, err := choose(d, func() ([]Part, error) { return []Part{{Native(), c.theirs, c.unsaid}}, c.failed }, c.emit)
			if c.want == nil {
				if err == nil || !strings.Contains(err.Error(), c.says) {
					t.Errorf("got %v, want %q", err, c.says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if string(f.Program) != string(c.want) || !strings.Contains(how, c.says) {
				t.Errorf("a program of %d instructions was chosen, and it says %q; want %q", f.Instructions, how, c.says)
			}
		})
	}
}

// TestChooseParts: programs for one architecture each are compared with what the function says of it.
func TestChooseParts(t *testing.T) {
	s := withArguments()
	for i := range s.section.Allow {
		s.section.Allow[i].Group = ""
	}
	of := func(arches ...Arch) *Decision {
		s.section.Architectures = nil
		for _, a := range arches {
			s.section.Architectures = append(s.section.Architectures, policy.Value[string]{V: a.Name()})
		}
		return s.decision(t)
	}
	program := func(d *Decision) []byte {
		f, err := Emit(d)
		if err != nil {
			t.Fatal(err)
		}
		return f.Program
	}
	whole := of(X8664, X86, X32)
	x64, x86, x32 := Part{Arch: X8664, Program: program(of(X8664))}, Part{Arch: X86, Program: program(of(X86))}, Part{Arch: X32, Program: program(of(X32))}
	for _, c := range []struct {
		name  string
		parts []Part
		says  string
	}{
		{"all", []Part{x64, x86, x32}, "as the policy says and as"},
		{"x32 instead of x86_64", []Part{{Arch: X8664, Program: x32.Program}, x86, x32}, "differs for"},
		{"one is missing", []Part{x64, x86}, "not compared with libseccomp: 2 programs for 3 architectures"},
	} {
		f, how, err := choose(whole, func() ([]Part, error) { return c.parts, nil }, Emit)
		if err != nil {
			t.Fatal(err)
		}
		if string(f.Program) != string(program(whole)) || !strings.Contains(how, c.says) {
			t.Errorf("%s: it says %q, want %q", c.name, how, c.says)
		}
	}
	for _, p := range []Part{x64, x86, x32} {
		if d, err := whole.part(p); err != nil || d.Key() != of(p.Arch).Key() {
			t.Errorf("the part for %s is not the function for it alone: %v", p.Arch, err)
		}
	}
}
