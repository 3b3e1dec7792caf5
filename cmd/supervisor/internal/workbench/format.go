package workbench

import (
	"bytes"
	"fmt"

	"github.com/bulkhead/bulkhead/core/policy/format"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// format lays policies out. Without an option the new text is printed; "write" changes the files that differ, "list" names them.
func (t *task) format() error {
	t.rewritten = map[int][]byte{}
	for i, in := range t.Inputs {
		text, ds := format.Format(in.Name, in.Text)
		if ds.HasErrors() {
			if err := policy.Render(&t.err, ds, in.Text); err != nil {
				return err
			}
			t.status = invalid
			continue
		}
		changed := !bytes.Equal(text, in.Text)
		switch {
		case t.option("write") != "":
			if changed {
				t.rewritten[i] = text
			}
		case t.option("list") != "":
			if changed {
				fmt.Fprintln(&t.out, in.Name)
				t.found()
			}
		default:
			t.out.Write(text)
		}
	}
	return nil
}
