package workbench

import "github.com/bulkhead/bulkhead/core/policy/diff"

// diff compares two policies. The status is that of findings when the second one permits anything that the first does not.
func (t *task) diff() error {
	a, fine := t.parse(t.Inputs[0]) // each by itself: one may include the other
	b, too := t.parse(t.Inputs[1])
	if !fine || !too {
		return errReported
	}
	report, err := diff.Policies(a, b)
	if err != nil {
		return err
	}
	if report.Wider() {
		t.found()
	}
	if t.option("output") == "json" {
		return diff.RenderJSON(&t.out, report)
	}
	return diff.Render(&t.out, report, t.text)
}
