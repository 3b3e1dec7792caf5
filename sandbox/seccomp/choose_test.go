package seccomp

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/posix/bpf"
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
	broken := errors.New("no way")
	fails := func(*Decision) (*Filter, error) { return nil, broken }
	lies := func(*Decision) (*Filter, error) { return bad, nil }
	grows := func(d *Decision) (*Filter, error) { return Verify(larger(t, own), d) }
	for _, c := range []struct {
		name   string
		theirs []byte
		failed error
		emit   func(*Decision) (*Filter, error)
		want   []byte
		says   string
	}{
		{"both are proved", good, nil, Emit, own.Program, "as the policy says and as"},
		{"the library's is wrong", bad.Program, nil, Emit, own.Program, "(reboot)"},
		{"the library's is no program", []byte{1}, nil, Emit, own.Program, "not compared with libseccomp: "},
		{"the library cannot say it", nil, broken, Emit, own.Program, "not compared with libseccomp: no way"},
		{"ours cannot be made", good, nil, fails, good, "not used: no way"},
		{"ours is wrong", good, nil, lies, good, "(reboot)"},
		{"ours is larger", own.Program, nil, grows, own.Program, "instructions of libseccomp"},
		{"neither", bad.Program, nil, fails, nil, "no filter is proved"},
		{"neither can be made", nil, broken, fails, nil, "no filter is proved"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, how, err := choose(d, func() ([]byte, error) { return c.theirs, c.failed }, c.emit)
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
