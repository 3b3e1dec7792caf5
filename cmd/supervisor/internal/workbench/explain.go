package workbench

import (
	"fmt"
	"strings"

	"github.com/bulkhead/bulkhead/core/policy/explain"
	"github.com/bulkhead/bulkhead/core/policy/filter"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// explain says what policies mean for system calls.
func (t *task) explain() error {
	if len(t.Inputs) == 0 {
		return t.explainGroups()
	}
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
			if strings.HasPrefix(name, "@") {
				return fmt.Errorf("%s is a group: policy explain %s, without a file, says what is in it", name, name)
			}
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

// explainGroups says which calls groups have.
func (t *task) explainGroups() error {
	var all []explain.Group
	for _, name := range strings.Fields(t.option("calls")) {
		g, err := explain.NewGroup(name, seccomp.Catalog(), seccomp.Origin())
		if err != nil {
			return err
		}
		all = append(all, g)
	}
	return t.print(all, func() error {
		for _, g := range all {
			if err := g.Text(&t.out); err != nil {
				return err
			}
		}
		return nil
	})
}
