package starter

import (
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/core/policy/format"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

func TestPolicy(t *testing.T) {
	loader, libraries := "/lib64/ld-linux-x86-64.so.2", []string{"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu"}
	for _, c := range []struct {
		name  string
		facts Facts
		want  []string
	}{
		{"static", Facts{Path: "/srv/web"}, []string{"which is a static program", "{path: /srv/web, access: rx}", "user: {dynamic: true}"}},
		{"dynamic", Facts{Path: "/usr/bin/web", Args: []string{"-p", "80", "$HOME", "a b"}, Loader: loader, Libraries: libraries, User: "www-data"},
			[]string{"a program with shared libraries", loader, "ld.so.cache", `"$$HOME"`, "user: www-data", libraries[1]}},
		{"script", Facts{Path: "/srv/run me.py", Interpreter: "/usr/bin/python3", Loader: loader, Libraries: libraries},
			[]string{"a script for", "/usr/bin/python3, access: rx", "run-me.py:", "the script"}},
		{"one path in two roles", Facts{Path: "/x", Interpreter: "/x", Loader: "/x", Libraries: []string{"/x", "/tmp", "/dev/null"}}, []string{"path: /x"}},
		{"what a name may not have", Facts{Path: "/.-é", Args: []string{"\n", "#", "é\x01"}}, []string{"program:"}},
		{"a name like a number", Facts{Path: "/bin/0x10"}, []string{`"0x10":`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, err := Policy(c.facts)
			if err != nil {
				t.Fatal(err)
			}
			p, ds := policy.Parse("new.yaml", text, policy.Options{Catalog: seccomp.Catalog()})
			if p == nil || len(ds) > 0 {
				t.Fatalf("%v\n%s", ds, text)
			}
			command := append([]string{c.facts.Path}, c.facts.Args...)
			if c.facts.Interpreter != "" {
				command = append([]string{c.facts.Interpreter}, command...)
			}
			for i, arg := range command {
				if got := p.Modules[0].Command[i].V; got != arg {
					t.Errorf("argument %d is %q", i, got)
				}
			}
			for _, want := range c.want {
				if !strings.Contains(string(text), want) {
					t.Errorf("no %q in\n%s", want, text)
				}
			}
			if !format.Formatted("new.yaml", text) {
				t.Error("it is not laid out")
			}
		})
	}
}

func TestRefused(t *testing.T) {
	for name, f := range map[string]Facts{
		"relative":            {Path: "web"},
		"nothing":             {},
		"the root":            {Path: "/x", Libraries: []string{"/"}},
		"control character":   {Path: "/x\n"},
		"relative library":    {Path: "/x", Libraries: []string{"lib"}},
		"loader is no path":   {Path: "/x", Loader: "ld.so"},
		"interpreter by name": {Path: "/x", Interpreter: "env"},
	} {
		if text, err := Policy(f); err == nil {
			t.Errorf("%s: %s", name, text)
		}
	}
}
