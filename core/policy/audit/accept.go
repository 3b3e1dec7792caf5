package audit

import (
	"fmt"
	"time"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// accept marks the findings of a module that it takes on, and adds findings about acceptances that have expired or that nothing needs.
// One holds until Until, a midnight in UTC.
func accept(findings []Finding, module string, list []policy.Acceptance, at policy.Pos, now time.Time) []Finding {
	for i := range list {
		a := &list[i]
		place := a.Pos
		if place.Line == 0 {
			place = at
		}
		needed := false
		expired := !now.Before(a.Until)
		for j := range findings {
			f := &findings[j]
			if f.Module != module || f.Rule != a.Rule {
				continue
			}
			needed = true
			if !expired && f.Accepted == nil {
				f.Accepted = a
			}
		}
		switch {
		case !needed:
			findings = append(findings, Finding{Rule: "C30", Severity: Low, Module: module, Subject: a.Rule, Pos: place,
				Message: fmt.Sprintf("nothing to accept: module %s has no finding of %s", module, a.Rule)})
		case expired:
			findings = append(findings, Finding{Rule: "C31", Severity: Medium, Module: module, Subject: a.Rule, Pos: place,
				Message: fmt.Sprintf("the acceptance of %s expired on %s; its findings count again", a.Rule, a.Until.UTC().Format(time.DateOnly)),
				Gives:   "what the findings of " + a.Rule + " say"})
		}
	}
	return findings
}
