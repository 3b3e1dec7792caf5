package reference

import (
	"fmt"
	"strings"

	"github.com/bulkhead/bulkhead/core/policy/audit"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// answer is an action with what happens.
type answer struct{ word, means, rank string }

func answers() []answer {
	return []answer{
		{"kill_process", "The process ends as by SIGSYS, with all of its threads.", "strongest"},
		{"kill_thread", "The thread ends as by SIGSYS; the rest of the process goes on, which is hardly ever wanted.", ""},
		{"trap", "The thread gets SIGSYS, which a handler can look at; without a handler the process ends.", ""},
		{"errno EPERM", "The call fails with that error, by its name or its number (1 to 4095), and is not made.", ""},
		{"log", "The call is made and the kernel logs it. It denies nothing, which is a warning.", "weakest"},
	}
}

// actions writes the answers that a filter can give.
func actions(b *strings.Builder) {
	b.WriteString("\n## Actions\n\nWhat a call that is not allowed is answered with: `default`, `denied`, and the `action` of a rule in `deny`. Where several\n" +
		"rules of `deny` hold for a call, the strongest counts, seccomp(2). `default` and `denied` differ for a reason: libc takes ENOSYS for an\n" +
		"older kernel and falls back, and EPERM is what a person notices.\n\n| action | what happens | |\n|---|---|---|\n")
	for _, a := range answers() {
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", a.word, a.means, a.rank)
	}
}

// messages writes the codes of findings, and the rules of the audit.
func messages(b *strings.Builder) {
	b.WriteString("\n## Messages\n\nEach finding has a code, which keeps its meaning. E is an error, W a warning. `policy check` reports those up to 5xx;\n" +
		"those from 600 on need the host, and come with `--check` and at the start.\n\n| code | about |\n|---|---|\n")
	for _, c := range append(policy.Codes(), policy.HostCodes()...) {
		fmt.Fprintf(b, "| %s | %s |\n", c.Code, cell(c.Meaning))
	}
	b.WriteString("\n## Rules of the audit\n\nWhat `supervisor policy audit` looks for. `accept` names a rule by its ID. " +
		"[What the audit looks for](audit-rules.md) has each with its source, what to write instead, and\nan example.\n\n" +
		"| rule | finds | up to |\n|---|---|---|\n")
	for _, r := range audit.Rules() {
		fmt.Fprintf(b, "| %s | %s | %s |\n", r.ID, cell(r.Title), r.Severity)
	}
}
