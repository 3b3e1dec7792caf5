package trace

import (
	"bytes"
	"io"
	"iter"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/core/policy/call"
	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

const eperm = bpf.RetErrno | 1

// plain is a decider that is not exact.
type plain func(bpf.Data) uint32

func (f plain) Want(d bpf.Data) uint32 { return f(d) }

// byLow is an exact decider: what it answers depends on the lowest bits of the first argument only.
type byLow struct {
	plain
	bits uint64
}

func (b byLow) Answers(d bpf.Data, known [6]uint64) iter.Seq2[uint32, bpf.Data] {
	return func(yield func(uint32, bpf.Data) bool) {
		for v := uint64(0); v <= b.bits; v++ {
			e := d
			e.Args[0] = d.Args[0]&known[0] | v&^known[0]
			if v&known[0] == 0 && !yield(b.plain(e), e) {
				return
			}
		}
	}
}

func decideText(t *testing.T, d Decider, text string) Outcome {
	t.Helper()
	c, err := call.ParseLoose(text, testArch)
	if err != nil {
		t.Fatal(err)
	}
	return Decide(d, &c, testArch)
}

func TestDecide(t *testing.T) {
	odd := func(d bpf.Data) uint32 {
		if d.Args[0]&1 == 1 {
			return eperm
		}
		return bpf.RetAllow
	}
	always := func(answer uint32) plain { return func(bpf.Data) uint32 { return answer } }
	wide := plain(func(d bpf.Data) uint32 { // compares an int in 64 bits
		if d.Args[0] == 17 {
			return eperm
		}
		return bpf.RetAllow
	})
	for name, c := range map[string]struct {
		d    Decider
		text string
		want Verdict
		says string
	}{
		"exact and known":                {byLow{odd, 1}, "kill(2, 9)", Allowed, "allow"},
		"exact, known and denied":        {byLow{odd, 1}, "kill(3, 9)", Denied, "errno EPERM"},
		"exact and unknown":              {byLow{odd, 1}, "kill(_, 9)", MayDenied, "may be denied (errno EPERM), depends on argument pid"},
		"exact, all that is unknown too": {byLow{always(bpf.RetAllow), 1}, "kill(_, _)", Allowed, "allow"},
		"log permits":                    {byLow{always(bpf.RetLog), 1}, "kill(_, _)", Allowed, "log"},
		"a tracer is asked":              {byLow{always(bpf.RetUserNotif), 1}, "kill(_, _)", Denied, "user_notif"},
		"not exact":                      {always(bpf.RetAllow), "kill(_, 9)", MayDenied, "may be denied, depends on argument pid"},
		"not exact, but it is found":     {plain(odd), "kill(_, 9)", MayDenied, "may be denied (errno EPERM), depends on argument pid"},
		"an int compared in 64 bits": {wide, "kill(17, 9)", MayDenied,
			"may be denied (errno EPERM), depends on the upper half of an argument's register"},
	} {
		t.Run(name, func(t *testing.T) {
			o := decideText(t, c.d, c.text)
			if o.Verdict != c.want || o.Text() != c.says {
				t.Errorf("got %v: %s\nwant %v: %s", o.Verdict, o.Text(), c.want, c.says)
			}
			for _, a := range o.Answers {
				if got := c.d.Want(a.Example); got != a.Value {
					t.Errorf("the example %+v gets %s, not %s", a.Example, Name(got), Name(a.Value))
				}
			}
		})
	}
}

// allowing is an exact decider that looks at the number alone.
type allowing map[string]bool

func (a allowing) Want(d bpf.Data) uint32 {
	if a[seccomp.X8664.CallName(d.Nr)] {
		return bpf.RetAllow
	}
	return eperm
}

func (a allowing) Answers(d bpf.Data, _ [6]uint64) iter.Seq2[uint32, bpf.Data] {
	return func(yield func(uint32, bpf.Data) bool) { yield(a.Want(d), d) }
}

func TestReport(t *testing.T) {
	text := "execve(\"/bin/a\", [\"a\"], 0x7ff0 /* 3 vars */) = 0\n" +
		"[pid 12] 1700000000.000001 read(3, \"x\", 5 <unfinished ...>\n" +
		"[pid 13] socket(AF_PACKET, SOCK_RAW, 0) = 3\n" +
		"[pid 12] <... read resumed>) = 1\n" +
		"frobnicate(1) = 0\n" +
		"[pid 13] socket(AF_UNIX, SOCK_RAW, 0) = 3\n" +
		"kill(1, 9) = 0\n"
	r := Simulate(Read(strings.NewReader(text), testArch), allowing{"read": true}, testArch)
	if r.OK() || r.Calls != 5 || r.Allowed != 1 || r.Denied != 3 || !r.Launched || r.Unread != 1 {
		t.Errorf("%+v", r)
	}
	if got := r.Needed(); !slices.Equal(got, []string{"kill", "socket"}) {
		t.Error(got)
	}
	section := policy.Seccomp{Pos: policy.Pos{File: "a.yaml", Line: 9, Col: 5}}
	var b bytes.Buffer
	if err := r.Render(&b, Names{Trace: "a.strace", Policy: "a.yaml, module a", Place: Place(section)}); err != nil {
		t.Fatal(err)
	}
	want := `a.strace against a.yaml, module a: 5 calls, 1 allowed, 1 is the start of the program, 3 denied, 1 line not understood
a.strace:5:1: unknown system call "frobnicate" of x86_64
    5 | frobnicate(1) = 0
      | ^^^^^^^^^^
a.strace:3:10: the first line that is denied
    3 | [pid 13] socket(AF_PACKET, SOCK_RAW, 0) = 3
      |          ^^^^^^ errno EPERM
      socket(family=AF_PACKET, type=SOCK_RAW, protocol=0) -> errno EPERM
      by a.yaml:9:5: no rule of this section allows socket
not allowed, by call:
      2  socket               errno EPERM; first in line 3
      1  kill                 errno EPERM; first in line 7
to allow all of it: [kill, socket]
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

// TestNginx: what Debian's nginx did when it was traced is what its policy allows, and the policy denies what is taken out of it.
func TestNginx(t *testing.T) {
	text, err := os.ReadFile("../../../tests/testdata/nginx.strace")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("../../../policies/nginx.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p, ds := policy.Parse("nginx.yaml", source, policy.Options{Catalog: seccomp.Catalog(), Dir: "/etc/bulkhead", Variables: map[string]string{
		"POLICY_DIR": "/etc/bulkhead"}})
	if ds.HasErrors() {
		t.Fatal(ds)
	}
	section := p.Modules[0].Seccomp
	if seccomp.Native() != seccomp.X8664 {
		t.Skip("the trace is one of x86-64; the policy is compiled for", seccomp.Native())
	}
	arch := call.On(seccomp.X8664)
	simulate := func(s policy.Seccomp) *Report {
		decision, err := seccomp.Resolve(s)
		if err != nil {
			t.Fatal(err)
		}
		return Simulate(Read(bytes.NewReader(text), arch), decision, arch)
	}
	r := simulate(section)
	if !r.OK() || r.Calls < 200 {
		var b bytes.Buffer
		_ = r.Render(&b, Names{Trace: "nginx.strace", Policy: "nginx.yaml", Place: Place(section)})
		t.Errorf("%d calls\n%s", r.Calls, b.String())
	}
	section.Allow = slices.DeleteFunc(slices.Clone(section.Allow), func(c policy.Call) bool { return c.Name == "accept4" })
	if r = simulate(section); r.OK() || r.First == nil || r.First.Line.Call.Name != "accept4" || !slices.Equal(r.Needed(), []string{"accept4"}) {
		t.Errorf("without accept4: %+v", r)
	}
}

// BenchmarkSimulate2000 simulates 2,000 lines of nginx's own trace against the policy that ships, its decision function included.
func BenchmarkSimulate2000(b *testing.B) {
	text, err := os.ReadFile("../../../tests/testdata/nginx.strace")
	if err != nil {
		b.Fatal(err)
	}
	lines := bytes.SplitAfter(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
	lines[len(lines)-1] = append(lines[len(lines)-1], '\n')
	var long []byte
	for i := range 2000 {
		long = append(long, lines[i%len(lines)]...)
	}
	source, err := os.ReadFile("../../../policies/nginx.yaml")
	if err != nil {
		b.Fatal(err)
	}
	p, ds := policy.Parse("nginx.yaml", source, policy.Options{Catalog: seccomp.X8664.Catalog(), Dir: "/", Variables: map[string]string{"POLICY_DIR": "/"}})
	if ds.HasErrors() {
		b.Fatal(ds)
	}
	b.ReportAllocs()
	for b.Loop() {
		d, err := seccomp.Resolve(p.Modules[0].Seccomp)
		if err != nil {
			b.Fatal(err)
		}
		r := Simulate(Read(bytes.NewReader(long), testArch), d, testArch)
		if r.Calls < 1800 || r.Unread != 0 {
			b.Fatal(r.Calls, r.Unread)
		}
		if err := r.Render(io.Discard, Names{}); err != nil {
			b.Fatal(err)
		}
	}
}
