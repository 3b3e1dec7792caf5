package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

func compiled(t testing.TB) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(JSON(seccomp.Catalog())))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("policy.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("policy.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if s.DraftVersion != 7 {
		t.Fatalf("draft %d", s.DraftVersion)
	}
	return s
}

func validate(t testing.TB, s *jsonschema.Schema, text string) error {
	t.Helper()
	tree, ds := policy.ReadTree("p.yaml", []byte(text))
	if tree == nil {
		t.Fatal(ds)
	}
	return s.Validate(Document(tree))
}

func TestRepository(t *testing.T) {
	s := compiled(t)
	valid := 0
	for _, root := range []string{"policies", "tests", "sandbox", "core/policy"} {
		err := filepath.WalkDir(filepath.Join("../../..", root), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".yaml" {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			variables := map[string]string{"POLICY_DIR": "/p", "SUPERVISOR": "/p/s", "SITE": "/p"}
			p, _ := policy.Parse(path, text, policy.Options{Catalog: seccomp.Catalog(), Dir: "/p", Variables: variables})
			if p == nil {
				return nil // broken on purpose, or not a policy
			}
			valid++
			if err := validate(t, s, string(text)); err != nil {
				t.Errorf("%s: %v", path, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if valid < 7 {
		t.Errorf("only %d valid policies", valid)
	}
}

// beyond are the codes of what a schema cannot say, as the package's Limits have it: what keys say against each other, names that the author
// chooses, what calls other architectures have, what expressions mean, and ranges of what has a unit.
var beyond = regexp.MustCompile(`^([EW]30[3-8]|[EW]31\d|[EW]32\d|[EW]4\d\d|E20[12]|E210|E30[19]|E501|E50[3-9]|E51\d)$`)

// TestBroken: what the parser refuses, the schema refuses too, but for what a schema cannot say.
func TestBroken(t *testing.T) {
	s := compiled(t)
	files, err := filepath.Glob("../../../tests/testdata/broken/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		tree, _ := policy.ReadTree(path, text)
		if tree == nil || strings.Contains(path, "nested-a-thousand-deep") {
			continue // no schema is asked about what is not YAML
		}
		if s.Validate(Document(tree)) != nil {
			refused++
			continue
		}
		_, ds := policy.Parse(path, text, policy.Options{Catalog: seccomp.X8664.Catalog(), Dir: "/srv/app"})
		for _, d := range ds {
			if !beyond.MatchString(d.Code) {
				t.Errorf("the schema accepts %v", d)
			}
		}
	}
	if refused < 15 {
		t.Errorf("the schema refuses %d of %d broken policies", refused, len(files))
	}
	t.Logf("refused %d of %d", refused, len(files))
}

// module is a policy with one module that has some keys more.
func module(keys ...string) string {
	return "version: 1\nmodules:\n  a:\n    command: [/x]\n    filesystem: [{path: /usr}]\n    seccomp: {allow: [read]}\n    " +
		strings.Join(keys, "\n    ") + "\n"
}

func TestSchema(t *testing.T) {
	s := compiled(t)
	for _, c := range []struct {
		name, text string
		ok         bool
	}{
		{"least", module(), true},
		{"signal by number", module("stop_signal: 15"), true},
		{"signal without SIG", module("stop_signal: TERM"), true},
		{"real-time signal", module("stop_signal: RTMIN+3"), true},
		{"variable for a number", module("replicas: ${N}"), true},
		{"limits", module("rlimits: {nofile: {soft: 10, hard: 20}, cpu: 10s, as: unlimited, core: 0}"), true},
		{"cpu.max as the kernel has it", module(`resources: {cpu.max: "50000 100000"}`), true},
		{"extends", "version: 1\nprofiles: {b: {command: [/x], seccomp: {denied: trap}}}\n" +
			"modules: {a: {extends: b, seccomp: {allow: [read]}, filesystem: [{path: /usr}]}}", true},
		{"version", strings.Replace(module(), "version: 1", "version: 2", 1), false},
		{"no module", "version: 1\nmodules: {}\n", false},
		{"nothing in a module", "version: 1\nmodules: {a: {command: [/x]}}\n", false},
		{"key of the top", "paths: []\n" + module(), false},
		{"key of a module", module("privileged: true"), false},
		{"key of a mount", strings.Replace(module(), "{path: /usr}", "{path: /usr, ro: true}", 1), false},
		{"system call", strings.Replace(module(), "[read]", "[raed]", 1), false},
		{"group", strings.Replace(module(), "[read]", `["@everything"]`, 1), false},
		{"call in a list in the list", strings.Replace(module(), "[read]", "[[raed]]", 1), false},
		{"command without a list", strings.Replace(module(), "[/x]", "/x", 1), false},
		{"capability", module("capabilities: [everything]"), false},
		{"namespace", module("namespaces: [net]"), false},
		{"signal", module("stop_signal: SIGSTOP"), false},
		{"limit", module("rlimits: {files: 3}"), false},
		{"limit without its unit", module("rlimits: {as: 100}"), false},
		{"resource", module("resources: {memory.low: 1M}"), false},
		{"size without its unit", module("resources: {memory.max: 1000}"), false},
		{"duration without its unit", module("stop_grace_period: 10"), false},
		{"word", module("network: {mode: bridge}"), false},
		{"access", strings.Replace(module(), "{path: /usr}", "{path: /usr, access: ro}", 1), false},
		{"mode as a number", strings.Replace(module(), "{path: /usr}", "{path: /usr, tmpfs: 1M, mode: 700}", 1), false},
		{"address", "listeners: {h: {address: localhost}}\n" + module(), false},
		{"kernel", "kernel: 6.1\n" + module(), false},
		{"action", strings.Replace(module(), "allow", "denied: maybe, allow", 1), false},
		{"name", strings.Replace(module(), "  a:", "  a/b:", 1), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := validate(t, s, c.text)
			if (err == nil) != c.ok {
				t.Errorf("the schema says %v", err)
			}
			p, ds := policy.Parse("p.yaml", []byte(c.text), policy.Options{Catalog: seccomp.Catalog(), Variables: map[string]string{"N": "2"}})
			if (p != nil) != c.ok {
				t.Errorf("the parser says %v", ds)
			}
		})
	}
}

func TestSameBytes(t *testing.T) {
	if a, b := JSON(seccomp.Catalog()), JSON(seccomp.Catalog()); !bytes.Equal(a, b) {
		t.Error("two runs make two schemas")
	}
}

// TestWhole compares the tables with what was made of them: every type and every word that the language has.
func TestWhole(t *testing.T) {
	var s struct {
		Definitions map[string]json.RawMessage `json:"definitions"`
	}
	text := JSON(seccomp.Catalog())
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	for _, k := range policy.Language() {
		for _, in := range []bool{false, true} {
			if !bytes.Contains(s.Definitions[name(k.In, in)], fmt.Appendf(nil, "%q", k.Name)) {
				t.Errorf("%s: no key %s", k.In, k.Name)
			}
		}
		for _, w := range append(policy.Vocabulary(k.Type), k.Choices()...) {
			if !bytes.Contains(text, fmt.Appendf(nil, "%q", w)) {
				t.Errorf("%s %s: no word %s", k.In, k.Name, w)
			}
		}
	}
	for ref := range strings.SplitSeq(string(text), `"$ref": "#/definitions/`) {
		ref, _, _ := strings.Cut(ref, `"`)
		if !strings.HasPrefix(ref, "{") && s.Definitions[strings.ReplaceAll(ref, "%20", " ")] == nil { // the first is the start of the text
			t.Errorf("no definition of %s", ref)
		}
	}
}
