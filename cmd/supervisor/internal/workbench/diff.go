package workbench

import (
	"slices"

	"github.com/bulkhead/bulkhead/core/policy/diff"
	"github.com/bulkhead/bulkhead/core/policy/filter"
)

// diff compares two policies. The status is that of findings when the second one permits anything that the first does not.
func (t *task) diff() error {
	if slices.ContainsFunc(t.Inputs, func(in Input) bool { return filter.Is(in.Name, in.Text) }) {
		a, b, err := t.decisions()
		if err != nil {
			return err
		}
		return t.differences(diff.Filters(a, b))
	}
	a, fine := t.parse(t.Inputs[0]) // each by itself: one may include the other
	b, too := t.parse(t.Inputs[1])
	if !fine || !too {
		return errReported
	}
	report, err := diff.Policies(a, b)
	if err != nil {
		return err
	}
	return t.differences(report)
}

// differences prints a comparison.
func (t *task) differences(report *diff.Report) error {
	if report.Wider() {
		t.found()
	}
	if t.option("output") == "json" {
		return diff.RenderJSON(&t.out, report)
	}
	return diff.Render(&t.out, report, t.text)
}
