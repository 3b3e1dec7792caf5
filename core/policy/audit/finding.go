package audit

import (
	"cmp"
	"slices"
	"strings"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Finding is one weakness of one module.
type Finding struct {
	Rule     string // the ID of one of Rules
	Severity Severity
	Module   string
	Subject  string     // what it is about, such as "ptrace"; with Rule and Module it identifies the finding across versions of a policy
	Message  string     // one line
	Pos      policy.Pos // the line that opens it, or the section
	Witness  *Witness   // of the filter: it answered it so; nil for what another layer gives
	Shows    string     // a call that shows what another layer gives; "" with a Witness, and for what no call shows
	Gives    string     // what it gives an attacker
	Source   string     // where that is documented: a CVE, a man page
	Fix      string
	Accepted *policy.Acceptance // nil: not accepted
}

// Witness is a system call that shows a finding.
type Witness struct {
	Call   bpf.Data
	Arch   string // as a policy names it, such as "x86_64"
	Text   string // such as "socket(AF_ALG, 0, 0)"
	Answer uint32 // what the filter answers
}

// Report is what an audit found.
type Report struct {
	Findings []Finding // sorted: file, severity, place
}

// Unaccepted returns the findings of at least a severity that nobody has taken on.
func (r *Report) Unaccepted(least Severity) []Finding {
	var list []Finding
	for _, f := range r.Findings {
		if f.Accepted == nil && f.Severity >= least {
			list = append(list, f)
		}
	}
	return list
}

// sorted orders findings by file, from the worst on, and by place.
func sorted(list []Finding) []Finding {
	slices.SortStableFunc(list, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Pos.File, b.Pos.File), cmp.Compare(b.Severity, a.Severity), cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Pos.Col, b.Pos.Col), cmp.Compare(a.Rule, b.Rule), strings.Compare(a.Subject, b.Subject))
	})
	return list
}
