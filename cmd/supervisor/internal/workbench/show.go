package workbench

import "github.com/bulkhead/bulkhead/core/policy/effective"

// show prints what the modules of a policy really have, each line with its origin.
func (t *task) show() error {
	in := t.Inputs[0]
	p, ok := t.parse(in)
	if !ok {
		return errReported
	}
	text, err := effective.Text(p, t.texts, t.option("module"))
	if err != nil {
		return err
	}
	t.out.Write(text)
	return nil
}
