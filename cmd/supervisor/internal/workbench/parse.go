package workbench

import (
	"path/filepath"

	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// parse reads one input as a policy, with what it includes. What is wrong with it is printed; warnings are left to `policy check`.
func (t *task) parse(in Input) (*policy.Policy, bool) {
	p, ds, _ := t.parseQuietly(in)
	if p == nil {
		t.report(ds)
	}
	return p, p != nil
}

// report prints findings, what is wrong with a file that several inputs include once.
func (t *task) report(ds policy.Diagnostics) {
	if t.said == nil {
		t.said = map[policy.Diagnostic]bool{}
	}
	var fresh policy.Diagnostics
	for _, d := range ds {
		if !t.said[d] {
			fresh = append(fresh, d)
		}
		t.said[d] = true
	}
	if err := policy.RenderFiles(&t.err, fresh, t.text); err != nil {
		panic(err) // a buffer takes everything
	}
}

// text returns the text of a file that a position names: an input, or what one includes.
func (t *task) text(file string) []byte { return t.texts[file] }

// parseQuietly also returns what the policy includes, by where it lies.
func (t *task) parseQuietly(in Input) (p *policy.Policy, ds policy.Diagnostics, parts []string) {
	if t.texts == nil {
		t.texts, t.includes = map[string][]byte{}, map[string]answer{}
	}
	t.texts[in.Name] = in.Text
	p, ds = policy.Parse(in.Name, in.Text, policy.Options{
		Catalog: seccomp.Catalog(), Variables: t.Variables, Dir: in.Dir,
		Include: func(path string) (policy.Included, error) {
			a, known := t.includes[path]
			if !known {
				var err error
				if a, err = t.question(question{Path: path, Policy: true}); err != nil {
					return policy.Included{}, err
				}
				t.includes[path], t.texts[path] = a, a.Text
			}
			parts = append(parts, place(a.Dir, path))
			return policy.Included{Text: a.Text, Dir: a.Dir}, nil
		},
	})
	if p == nil {
		return nil, ds, parts
	}
	if wrong := seccomp.Fits(p); wrong != nil {
		return nil, append(ds, wrong...), parts
	}
	return p, ds, parts
}

// place is where a file lies: a file that is included is told from one that the command line names by it.
func place(dir, name string) string { return filepath.Join(dir, filepath.Base(name)) }

// policies reads all inputs as policies, and reports what is wrong in all of them. One that another one includes is a part of that one.
func (t *task) policies() ([]*policy.Policy, error) {
	all, findings := make([]*policy.Policy, len(t.Inputs)), make([]policy.Diagnostics, len(t.Inputs))
	places, parts := make([]string, len(t.Inputs)), make([][]string, len(t.Inputs))
	for i, in := range t.Inputs {
		places[i] = place(in.Dir, in.Name)
		all[i], findings[i], parts[i] = t.parseQuietly(in)
	}
	var out []*policy.Policy
	wrong := false
	for _, i := range policy.Roots(places, parts) {
		if all[i] == nil {
			wrong = true
			t.report(findings[i])
			continue
		}
		out = append(out, all[i])
	}
	if wrong {
		return nil, errReported
	}
	return out, nil
}
