package policy

import (
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/core/policy/call"
	"github.com/bulkhead/bulkhead/core/policy/trace"
	"github.com/bulkhead/bulkhead/posix/bpf"
	language "github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// decider answers with errno EPERM where the first argument is odd.
type decider struct{}

func (decider) Want(d bpf.Data) uint32 {
	if d.Args[0]&1 == 1 {
		return bpf.RetErrno | 1
	}
	return bpf.RetAllow
}

// places are where a text can stand. What fuzzing finds is short, and most of what is short is no policy; so a policy is put around it.
func places() []func(text string) string {
	around := func(before, after string) func(string) string {
		return func(text string) string { return before + text + after }
	}
	const module = "version: 1\nmodules:\n  a:\n    command: [/x]\n"
	return []func(string) string{
		around("", ""),
		around(module+"    filesystem: [{path: /usr}]\n    seccomp: {allow: [", "]}\n"),
		around(module+"    filesystem: [{path: /usr}]\n    seccomp: {allow: [read], deny: [{call: clone, action: errno ENOSYS}], ", "}\n"),
		func(text string) string {
			return module + "    filesystem: [{path: /usr}]\n    seccomp:\n      allow: [read, {call: socket, when: " + strconv.Quote(text) + "}]\n"
		},
		around(module+"    filesystem: [{path: /usr}]\n    seccomp: {allow: [read]}\n    ", "\n"),
		around(module+"    seccomp: {allow: [read]}\n    filesystem: [{", "}]\n"),
		around(module+"    filesystem: [{path: /usr}]\n    seccomp: {allow: [read]}\ntests: [{name: t, module: a, ", "}]\n"),
		around(module+"    filesystem: [{path: /usr}]\n    seccomp: {allow: [read]}\n    listeners: {l: 3}\nlisteners: {l: {", "}}\n"),
	}
}

// FuzzParse takes a text through all that the workbench does: as a policy, or as a part of one, it is parsed, laid out, shown, held
// against the schema, audited, compared and compiled; and it is read as an expression, as a call, and as what strace prints. None of it
// panics, and what one of them says the others do not contradict.
func FuzzParse(f *testing.F) {
	c := newChain(f)
	around := places()
	for _, seed := range seeds() {
		f.Add(seed.place, []byte(seed.text))
	}
	f.Fuzz(func(t *testing.T, place uint8, data []byte) {
		if len(data) > 600 {
			return // what is short is made shorter in a second, and what is long is TestHostileInput's in sandbox/policy
		}
		text := string(data)
		c.policy(t, []byte(around[int(place)%len(around)](text)))
		c.expression(t, text)
		c.call(t, text)
		c.trace(t, text)
	})
}

// expression checks that an expression is printed as what it is.
func (c *chain) expression(t *testing.T, text string) {
	e, err := language.ParseExpr(text)
	if err != nil {
		return
	}
	if again, err := language.ParseExpr(e.String()); err != nil || !e.Equal(again) {
		t.Fatalf("%q is printed as %q: %v", text, e, err)
	}
	if l, err := e.Lower("socket", c.catalog); err == nil {
		l.Holds([6]uint64{1, 2, 3})
	}
}

// call checks that a call is printed as a call.
func (c *chain) call(t *testing.T, text string) {
	read, err := call.Parse(text, seccomp.X8664)
	if err != nil {
		return
	}
	if _, err := call.Parse(call.DescribeKnown(read.Data, read.Known, seccomp.X8664), seccomp.X8664); err != nil {
		t.Fatalf("%q is printed as what is no call: %v", text, err)
	}
}

// trace checks that what strace prints is counted.
func (c *chain) trace(t *testing.T, text string) {
	report := trace.Simulate(trace.Read(strings.NewReader(text), seccomp.X8664), decider{}, seccomp.X8664)
	if report.Allowed+report.Denied+report.MayBe > report.Calls {
		t.Fatalf("%q: %+v", text, report)
	}
	if err := report.Render(io.Discard, trace.Names{Trace: "t", Policy: "p"}); err != nil {
		t.Fatal(err)
	}
}
