package audit

import (
	"fmt"
	"strings"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Conditions under which calls stay open when a finding is answered. Each is one that package policy reads.
const (
	keepFamilies   = "family in [AF_INET, AF_INET6, AF_UNIX]"
	keepUnix       = "family == AF_UNIX"
	keepStream     = "(type & SOCK_TYPE_MASK) == SOCK_STREAM"
	keepOwnUser    = "!(clone_flags & CLONE_NEWUSER)"
	keepNoTyping   = "cmd != TIOCSTI && cmd != TIOCLINUX"
	keepEither     = "!(prot & PROT_WRITE && prot & PROT_EXEC)"
	keepNoExec     = "!(prot & PROT_EXEC)"
	keepNoShmExec  = "!(shmflg & SHM_EXEC)"
	keepRandomised = "!(personality & ADDR_NO_RANDOMIZE)"
)

// fix says what to write so that a call is closed, or with a condition so that it is open under that condition only. What comes through a
// group cannot be taken out of it, and is denied.
func (c *check) fix(o opened, keep string) string {
	rule, found := c.set.Rule(o.arch, o.data)
	switch {
	case !found: // it is open because the section opens what no rule names
		return "close what no rule allows: denied: errno EPERM"
	case rule.Group != "" && keep == "":
		return fmt.Sprintf("deny: [%s], because it comes through %s", o.call, rule.Group)
	case rule.Group != "":
		return fmt.Sprintf(`deny: [{call: %s, when: "%s"}], because it comes through %s`, o.call, not(keep), rule.Group)
	case keep == "":
		return "remove " + o.call + " from allow"
	case rule.When != nil:
		return fmt.Sprintf(`{call: %s, when: "%s"} instead`, o.call, both(rule.When, keep))
	}
	return fmt.Sprintf(`{call: %s, when: "%s"} instead of %s`, o.call, keep, o.call)
}

// not negates a condition.
func not(keep string) string {
	if inner, found := strings.CutPrefix(keep, "!("); found {
		return strings.TrimSuffix(inner, ")")
	}
	return "!(" + keep + ")"
}

// both joins the condition of a rule and another one.
func both(when *policy.Expr, keep string) string {
	e, err := policy.ParseExpr("(" + when.Text + ") && (" + keep + ")")
	if err != nil {
		return "(" + when.Text + ") && (" + keep + ")"
	}
	return e.String()
}
