package workbench

import "github.com/bulkhead/bulkhead/core/policy/diff"

// diff compares two policies. The status is that of findings when the second one permits anything that the first does not.
func (t *task) diff() error {
	policies, err := t.policies()
	if err != nil {
		return err
	}
	report, err := diff.Policies(policies[0], policies[1])
	if err != nil {
		return err
	}
	if report.Wider() {
		t.found()
	}
	if t.option("output") == "json" {
		return diff.RenderJSON(&t.out, report)
	}
	return diff.Render(&t.out, report, t.source)
}
