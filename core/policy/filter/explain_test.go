package filter

import (
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

func TestExplain(t *testing.T) {
	f := compiled(t, section(t, `allow: [read, {call: socket, when: "family in [AF_INET, AF_UNIX]"}], deny: [{call: ptrace, action: errno ENOSYS}]`))
	arch := " on " + seccomp.Native().Name()
	for call, want := range map[string]string{
		"read":   "x.bpf: read" + arch,
		"socket": "\n  allow when family in [1..2]\n  errno 1 otherwise\n",
		"ptrace": "\n  errno 38\n",
		"mount":  "\n  errno 1\n",
	} {
		es, err := f.Explain(call)
		if err != nil || len(es) != 1 {
			t.Fatalf("%v, %v", es, err)
		}
		var b strings.Builder
		if err := es[0].Text(&b); err != nil || !strings.Contains(b.String(), want) {
			t.Errorf("%q, want %q; %v", b.String(), want, err)
		}
	}
	if _, err := f.Explain("raed"); err == nil {
		t.Error("a call that there is not")
	}
}
