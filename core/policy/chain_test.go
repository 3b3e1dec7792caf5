package policy

import (
	"bytes"
	"io"
	"reflect"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/bulkhead/bulkhead/core/policy/audit"
	"github.com/bulkhead/bulkhead/core/policy/call"
	"github.com/bulkhead/bulkhead/core/policy/diff"
	"github.com/bulkhead/bulkhead/core/policy/disasm"
	"github.com/bulkhead/bulkhead/core/policy/effective"
	"github.com/bulkhead/bulkhead/core/policy/explain"
	"github.com/bulkhead/bulkhead/core/policy/format"
	"github.com/bulkhead/bulkhead/core/policy/schema"
	"github.com/bulkhead/bulkhead/core/policy/suite"
	"github.com/bulkhead/bulkhead/core/policy/systemd"
	"github.com/bulkhead/bulkhead/core/policy/trace"
	"github.com/bulkhead/bulkhead/posix/bpf"
	language "github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

const file = "a.yaml"

// chain takes policies through the whole workbench.
type chain struct {
	catalog language.Catalog
	schema  *jsonschema.Schema
}

func newChain(t testing.TB) *chain {
	t.Helper()
	catalog := seccomp.X8664.Catalog()
	text, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema.JSON(catalog)))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("schema", text); err != nil {
		t.Fatal(err)
	}
	s, err := compiler.Compile("schema")
	if err != nil {
		t.Fatal(err)
	}
	return &chain{catalog, s}
}

func (c *chain) parse(text []byte) (*language.Policy, language.Diagnostics) {
	return language.Parse(file, text, language.Options{Catalog: c.catalog, Dir: "/etc"})
}

// policy does everything with a text that can be done with a policy, and tells whether it is one.
func (c *chain) policy(t *testing.T, text []byte) bool {
	t.Helper()
	p, ds := c.parse(text)
	if (p == nil) != ds.HasErrors() {
		t.Fatalf("policy %v with findings %v", p, ds)
	}
	if err := language.Render(io.Discard, ds, text); err != nil {
		t.Fatal(err)
	}
	c.laidOut(t, text, p)
	if p == nil {
		return false
	}
	c.shown(t, text, p)
	tree, _ := language.ReadTree(file, text)
	if err := c.schema.Validate(schema.Document(tree)); err != nil {
		t.Fatalf("the parser accepts what the schema does not: %v\n%s", err, text)
	}
	report, err := audit.Policy(p, audit.Options{Now: time.Unix(0, 0)})
	if err == nil {
		err = audit.Render(io.Discard, report.Findings, audit.RenderOptions{Source: func(string) []byte { return text }})
	}
	if err != nil {
		t.Fatalf("audit: %v\n%s", err, text)
	}
	changes, err := diff.Policies(p, p)
	if err != nil || len(changes.Changes) > 0 {
		t.Fatalf("compared with itself: %v, %+v\n%s", err, changes, text)
	}
	if units, _ := systemd.Export(p, systemd.Options{}); len(units) < len(p.Modules) {
		t.Fatalf("%d units of %d modules\n%s", len(units), len(p.Modules), text)
	}
	for i := range p.Modules {
		c.module(t, text, &p.Modules[i])
	}
	c.tests(t, p)
	return true
}

// laidOut checks that fmt is idempotent and keeps what a text says, whether it is a policy or not.
func (c *chain) laidOut(t *testing.T, text []byte, p *language.Policy) {
	t.Helper()
	once, ds := format.Format(file, text)
	if once == nil {
		if !ds.HasErrors() || p != nil || ds[0].Code == "E117" {
			t.Fatalf("refused, with policy %v and findings %v\n%s", p, ds, text)
		}
		return
	}
	if twice, ds := format.Format(file, once); !bytes.Equal(once, twice) {
		t.Fatalf("laid out twice (%v)\n%s\nand once\n%s", ds, twice, once)
	}
	if p != nil {
		c.same(t, text, p, once)
	}
}

// shown checks that what is in effect is a policy that says the same.
func (c *chain) shown(t *testing.T, text []byte, p *language.Policy) {
	t.Helper()
	out, err := effective.Text(p, map[string][]byte{file: text}, "")
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	c.same(t, text, p, out)
}

// same checks that another text says what a policy says.
func (c *chain) same(t *testing.T, text []byte, p *language.Policy, other []byte) {
	t.Helper()
	again, ds := c.parse(other)
	if again == nil {
		t.Fatalf("%v\n%s\nwas\n%s", ds, other, text)
	}
	if got, want := again.Meaning(), p.Meaning(); !reflect.DeepEqual(got, want) || again.Kernel.V != p.Kernel.V {
		t.Fatalf("%v\nwas\n%v\n%s\nwas\n%s", got, want, other, text)
	}
}

// module compiles a module's filter and proves it.
func (c *chain) module(t *testing.T, text []byte, m *language.Module) {
	t.Helper()
	d, err := seccomp.Resolve(m.Seccomp)
	if err != nil {
		t.Fatalf("resolve: %v\n%s", err, text)
	}
	f, err := seccomp.Emit(d)
	if err != nil {
		t.Fatalf("emit: %v\n%s", err, text)
	}
	program, err := bpf.Decode(f.Program)
	if err != nil {
		t.Fatal(err)
	}
	if err := seccomp.Prove(program, d); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if disasm.Text(program, disasm.Options{Rules: disasm.Rules(m.Seccomp), Prototype: seccomp.Arch.Prototype}) == "" {
		t.Fatal("a filter without instructions")
	}
	for _, name := range []string{"read", "socket", "clone"} {
		e, err := explain.Call(m, name, c.catalog)
		if err == nil {
			err = e.Text(io.Discard)
		}
		if err != nil {
			t.Fatalf("explain %s: %v\n%s", name, err, text)
		}
	}
}

// tests runs the tests of a policy.
func (c *chain) tests(t *testing.T, p *language.Policy) {
	t.Helper()
	module := func(name string) *language.Module {
		for i := range p.Modules {
			if p.Modules[i].Name == name {
				return &p.Modules[i]
			}
		}
		return nil
	}
	results := suite.Run(p.Tests, suite.Env{
		Arch:    call.On(seccomp.X8664),
		Decider: func(name string) (trace.Decider, error) { return seccomp.Resolve(module(name).Seccomp) },
		Place:   func(name string) func(string) (trace.Where, bool) { return trace.Place(module(name).Seccomp) },
		Read:    func(string) ([]byte, error) { return []byte("read(0, \"\", 1) = 0\n"), nil },
		Wider:   func(string, string) ([]string, error) { return []string{"read(0, NULL, 1)"}, nil },
	})
	if err := suite.Render(io.Discard, results); err != nil || len(results) != len(p.Tests) {
		t.Fatalf("%d results of %d tests: %v", len(results), len(p.Tests), err)
	}
}
