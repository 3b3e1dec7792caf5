package workbench

import (
	"strings"

	"github.com/bulkhead/bulkhead/core/policy/explain"
	"github.com/bulkhead/bulkhead/core/policy/filter"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// explain says what policies mean for system calls.
func (t *task) explain() error {
	if len(t.Inputs) == 1 && filter.Is(t.Inputs[0].Name, t.Inputs[0].Text) {
		return t.explainFilter(t.Inputs[0])
	}
	modules, err := t.modules()
	if err != nil {
		return err
	}
	var all []explain.Explanation
	for _, m := range modules {
		for _, name := range strings.Fields(t.option("calls")) {
			e, err := explain.Call(m, name, seccomp.Catalog())
			if err != nil {
				return err
			}
			all = append(all, e)
		}
	}
	return t.print(all, func() error {
		for _, e := range all {
			if err := e.Text(&t.out); err != nil {
				return err
			}
		}
		return nil
	})
}
