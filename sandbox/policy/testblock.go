package policy

import "maps"

// Test is one entry of the tests block: a call or a trace with what must come of it, or a policy that the module is no wider than. Exactly
// one of Call, Trace and SubsetOf is set.
type Test struct {
	Name     string
	Module   Value[string]
	Call     Value[string] // such as "socket(AF_PACKET, SOCK_RAW, 0)"; it is read by who runs the test
	Trace    Value[string] // the absolute path of output of strace
	SubsetOf Value[string] // the absolute path of a policy
	Expect   Value[Action] // of Call and Trace; ActionAllow is "allowed"
	Pos      Pos
}

const maxTests = 10_000

// tests reads the tests block.
func (d *decoder) tests(n *node, modules []Module) []Test {
	var list []Test
	names := map[string]Pos{}
	known := map[string]struct{}{}
	for _, m := range modules {
		known[m.Name] = struct{}{}
	}
	for i, item := range d.list(n, "a list of tests") {
		if i == maxTests {
			d.report(codeTooMuch, item.span, "more than %d tests", maxTests)
			break
		}
		if d.full() {
			break
		}
		f, ok := d.fields(item, "a test", "a map with name, module, call and expect", "name", "module", "call", "trace", "subset_of", "expect")
		if !ok {
			continue
		}
		t := Test{Pos: item.pos}
		if v := f.need("name", item.span, "the test", "name: what it shows"); v != nil {
			t.Name = d.testName(v, names)
		}
		if v := f.need("module", item.span, "the test", "module: NAME"); v != nil {
			t.Module = d.testModule(v, known, modules)
		}
		d.testSubject(f, item, &t)
		list = append(list, t)
	}
	return list
}

func (d *decoder) testName(n *node, names map[string]Pos) string {
	s, ok := d.word(n, "what the test shows")
	if !ok {
		return ""
	}
	if earlier, twice := names[s]; twice {
		d.report(codeTwice, n.span, "a test has the name %q already", s).help("the first one is on %s", lineOf(earlier, n.pos))
		return s
	}
	names[s] = n.pos
	return s
}

func (d *decoder) testModule(n *node, known map[string]struct{}, modules []Module) Value[string] {
	s, ok := d.word(n, "the name of a module")
	if !ok {
		return Value[string]{}
	}
	if _, there := known[s]; !there && len(modules) > 0 {
		d.report(codeUnknownModule, n.span, "module %q is not defined", s).hint(didYouMean(nearest(s, maps.Keys(known))))
		return Value[string]{}
	}
	return Value[string]{s, n.pos}
}

// testSubject reads what a test is about and what is expected of it.
func (d *decoder) testSubject(f fields, item *node, t *Test) {
	subjects := 0
	for _, key := range []string{"call", "trace", "subset_of"} {
		n := f.get(key)
		if n == nil {
			continue
		}
		if subjects++; subjects > 1 {
			d.report(codeTwice, f.n.entry(key).at, "a test has one of call, trace and subset_of").help("make it two tests")
			continue
		}
		v := d.value(n, "a string")
		if !v.Set() {
			continue
		}
		if key == "call" {
			t.Call = v
			continue
		}
		path, ok := d.path(n, v.V)
		if !ok {
			continue
		}
		if v.V = path; key == "trace" {
			t.Trace = v
		} else {
			t.SubsetOf = v
		}
	}
	expect := f.get("expect")
	switch {
	case subjects == 0:
		d.report(codeMissingKey, item.span, "the test is about nothing").help(`add call: "socket(AF_PACKET, SOCK_RAW, 0)", trace: FILE or subset_of: FILE`)
	case f.get("subset_of") != nil && expect != nil:
		d.report(codeNoEffect, f.n.entry("expect").at, "expect has no effect with subset_of: a module that is wider fails").help("remove it")
	case f.get("subset_of") == nil:
		if v := f.need("expect", item.span, "the test", "expect: allowed, or an action such as errno EPERM"); v != nil {
			t.Expect = d.expectation(v)
		}
	}
}

// expectation reads "allowed" or an action that denies.
func (d *decoder) expectation(n *node) Value[Action] {
	if n.kind == kindScalar {
		switch n.text {
		case "allowed":
			return Value[Action]{Action{Kind: ActionAllow}, n.pos}
		case "allow", "denied":
			want := map[string]string{"allow": "allowed", "denied": "errno EPERM"}[n.text]
			d.report(codeChoice, n.span, "unknown expectation %q", n.text).hint(didYouMean(want)).help("allowed, or an action such as errno EPERM")
			return Value[Action]{}
		case "log":
			return Value[Action]{Action{Kind: ActionLog}, n.pos}
		}
	}
	return d.action(n, "expect", Action{})
}
