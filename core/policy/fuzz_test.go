package policy

import (
	"io"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/core/policy/call"
	"github.com/bulkhead/bulkhead/core/policy/trace"
	"github.com/bulkhead/bulkhead/posix/bpf"
	language "github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// table is the architecture of the tests: x86-64 with the prototype of one call.
type table struct{ seccomp.Arch }

func (table) Prototype(name string) (language.Prototype, bool) {
	return language.Prototype{Params: []language.Param{
		{Name: "family", Type: "int", Width: 32, Signed: true}, {Name: "type", Type: "int", Width: 32, Signed: true},
		{Name: "protocol", Type: "int", Width: 32, Signed: true},
	}}, name == "socket"
}

func (table) Constant(name string) (uint64, bool) {
	i := strings.Index("AF_UNSPEC AF_UNIX AF_INET ", name+" ")
	return uint64(max(i, 0)), i >= 0
}

func (table) Constants() []string { return []string{"AF_UNSPEC", "AF_UNIX", "AF_INET"} }

// decider answers with errno EPERM where the first argument is odd.
type decider struct{}

func (decider) Want(d bpf.Data) uint32 {
	if d.Args[0]&1 == 1 {
		return bpf.RetErrno | 1
	}
	return bpf.RetAllow
}

// FuzzParse feeds the same bytes to all that the workbench parses: as a policy, as an expression, as a call, and as what strace prints. None
// of it panics, and what it says can be shown.
func FuzzParse(f *testing.F) {
	arch := table{seccomp.X8664}
	for _, text := range []string{
		"version: 1\nmodules:\n  a:\n    command: [/bin/a]\n    seccomp: {allow: [read, {call: socket, when: \"family == AF_UNIX\"}]}\n",
		"family in [AF_INET, 2..7] && !(type & 0xf == 3 || raw64(protocol) < -1)",
		"socket(AF_UNIX, 1|~2<<3, _)",
		"12 17:01:02 socket(AF_INET, 5</a>, \"\\\"\" <unfinished ...>\n12 <... socket resumed>) = -1 EPERM (no)\n--- SIGCHLD {} ---\n",
		"a: &x [*x, *x]\n",
	} {
		f.Add([]byte(text))
	}
	catalog := arch.Catalog()
	catalog.Prototype, catalog.Constant, catalog.Constants = arch.Prototype, arch.Constant, arch.Constants
	f.Fuzz(func(t *testing.T, data []byte) {
		text := string(data)
		p, ds := language.Parse("a.yaml", data, language.Options{Catalog: catalog, Dir: "/etc"})
		if (p == nil) != ds.HasErrors() {
			t.Fatalf("policy %v with findings %v", p, ds)
		}
		if err := language.Render(io.Discard, ds, data); err != nil {
			t.Fatal(err)
		}
		if e, err := language.ParseExpr(text); err == nil {
			if again, err := language.ParseExpr(e.String()); err != nil || !e.Equal(again) {
				t.Fatalf("%q is printed as %q: %v", text, e, err)
			}
			if c, err := e.Lower("socket", catalog); err == nil {
				c.Holds([6]uint64{1, 2, 3})
			}
		}
		if c, err := call.Parse(text, arch); err == nil {
			if _, err := call.Parse(call.DescribeKnown(c.Data, c.Known, arch), arch); err != nil {
				t.Fatalf("%q is printed as what is no call: %v", text, err)
			}
		}
		report := trace.Simulate(trace.Read(strings.NewReader(text), arch), decider{}, arch)
		if report.Allowed+report.Denied+report.MayBe > report.Calls {
			t.Fatalf("%q: %+v", text, report)
		}
		if err := report.Render(io.Discard, trace.Names{Trace: "t", Policy: "p"}); err != nil {
			t.Fatal(err)
		}
	})
}
